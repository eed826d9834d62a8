"""Cross-validate heads, ensembles or a recipe: the function behind `medusa cross-validate`."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from medusa.manifests.splits.cross_validation import FoldPlan
from medusa.recipes.definition.load import load
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.options import RecipeOptions
from medusa.recipes.tasks import check_only, wanted
from medusa.workspace import Workspace, checked_name

if TYPE_CHECKING:
    from medusa.recipes.cross_validation.fold_result import CrossValidation


def cross_validate(
    workspace: Workspace,
    recipe: str | Recipe,
    plan: FoldPlan | None = None,
    options: RecipeOptions | None = None,
    *,
    name: str | None = None,
) -> "CrossValidation":
    """Train heads and ensembles in every fold, and judge the test predictions of all folds.

    Every utterance is test in one fold. Dev and the training data of the ensembles come from the
    other speakers. Finished runs with the same inputs are kept, so an interrupted cross-validation
    continues where it stopped. Features that exist are not extracted again.

    Args:
        workspace: with a manifest; its own split is not read.
        recipe: the name of a shipped recipe, the path of a YAML file, or a recipe, such as that of
            `recipe_of_heads`.
        plan: the choices of the folds; by default 10 folds by speaker.
        options: how a recipe is changed, and how it is run.
        name: the name of the folder of the result; by default the name of the recipe.

    Raises:
        MedusaError: the recipe has mistakes, there is no corpus, the corpus cannot be divided, or
            nothing has a result.
    """
    options, plan = options or RecipeOptions(), plan or FoldPlan()
    if name is not None:
        checked_name("--name", name)
    if isinstance(recipe, str):
        name = name or Path(recipe).stem + ("-tiny" if options.tiny else "")
        recipe = load(recipe, options.settings, options.tiny, options.repeats)
    if not options.stacks:
        recipe = dataclasses.replace(recipe, stacks={}, main="")
    check_only(recipe, options.only)
    # These import heavy libraries.
    from medusa.recipes.cross_validation.fold_result import judge_runs
    from medusa.recipes.cross_validation.fold_runs import make_runs
    from medusa.recipes.cross_validation.prepare_folds import prepare_folds

    folds = prepare_folds(workspace, recipe, plan, options)
    runs = make_runs(folds, recipe, options)
    judged = judge_runs(workspace, folds, runs, name or "heads", recipe.main)
    problems = {task: why for task, why in judged.problems.items() if wanted(task, options.only)}
    return dataclasses.replace(judged, problems=problems)
