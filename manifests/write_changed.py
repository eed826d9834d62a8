"""The commands that change a manifest share these parts: reading OLD=NEW, and writing."""

from pathlib import Path
from typing import TYPE_CHECKING

from medusa.errors import MedusaError

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest


def pairs(text: str, form: str = "OLD=NEW,OLD=NEW") -> dict[str, str]:
    """Return the new names by the old names of a list OLD=NEW,OLD=NEW."""
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(equals for _, equals, _ in parts):
        raise MedusaError(f"expected {form} and got {text!r}")
    return {old.strip(): new.strip() for old, _, new in parts}


def write_changed(path: Path, corpus: "Manifest", same: bool) -> None:
    """Write the manifest unless it is unchanged, and print its table."""
    from medusa.console import say, table
    from medusa.manifests.overview import table_rows

    if same:
        say(f"{path}: already like this; nothing to do")
    else:
        corpus.write(path)
        say(f"wrote {path}")
    table(*table_rows(corpus))
