"""The file of a recipe's state, with checksums of the files beside it and of itself."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from medusa.errors import MedusaError
from medusa.foreign import foreign
from medusa.seal import crc32c, read_sealed_json, write_sealed_json

FILE = "state.json"
REMEDY = "remove it and run the recipe again: finished runs are kept"
WRITTEN = ("tables.txt", "tables.md", "report.html", "overview.html")


def write_state(folder: Path, values: dict[str, Any]) -> None:
    """Write the state of a recipe as a whole or not at all, with the checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    present = [name for name in WRITTEN if (folder / name).exists()]
    sums = {name: checksum_of(folder / name) for name in present}
    write_sealed_json(folder / FILE, values | {"sums": sums})


def read_state(folder: Path) -> dict[str, Any]:
    """Return the values in a recipe's state.

    Raises:
        MedusaError: the file is damaged.
    """
    return read_sealed_json(folder / FILE, REMEDY)


def damaged(folder: Path) -> AbstractContextManager[None]:
    """Turn every error of the block into one that names the damaged state and the remedy."""
    return foreign(MedusaError, lambda reason: f"{folder / FILE}: damaged ({reason}); {REMEDY}")


def checksum_of(path: Path) -> str:
    """Return the checksum of a file, as the state records it."""
    return f"{crc32c(path.read_bytes()):08x}"
