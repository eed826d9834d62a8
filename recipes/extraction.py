"""Extract the features that a recipe's heads need and that are missing."""

from collections.abc import Sequence
from pathlib import Path

import torch

from medusa.console import say
from medusa.errors import MedusaError
from medusa.manifests import Manifest
from medusa.manifests.texts import sources
from medusa.recipes.definition.recipe import Feature, Recipe
from medusa.recipes.demo.session import run as run_command
from medusa.recipes.features import missing, needed, read_text, reads_text
from medusa.workspace import Workspace

CHECKPOINTS = "checkpoints"  # a workspace may hold its own checkpoints, one for each backbone


def extract_missing(
    workspace: Workspace,
    recipe: Recipe,
    names: set[str],
    text: str | None,
    devices: Sequence[torch.device],
    stand_ins: Path | None,
) -> None:
    """Extract the missing features; if a backbone fails, only the heads that need it fail.

    Args:
        workspace: with a manifest.
        recipe: it tells how a feature is extracted.
        names: the features that are read, like `wavlm` or `wavlm-layers:*`.
        text: the source of the texts.
        devices: the devices that encode.
        stand_ins: a folder of checkpoints, used for backbones without one in the workspace.

    Raises:
        MedusaError: the manifest has no split.
    """
    manifest = Manifest.read(workspace.manifest)
    manifest.split("train", "dev")  # raises if there is no split
    wanted, names_of = needed(recipe, names), [str(one) for one in devices]
    for words in commands(workspace, manifest, wanted, text, names_of, stand_ins):
        try:
            run_command(workspace.root, words)
        except MedusaError as problem:
            say(f"{' '.join(words[:3])}: {problem}")


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
    if text is not None and reads_text(backbone):
        words += ["--text", text]
    if checkpoint is not None:
        words += ["--checkpoint", str(checkpoint)]
    return words
