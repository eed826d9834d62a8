"""The folder of a demo: it is marked, and a folder with other contents is refused."""

import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from medusa.errors import MedusaError, listed
from medusa.lock import locked
from medusa.recipes.demo import checkpoints, session
from medusa.recipes.synthetic.corpus import AUDIO, LATENTS
from medusa.seal import read_sealed_json, write_sealed_json
from medusa.workspace import CONFIG_NAME, PATHS

MARK = "demo.json"  # It marks a folder of a demo and holds the demo's settings.
REMEDY = "start the demo again with --force"
MADE = (*PATHS.values(), AUDIO, LATENTS, checkpoints.FOLDER, session.CONFIG, session.REPORT)


def alone(root: Path) -> AbstractContextManager[None]:
    """Keep other processes from running the demo in this folder until the block ends."""
    return locked(root / "demo", "running the demo in this folder")


def claim(root: Path, settings: dict[str, object], force: bool) -> None:
    """Mark the folder as this demo's.

    Raises:
        MedusaError: it holds a demo with other settings, or files that the demo would overwrite.
    """
    root.mkdir(parents=True, exist_ok=True)
    mark = root / MARK
    present = [name for name in (*MADE, CONFIG_NAME) if (root / name).exists()]
    if present and not mark.exists():
        raise MedusaError(
            f"{root}: holds {listed(present)}, which no demo made; run the demo in another folder: "
            "`medusa --workspace NEW_FOLDER demo`"
        )
    if (root / CONFIG_NAME).exists():
        raise MedusaError(
            f"{root / CONFIG_NAME}: a demo writes into its own folder only; remove this file"
        )
    if mark.exists() and not force and read_sealed_json(mark, REMEDY) != settings:
        raise MedusaError(
            f"{root}: holds a demo with other settings ({mark.name}); replace it with --force, or "
            "choose another folder with --workspace"
        )
    if force:
        for name in present:
            path = root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if force or not mark.exists():
        write_sealed_json(mark, settings)
