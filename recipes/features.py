"""Which features a recipe's heads need, which are there, and the commands that make the others."""

from collections.abc import Iterable, Sequence

import pandas as pd

from medusa.cache import FeatureStore, open_all
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of, sources, texts_of
from medusa.recipes.recipe import Feature, Recipe
from medusa.workspace import Workspace

CHECKPOINTS = "checkpoints"  # a workspace may bring checkpoints of its own, by backbone


def needed(recipe: Recipe, names: Iterable[str]) -> dict[str, Feature]:
    """Return the features behind names like `wavlm` or `wavlm-layers:*`."""
    used = {name.partition(":")[0] for name in names}
    return {name: one for name, one in recipe.features.items() if name in used}


def missing(place: Workspace, manifest: Manifest, name: str, text: str | None) -> int:
    """Return how many utterances with a split have no such feature yet.

    Where several stores of the name exist, the fullest counts; choosing is the head's matter.
    """
    frame = manifest.frame[manifest.frame["split"].notna()]
    stores = [store for store in open_all(place.features) if store.spec.backbone == name]
    if not stores:
        return len(frame)
    return min(_missing(place, manifest, frame, store, text) for store in stores)


def _missing(
    place: Workspace,
    manifest: Manifest,
    frame: pd.DataFrame,
    store: FeatureStore,
    text: str | None,
) -> int:
    contents = frame["content"]
    if store.spec.input == "text":
        _, said = texts_of(manifest, place.transcripts, text)
        said = frame["id"].map(said)
        contents = said.map(content_of, na_action="ignore")
    return int((~contents.isin(store.index.rows)).sum())


def commands(
    place: Workspace,
    manifest: Manifest,
    wanted: dict[str, Feature],
    text: str | None,
    devices: Sequence[str] = ("auto",),
) -> list[list[str]]:
    """Return the command lines, as words after `medusa`, that make what is missing."""
    lines = []
    for name, feature in wanted.items():
        if missing(place, manifest, name, text):
            words = extract_words(place, name, feature, text)
            lines.append([*words, "--device", ",".join(devices)])
    reads = any(_reads_text(feature.backbone or name) for name, feature in wanted.items())
    without = manifest.frame["text"].isna().any() and not sources(place.transcripts)
    if lines and reads and without and text is None:
        lines.insert(0, ["transcribe", "--device", devices[0]])
    return lines


def extract_words(
    place: Workspace, name: str, feature: Feature, text: str | None = None
) -> list[str]:
    """Return one `medusa extract` line."""
    backbone = feature.backbone or name
    words = ["extract", "--backbone", backbone]
    if backbone != name:
        words += ["--as", name]
    for option in ("layers", "reduce", "like"):
        if (value := getattr(feature, option)) is not None:
            words += [f"--{option}", value]
    if text is not None and _reads_text(backbone):
        words += ["--text", text]
    for own in (place.root / CHECKPOINTS / backbone, place.root / CHECKPOINTS / f"{backbone}.pt"):
        if own.exists():
            words += ["--checkpoint", str(own)]
    return words


def _reads_text(backbone: str) -> bool:
    from medusa.extract.estimate import TEXT

    return backbone in TEXT
