"""Which features a recipe's heads need, which are there, and the commands that make the others."""

from collections.abc import Iterable, Sequence
from pathlib import Path

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
    # of rows without audio no store will ever have anything, unless they have a text
    possible = contents.notna() | frame["content"].notna()
    return int((~contents[possible].isin(store.index.rows)).sum())


def commands(
    place: Workspace,
    manifest: Manifest,
    wanted: dict[str, Feature],
    text: str | None,
    devices: Sequence[str] = ("auto",),
    stand_ins: Path | None = None,
) -> list[list[str]]:
    """Return the command lines, as words after `medusa`, that make what is missing.

    Args:
        place, manifest: the workspace and its corpus.
        wanted: the features, by name.
        text: whose text is read.
        devices: where to encode.
        stand_ins: checkpoints for backbones of which the workspace has none of its own.
    """
    lines = []
    for name, feature in wanted.items():
        if missing(place, manifest, name, text):
            words = extract_words(place, name, feature, text, stand_ins)
            lines.append([*words, "--device", ",".join(devices)])
    without = manifest.frame["text"].isna().any() and not sources(place.transcripts)
    if lines and read_text(wanted) and without and text is None:
        lines.insert(0, ["transcribe", "--device", devices[0]])
    return lines


def read_text(wanted: dict[str, Feature]) -> bool:
    """Tell whether any of these features is of text."""
    return any(_reads_text(feature.backbone or name) for name, feature in wanted.items())


def extract_words(
    place: Workspace,
    name: str,
    feature: Feature,
    text: str | None = None,
    stand_ins: Path | None = None,
) -> list[str]:
    """Return one `medusa extract` line."""
    backbone = feature.backbone or name
    words = ["extract", "--backbone", backbone]
    if backbone != name:
        words += ["--as", name]
    folders = [place.root / CHECKPOINTS, *([stand_ins] if stand_ins else [])]
    files = [folder / file for folder in folders for file in (backbone, f"{backbone}.pt")]
    found = next((file for file in files if file.exists()), None)
    stand_in = found is not None and found.parent == stand_ins
    # a stand-in's own window is short already
    for option in ("layers", "reduce", "like", "pool", *(() if stand_in else ("window_s",))):
        if (value := getattr(feature, option)) is not None:
            words += [f"--{option.replace('_', '-')}", str(value)]
    if text is not None and _reads_text(backbone):
        words += ["--text", text]
    if found is not None:
        words += ["--checkpoint", str(found)]
    return words


def _reads_text(backbone: str) -> bool:
    from medusa.extract.planning.estimate import TEXT

    return backbone in TEXT
