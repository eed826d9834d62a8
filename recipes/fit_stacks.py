"""Fit an ensemble of a recipe."""

from collections.abc import Mapping

from medusa.console import say
from medusa.ensemble.fit_stack import fit_stack
from medusa.heads.runs.run_dir import RunDir
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.identity import Record, identity, stack_inputs
from medusa.recipes.tasks import StackTask
from medusa.workspace import Workspace


def fit_ensemble(
    workspace: Workspace,
    recipe: Recipe,
    name: str,
    task: StackTask,
    heads: Mapping[str, str],
    record: Record,
) -> RunDir:
    """Fit one ensemble and return its run.

    Args:
        workspace: with manifest and runs.
        recipe, name: the recipe, and the beginning of the names of its runs.
        task: the ensemble.
        heads: task -> run, of the heads that are up to date.
        record: everything that the ensemble depends on.

    Raises:
        MedusaError: the members do not fit together, or the settings are invalid.
    """
    run = f"{name}.{task.name}.{identity(record)}"
    members, config = stack_inputs(workspace, recipe.stacks[task.stack], task, heads)
    # A folder of this name without the mark of a finished run is the rest of an interrupted run.
    stacked = fit_stack(workspace, members, name=run, config=config, force=True)
    say(f"{task.name}: stacked")
    return stacked
