"""The sizes of a recipe's features: those that `medusa run` extracts, and those that exist."""

from medusa.cache import open_all
from medusa.extract.backbones import checkpoints
from medusa.extract.planning.estimate import CorpusSize, Estimate, estimate_of, estimate_of_store
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.extraction import extraction_options
from medusa.workspace import Workspace


def feature_sizes(workspace: Workspace, recipe: Recipe, corpus: CorpusSize) -> dict[str, Estimate]:
    """Return the estimate of the store of every feature.

    A feature whose name is no backbone (such as a label of `medusa extract --as`) has the size of
    its store in the workspace, if there is one.

    Args:
        workspace: its `medusa.yaml` and its folder `checkpoints/` name the weights.
        recipe: the recipe.
        corpus: the utterances that will be encoded.

    Raises:
        MedusaError: the size of a backbone is unknown.
    """
    known, found = checkpoints(), dict[str, Estimate]()
    for name, feature in recipe.features.items():
        backbone = feature.backbone or name
        if backbone not in known:
            present = [
                one for one in open_all(*workspace.feature_folders) if one.spec.backbone == backbone
            ]
            if present:
                found[name] = estimate_of_store(max(present, key=len))
                continue
        found[name] = estimate_of(corpus, backbone, extraction_options(workspace, name, feature))
    return found
