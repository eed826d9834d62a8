"""The file of a recipe's state, with checksums of the files beside it and of itself."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from medusa.errors import MedusaError
from medusa.foreign import foreign
from medusa.seal import OPEN, crc32c, read_sealed, write_sealed

FILE = "state.json"
WRITTEN = ("tables.txt", "tables.md", "report.html")


def write_state(folder: Path, values: dict[str, Any]) -> None:
    """Write the state of a recipe as a whole or not at all, with the checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    present = [name for name in WRITTEN if (folder / name).exists()]
    sums = {name: checksum_of(folder / name) for name in present}
    text = json.dumps(values | {"sums": sums, "seal": OPEN}, indent=1) + "\n"
    write_sealed(folder / FILE, text.encode())


def read_state(folder: Path) -> dict[str, Any]:
    """Return the values in a recipe's state.

    Raises:
        MedusaError: the file is damaged.
    """
    with damaged(folder):
        return dict(json.loads(read_sealed(folder / FILE)))


def damaged(folder: Path) -> AbstractContextManager[None]:
    """Turn every error of the block into one that names the damaged state and the remedy."""
    remedy = "remove it and run the recipe again: finished runs are kept"
    return foreign(MedusaError, lambda reason: f"{folder / FILE}: damaged ({reason}); {remedy}")


def checksum_of(path: Path) -> str:
    """Return the checksum of a file, as the state records it."""
    return f"{crc32c(path.read_bytes()):08x}"
