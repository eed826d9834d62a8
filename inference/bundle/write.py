"""A finished run becomes a bundle."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from medusa.atomic import atomic
from medusa.errors import RunError
from medusa.heads.runs.run_dir import CONFIG, WEIGHTS, find_run
from medusa.inference.bundle import layout
from medusa.inference.bundle.facts import facts_of
from medusa.inference.bundle.model_card import model_card
from medusa.inference.bundle.record import record_of, runs_of
from medusa.inference.bundle.sources import copy_backbones, not_contained
from medusa.inference.from_workspace import parts_of_run
from medusa.inference.parts import ModelParts
from medusa.workspace import Workspace, remove


@dataclass(frozen=True)
class BundleResult:
    """A bundle that was written or pulled.

    Attributes:
        folder: the folder.
        digest: 16 hex digits that change with every byte of the bundle.
        size_bytes: the sum of its files.
        not_contained: the backbones whose weights were a local file or folder and are not in the
            bundle. `medusa.load(folder, checkpoints={NAME: PATH})` needs them.
    """

    folder: Path
    digest: str
    size_bytes: int
    not_contained: tuple[str, ...]


def write_bundle(
    workspace: Workspace,
    run: str,
    folder: str | Path,
    *,
    with_backbones: bool = False,
    force: bool = False,
) -> BundleResult:
    """Write everything that a model needs, and nothing else of its workspace, into a folder.

    `medusa.load(folder)` loads it on any machine. Public backbones are named with their
    revisions, and are downloaded where they are needed.

    Args:
        workspace: the folder with the run, its features and its manifest.
        run: the name of a finished head or stack.
        folder: the folder to write.
        with_backbones: also copy local weights of backbones: folders of at most 2 GB whose
            weights are safetensors.
        force: replace a bundle in this folder.

    Raises:
        MedusaError: the run is not finished, a part of it is missing, or the folder exists.
    """
    parts = parts_of_run(find_run(workspace.runs, run), workspace)
    folder = Path(folder)
    require_free(folder, force)
    facts = facts_of(parts, workspace)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic(folder) as partial:
        partial.mkdir()
        _copy_members(parts, partial)
        if with_backbones:
            copy_backbones(parts.features, partial)
        absent = tuple(not_contained(parts.features, partial))
        write_json(partial / layout.RECORD, record_of(parts, facts))
        (partial / layout.CARD).write_text(model_card(facts, absent), encoding="utf-8")
        layout.write_sums(partial)
        layout.read_sums(partial)  # It checks the names of all files.
        remove(folder)
    return result_of(folder, absent)


def result_of(folder: Path, absent: tuple[str, ...]) -> BundleResult:
    """Return the facts of a bundle on disk."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return BundleResult(folder, layout.digest_of_bundle(folder), size, absent)


def require_free(folder: Path, force: bool) -> None:
    """Raise unless a folder is absent or empty, or is a bundle that may be replaced.

    Raises:
        RunError: the folder must be kept.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not layout.is_bundle(folder):
        raise RunError(f"{folder}: it exists and is no bundle; name a new folder with --output")
    if not force:
        raise RunError(
            f"{folder}: there is a bundle already; replace it with --force, or name another folder "
            "with --output"
        )


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write plain values as JSON."""
    path.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _copy_members(parts: ModelParts, bundle: Path) -> None:
    """Copy the settings and weights of all members, and the channel scales of int8 features."""
    for number, run in enumerate(runs_of(parts.root)):
        target = bundle / layout.RUNS / str(number)
        target.mkdir(parents=True)
        for path in (run.file(CONFIG), run.file(WEIGHTS)):
            if path.exists():  # A vote has no weights.
                shutil.copyfile(path, target / path.name)
    for number, feature in enumerate(parts.features):
        if feature.channels:
            (bundle / layout.CHANNELS).mkdir(exist_ok=True)
            data = save(feature.channels)  # `save_file` would keep it from other users.
            (bundle / layout.CHANNELS / f"{number}.safetensors").write_bytes(data)
