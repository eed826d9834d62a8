"""Fit the ensembles of a recipe."""

from medusa.console import say
from medusa.ensemble.fit_stack import fit_stack
from medusa.errors import MedusaError
from medusa.manifests import Manifest
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.find_runs import RecipeRuns
from medusa.recipes.identity import name_of_run, stack_inputs, stack_record
from medusa.recipes.tasks import stack_tasks, wanted
from medusa.workspace import Workspace


def fit_stacks(
    workspace: Workspace, recipe: Recipe, name: str, only: str | None, found: RecipeRuns
) -> None:
    """Fit the wanted ensembles that have no run, and add their runs to those that were found.

    Args:
        workspace: with manifest and runs.
        recipe, name: the recipe, and the beginning of the names of its runs.
        only: a pattern that the names of the wanted ensembles fit.
        found: the runs that are up to date; an ensemble that fails stays in `missing`.
    """
    manifest = Manifest.read(workspace.manifest).digest()
    for task in stack_tasks(recipe):
        if task.name in found.stacks or not wanted(task.name, only):
            continue
        entry = recipe.stacks[task.stack]
        try:
            record = stack_record(workspace, entry, task, found.heads, manifest)
            members, config = stack_inputs(workspace, entry, task, found.heads)
            run = name_of_run(name, task.name, record)
            # A folder of this name is the rest of an interrupted run.
            fit_stack(workspace, members, name=run, config=config, force=True)
        except MedusaError as problem:
            found.missing[task.name] = str(problem)
            say(f"{task.name}: {problem}")
        else:
            found.stacks[task.name] = run
            del found.missing[task.name]
            say(f"{run}: stacked")
