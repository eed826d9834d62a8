"""Extract the features that a recipe's heads need and that are missing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from medusa.console import say
from medusa.errors import MedusaError
from medusa.extract.extract_features import extract_features
from medusa.extract.extraction_options import ExtractionOptions
from medusa.manifests import Manifest
from medusa.recipes.definition.recipe import Feature, Recipe
from medusa.recipes.features import is_of_text, missing, needed
from medusa.recipes.transcripts import make_transcripts
from medusa.workspace import CHECKPOINTS, Workspace


def extract_missing(
    workspace: Workspace,
    recipe: Recipe,
    names: Iterable[str],
    text: str | None,
    where: Mapping[str, Any],
    stand_ins: Path | None,
) -> None:
    """Extract the missing features; if a backbone fails, only the heads that need it fail.

    Args:
        workspace: with a manifest.
        recipe: it tells how a feature is extracted.
        names: the features that are read, like `wavlm` or `wavlm-layers:*`.
        text: the source of the texts.
        where: the devices that encode, of which the first one transcribes, or a cluster; see
            `medusa.device.computers`.
        stand_ins: a folder of checkpoints, used for backbones without one in the workspace.

    Raises:
        MedusaError: the manifest has no split.
    """
    manifest = Manifest.read(workspace.manifest)
    manifest.split("train", "dev")  # raises if there is no split
    wanted = {
        name: feature
        for name, feature in needed(recipe, names).items()
        if missing(workspace, manifest, name, text)
    }
    backbones = {name: feature.backbone or name for name, feature in wanted.items()}
    make_transcripts(workspace, manifest, backbones.values(), text, where)
    for name, feature in wanted.items():
        options = extraction_options(workspace, name, feature, text, where, stand_ins)
        try:
            extract_features(workspace, [backbones[name]], options)
        except MedusaError as problem:
            say(f"{name}: {problem}")


def extraction_options(
    workspace: Workspace,
    name: str,
    feature: Feature,
    text: str | None = None,
    where: Mapping[str, Any] = MappingProxyType({}),
    stand_ins: Path | None = None,
) -> ExtractionOptions:
    """Return the options with which a feature is extracted; see `extract_missing`."""
    backbone = feature.backbone or name
    folders = [workspace.root / CHECKPOINTS, *([stand_ins] if stand_ins else [])]
    files = [folder / file for folder in folders for file in (backbone, f"{backbone}.pt")]
    file = next((file for file in files if file.exists()), None)
    named = workspace.checkpoint(name) or workspace.checkpoint(backbone)
    checkpoint = named or (None if file is None else str(file))
    chosen = {"layers", "reduce", "like", "average_frames", "window_s"}
    if named is None and file is not None and file.parent == stand_ins:
        chosen.remove("window_s")  # A stand-in's own window is short already.
    settings = {one: value for one in chosen if (value := getattr(feature, one)) is not None}
    return ExtractionOptions(
        **settings,
        checkpoint=checkpoint,
        label=None if backbone == name else name,
        text=text if is_of_text(backbone) else None,
        **where,
    )
