"""The commands that change a manifest write it, one process at a time, and print its table."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from medusa.lock import SHORT_S, locked

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest


def changing(path: Path) -> AbstractContextManager[None]:
    """Keep other processes from changing a manifest until the block ends.

    Raises:
        MedusaError: another process changes it for more than a few seconds.
    """
    return locked(path, "changing this manifest", SHORT_S)


def write_changed(path: Path, corpus: "Manifest", same: bool) -> None:
    """Write the manifest unless it is unchanged, and print its table."""
    if not same:
        corpus.write(path)
    show_changed(path, corpus, same)


def show_changed(path: Path, corpus: "Manifest", same: bool) -> None:
    """Print whether a manifest was written, and its table."""
    from medusa.console import say, table
    from medusa.manifests.overview import table_rows

    say(f"{path}: already like this; nothing to do" if same else f"wrote {path}")
    table(*table_rows(corpus))
