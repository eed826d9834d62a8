"""Checks of single files: manifests, transcripts, predictions, and the states of recipes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medusa.errors import MedusaError
from medusa.manifests import Manifest
from medusa.manifests.texts import read_record, read_transcripts
from medusa.recipes.state import FOLDER
from medusa.recipes.state_file import FILE, checksum_of, read_state
from medusa.recipes.verification.verified import UNSEALED, Verified, verified
from medusa.scoring import Predictions
from medusa.seal import is_intact, read_sealed_json
from medusa.workspace import Workspace

FOLDS = "cross-validation"
MARKS = ("demo.json", "simulation.json")
IMPORT = "restore it from a copy, or import the corpus again with --force"
TRANSCRIBE = "restore it from a copy, or run `medusa transcribe --force`"
REMAKE = "restore it from a copy, or run its command again with --force"


def check_tables(workspace: Workspace) -> Iterator[Verified]:
    """Check the Parquet and JSON files outside runs, stores and recipes."""
    if workspace.manifest.exists():
        yield _file(workspace, workspace.manifest, Manifest.read, IMPORT)
    for path in sorted(workspace.transcripts.glob("[!.]*.parquet")):
        yield _file(workspace, path, read_transcripts, TRANSCRIBE)
        if path.with_suffix(".json").exists():
            yield _file(workspace, path.with_suffix(".json"), read_record, TRANSCRIBE)
    made = [workspace.root / name for name in MARKS if (workspace.root / name).exists()]
    made += sorted(workspace.root.glob(f"{FOLDS}/*/folds.json"))
    made += sorted(workspace.root.glob(f"{FOLDS}/*/[!.]*/result.json"))
    for path in made:
        yield _file(workspace, path, lambda path: read_sealed_json(path, REMAKE), REMAKE)
    others = {path for path in workspace.root.glob("[!.]*.parquet") if _is_ours(path)}
    others -= {workspace.manifest}
    folds = {*workspace.root.glob(f"{FOLDS}/*/[!.]*.parquet")}
    results = {*workspace.root.glob(f"{FOLDS}/*/[!.]*/[!.]*.parquet")}
    for path in sorted(others | folds | results):
        reader = Manifest.read if path.name == workspace.manifest.name else Predictions.read
        yield _file(workspace, path, reader, REMAKE)


def _is_ours(path: Path) -> bool:
    """Return whether a table has metadata of this project, or is damaged, so that it may have had.

    Users keep tables of their own in a workspace, and the demo keeps the truth about its corpus.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError):
        return True
    return any(key.startswith(b"medusa.") for key in metadata)


def _file(workspace: Workspace, path: Path, read: Callable[[Path], Any], remedy: str) -> Verified:
    """Check one file by its seal, or, without a seal, whether it can be read."""
    intact = is_intact(path.read_bytes())
    if intact is None:
        try:
            read(path)
        except MedusaError as problem:
            return verified(workspace, path, [str(problem)])
        return verified(workspace, path, otherwise=UNSEALED)
    differs = f"{path}: its bytes differ from the checksum that was written with them; {remedy}"
    return verified(workspace, path, [] if intact else [differs])


def check_recipes(workspace: Workspace) -> Iterator[Verified]:
    """Check the state of every recipe, and the tables and the report beside it."""
    for path in sorted((workspace.root / FOLDER).glob(f"[!.]*/{FILE}")):
        folder = path.parent
        try:
            state = read_state(folder)
        except MedusaError as problem:
            yield verified(workspace, folder, [str(problem)])
            continue
        if is_intact(path.read_bytes()) is None:
            yield verified(workspace, folder, otherwise=UNSEALED)
            continue
        remedy = f"remove {path} and run the recipe again: finished runs are kept"
        changed = [
            f"{folder / name}: missing or altered; {remedy}"
            for name, known in state["sums"].items()
            if not (folder / name).exists() or checksum_of(folder / name) != known
        ]
        yield verified(workspace, folder, changed)
