"""The parts that the commands which change a manifest share: reading OLD=NEW, and writing."""

from pathlib import Path
from typing import TYPE_CHECKING

from medusa.errors import MedusaError

if TYPE_CHECKING:
    from medusa.manifests.manifest import Manifest


def pairs(text: str, form: str = "OLD=NEW,OLD=NEW") -> dict[str, str]:
    """Read a list of this form."""
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(equals for _, equals, _ in parts):
        raise MedusaError(f"expected {form} and got {text!r}")
    return {old.strip(): new.strip() for old, _, new in parts}


def write_changed(path: Path, corpus: "Manifest", same: bool) -> None:
    """Write the manifest, unless it is the same, and show its table."""
    from medusa.console import say, table
    from medusa.manifests.overview import table_rows

    if same:
        say(f"{path}: already like this; nothing to do")
    else:
        corpus.write(path)
        say(f"wrote {path}")
    table(*table_rows(corpus))
