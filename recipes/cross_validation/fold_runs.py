"""The runs of all folds: heads in one queue, then the ensembles of each fold."""

from collections import defaultdict
from contextlib import nullcontext
from dataclasses import replace

from medusa.device import one_thread
from medusa.heads.queue.fit_heads import fit_heads
from medusa.recipes.cross_validation.fold_workspaces import Folds
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.find_runs import RecipeRuns, find_runs, required_by_all
from medusa.recipes.fit_stacks import fit_stacks
from medusa.recipes.options import RecipeOptions
from medusa.recipes.tasks import head_spec, wanted_heads
from medusa.recipes.train_heads import check_heads, report_each_problem

Trained = dict[str, dict[str, tuple[str, str]]]  # fold -> head -> (run, reason)


def make_runs(folds: Folds, recipe: Recipe, options: RecipeOptions) -> dict[str, RecipeRuns]:
    """Train the heads and fit the ensembles of all folds that have no finished run.

    Args:
        folds: the workspaces of the folds.
        recipe: the heads and ensembles.
        options: how they are run.

    Returns:
        For each fold, the runs that are up to date, and the tasks that failed with their reasons.

    Raises:
        MedusaError: heads name choices that do not exist.
    """
    with one_thread() if options.tiny else nullcontext():
        trained = _train(folds, recipe, options)
        runs = {}
        for name, workspace in folds.workspaces.items():
            runs[name] = find_runs(workspace, recipe, options, {}, trained[name])
            fit_stacks(workspace, recipe, name, options.only, runs[name])
    return runs


def _train(folds: Folds, recipe: Recipe, options: RecipeOptions) -> Trained:
    """Train the heads of all folds in one queue, fold by fold."""
    tasks = wanted_heads(recipe, options.only)
    check_heads(tasks)
    shared = next(iter(folds.workspaces.values()))
    required = required_by_all(shared, recipe, options)
    specs = [
        replace(head_spec(task, name, options, required), manifest=workspace.manifest)
        for name, workspace in folds.workspaces.items()
        for task in tasks
    ]
    report = report_each_problem()
    results = fit_heads(shared, specs, devices=options.device, jobs=options.jobs, on_result=report)
    trained: Trained = defaultdict(dict)
    for result in results:
        fold, _, task_name = result.spec.name.partition(".")
        trained[fold][task_name] = (result.run, result.problem)
    return trained
