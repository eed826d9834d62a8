"""Update a recipe in a workspace: extract features, train heads, fit ensembles."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from medusa.device import computers, one_thread
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.extraction import extract_missing
from medusa.recipes.find_runs import RecipeRuns, find_runs, required_by_all
from medusa.recipes.fit_stacks import fit_stacks
from medusa.recipes.options import RecipeOptions
from medusa.recipes.tasks import wanted_heads
from medusa.recipes.train_heads import check_heads, train_heads
from medusa.workspace import Workspace


def update(
    workspace: Workspace,
    recipe: Recipe,
    name: str,
    options: RecipeOptions,
    stand_ins: Path | None,
    last: Mapping[str, str],
) -> RecipeRuns:
    """Extract, train and fit the missing parts of a recipe; finished runs are kept.

    Args:
        workspace: with a manifest.
        recipe, name: the recipe, and the beginning of the names of its runs.
        options: how it is run.
        stand_ins: a folder of checkpoints, used for backbones without one in the workspace.
        last: task -> its last run.

    Raises:
        MedusaError: there is no split, or heads name choices that do not exist.
    """
    tasks = wanted_heads(recipe, options.only)
    check_heads(tasks)
    where = computers(options.device, options.jobs)
    with one_thread() if options.tiny else nullcontext():
        names = {feature for task in tasks for feature in task.features}
        extract_missing(workspace, recipe, names, options.text, where, stand_ins)
        required = required_by_all(workspace, recipe, options)
        trained = train_heads(workspace, name, tasks, options, required)
        found = find_runs(workspace, recipe, options, last, trained)
        fit_stacks(workspace, recipe, name, options.only, found)
        return found
