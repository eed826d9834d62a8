"""The features that a recipe's heads need, and the commands that extract the missing ones."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from medusa.cache import FeatureStore, open_all
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of, sources, texts_of
from medusa.recipes.recipe import Feature, Recipe
from medusa.workspace import Workspace

CHECKPOINTS = "checkpoints"  # a workspace may hold its own checkpoints, one for each backbone


def needed(recipe: Recipe, names: Iterable[str]) -> dict[str, Feature]:
    """Return the features behind names like `wavlm` or `wavlm-layers:*`."""
    used = {name.partition(":")[0] for name in names}
    return {name: one for name, one in recipe.features.items() if name in used}


def missing(workspace: Workspace, manifest: Manifest, name: str, text: str | None) -> int:
    """Return how many utterances with a split have no such feature yet.

    If several stores have this name, the fullest one counts; the head chooses among them.
    """
    frame = manifest.frame[manifest.frame["split"].notna()]
    stores = [store for store in open_all(workspace.features) if store.spec.backbone == name]
    if not stores:
        return len(frame)
    return min(_missing(workspace, manifest, frame, store, text) for store in stores)


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
    # a row without audio can never have features, unless it has a text
    possible = contents.notna() | frame["content"].notna()
    return int((~contents[possible].isin(store.index.rows)).sum())


def commands(
    workspace: Workspace,
    manifest: Manifest,
    wanted: dict[str, Feature],
    text: str | None,
    devices: Sequence[str] = ("auto",),
    stand_ins: Path | None = None,
) -> list[list[str]]:
    """Return the command lines, as words after `medusa`, that extract the missing features.

    Args:
        workspace, manifest: the workspace and its corpus.
        wanted: the features, by name.
        text: the source of the texts.
        devices: the devices that encode.
        stand_ins: a folder of checkpoints, used for backbones without one in the workspace.
    """
    lines = []
    for name, feature in wanted.items():
        if missing(workspace, manifest, name, text):
            words = extract_words(workspace, name, feature, text, stand_ins)
            lines.append([*words, "--device", ",".join(devices)])
    without = manifest.frame["text"].isna().any() and not sources(workspace.transcripts)
    if lines and read_text(wanted) and without and text is None:
        lines.insert(0, ["transcribe", "--device", devices[0]])
    return lines


def read_text(wanted: dict[str, Feature]) -> bool:
    """Return whether any of these features is computed from text."""
    return any(_reads_text(feature.backbone or name) for name, feature in wanted.items())


def extract_words(
    workspace: Workspace,
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
    folders = [workspace.root / CHECKPOINTS, *([stand_ins] if stand_ins else [])]
    files = [folder / file for folder in folders for file in (backbone, f"{backbone}.pt")]
    checkpoint = next((file for file in files if file.exists()), None)
    stand_in = checkpoint is not None and checkpoint.parent == stand_ins
    # a stand-in's own window is short already
    for option in ("layers", "reduce"):
        if (value := getattr(feature, option)) is not None:
            words += [f"--{option}", str(value)]
    for option in ("like", "average_frames", *(() if stand_in else ("window_s",))):
        if (value := getattr(feature, option)) is not None:
            words += ["--set", f"{option}={value}"]
    if text is not None and _reads_text(backbone):
        words += ["--text", text]
    if checkpoint is not None:
        words += ["--checkpoint", str(checkpoint)]
    return words


def _reads_text(backbone: str) -> bool:
    from medusa.extract.planning.estimate import TEXT

    return backbone in TEXT
