"""Everything that precedes the training: the corpus, its folds, and missing features."""

from contextlib import nullcontext

from medusa.device import computers, one_thread
from medusa.manifests.splits.cross_validation import FoldPlan
from medusa.recipes.corpus import make_corpus
from medusa.recipes.cross_validation.fold_workspaces import Folds, make_folds
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.extraction import extract_missing
from medusa.recipes.options import RecipeOptions
from medusa.recipes.tasks import wanted_heads
from medusa.workspace import Workspace


def prepare_folds(
    workspace: Workspace, recipe: Recipe, plan: FoldPlan, options: RecipeOptions
) -> Folds:
    """Divide the corpus, and extract the features that the recipe names and that are missing.

    The arguments are those of `cross_validate`.

    Raises:
        MedusaError: there is no corpus, or it cannot be divided.
    """
    where = computers(options.device, options.jobs)
    tasks = wanted_heads(recipe, options.only)
    names = {feature for task in tasks for feature in task.features}
    with one_thread() if options.tiny else nullcontext():
        stand_ins = make_corpus(workspace, options)
        folds = make_folds(workspace, plan)
        first = next(iter(folds.workspaces.values()))
        extract_missing(first, recipe, names, options.text, where, stand_ins)
    return folds
