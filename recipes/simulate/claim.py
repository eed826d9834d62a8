"""The folder of a simulation: it is marked, and a folder with other contents is refused."""

import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from medusa.cache.layout import read_spec
from medusa.errors import MedusaError
from medusa.lock import locked
from medusa.recipes.simulate import draw, world
from medusa.recipes.simulate.store import FAMILY, described, spec_of
from medusa.seal import read_sealed_json, write_sealed_json
from medusa.workspace import Workspace

FACTS = "simulation.json"
REMEDY = "remove it and the corpus beside it, and draw the simulation again"
FEWEST_UTTERANCES, LEAST_WIDTH = 200, 8


def check(count: int, width: int, people: int) -> None:
    """Check the numbers of utterances and speakers and the width.

    Raises:
        MedusaError: some are too small or too large; all are listed.
    """
    wrong = [
        f"{option} {value}: expected at least {least}"
        for option, value, least in (
            ("--utterances", count, FEWEST_UTTERANCES),
            ("--width", width, LEAST_WIDTH),
            ("--speakers", people, draw.FEWEST_SPEAKERS),
        )
        if value < least
    ]
    if people > max(count, draw.FEWEST_SPEAKERS):
        wrong.append(
            f"--speakers {people}: expected at most one for each of the {count} utterances"
        )
    if wrong:
        raise MedusaError("; ".join(wrong))


def drawing(workspace: Workspace) -> AbstractContextManager[None]:
    """Keep other processes from drawing a simulation here until the block ends."""
    return locked(workspace.root / FACTS, "drawing this simulation")


def claim(workspace: Workspace, request: dict[str, int], force: bool) -> dict[str, Any] | None:
    """Mark the folder as this simulation's; return the stored facts if it is finished.

    Raises:
        MedusaError: it holds another simulation, or another corpus.
    """
    path = workspace.root / FACTS
    stored = read_sealed_json(path, REMEDY) if path.exists() else {}
    if not stored and (workspace.manifest.exists() or _stores(workspace)):
        raise MedusaError(
            f"{workspace.root}: holds a corpus; a simulation needs a folder of its own: "
            "`medusa --workspace NEW_FOLDER simulate`"
        )
    other = bool(stored) and stored["asked"] != request
    if other and not force:
        raise MedusaError(
            f"{path}: holds another simulation ({described(stored['asked'])}; this command has "
            f"{described(request)}); choose another folder with --workspace, or replace it with "
            "--force"
        )
    if other and workspace.runs.exists() and any(workspace.runs.glob("[!.]*")):
        raise MedusaError(
            f"{workspace.runs}: holds runs on the present simulation; remove them first, or choose "
            "another folder with --workspace"
        )
    if "ceiling" in stored and not force:
        return stored
    # This comes first: after a kill from here on, the command continues.
    write_sealed_json(path, {"asked": request})
    mine = set() if force else {spec_of(name, request).folder for name in world.STREAMS}
    for store in _stores(workspace):
        if store.name not in mine and read_spec(store).family == FAMILY:
            shutil.rmtree(store)
    return None


def _stores(workspace: Workspace) -> list[Path]:
    return sorted(path.parent for path in workspace.features.glob("*/spec.json"))
