"""The features that a recipe's heads need, and how many utterances lack them."""

from collections.abc import Iterable

import pandas as pd

from medusa.cache import FeatureStore, open_all
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of, texts_of
from medusa.recipes.definition.recipe import Feature, Recipe
from medusa.workspace import Workspace


def needed(recipe: Recipe, names: Iterable[str]) -> dict[str, Feature]:
    """Return the features behind names like `wavlm` or `wavlm-layers:*`."""
    used = {name.partition(":")[0] for name in names}
    return {name: one for name, one in recipe.features.items() if name in used}


def missing(workspace: Workspace, manifest: Manifest, name: str, text: str | None) -> int:
    """Return the number of utterances with a split that lack a feature.

    If several stores have this name, the fullest one counts; the head chooses among them.
    """
    frame = manifest.frame[manifest.frame["split"].notna()]
    stores = [
        store for store in open_all(*workspace.feature_folders) if store.spec.backbone == name
    ]
    if not stores:
        return len(frame)
    return min(_missing(workspace, manifest, frame, store, text) for store in stores)


def missing_shares(
    workspace: Workspace, manifest: Manifest, names: Iterable[str], text: str | None
) -> dict[str, float]:
    """Return the share of the utterances with a split that lack each feature; {} without splits."""
    count = int(manifest.frame["split"].notna().sum())
    return {name: missing(workspace, manifest, name, text) / count for name in names if count}


def _missing(
    workspace: Workspace,
    manifest: Manifest,
    frame: pd.DataFrame,
    store: FeatureStore,
    text: str | None,
) -> int:
    contents = frame["content"]
    if store.spec.input == "text":
        _, by_id = texts_of(manifest, workspace.transcripts, text)
        texts = frame["id"].map(by_id)
        contents = texts.map(content_of, na_action="ignore")
    # A row without audio can never have features, unless it has a text.
    possible = contents.notna() | frame["content"].notna()
    return int((~contents[possible].isin(store.index.rows)).sum())


def read_text(wanted: dict[str, Feature]) -> bool:
    """Return whether any of these features is computed from text."""
    return any(is_of_text(feature.backbone or name) for name, feature in wanted.items())


def is_of_text(backbone: str) -> bool:
    """Return whether a backbone encodes text; False for `auto` and for an unknown backbone."""
    from medusa.extract.backbones import checkpoints, reads_text

    return backbone != "auto" and backbone in checkpoints() and reads_text(backbone)
