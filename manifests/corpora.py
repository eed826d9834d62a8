"""Each corpus that can be imported is a file in `importers/`, which is found by its name."""

import ast
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from medusa.errors import ManifestError, nearest
from medusa.manifests import importers

if TYPE_CHECKING:
    import click

    from medusa.manifests.manifest import Manifest


class Importer(Protocol):
    """A module in `importers/`."""

    OPTIONS: "Sequence[click.Option]"

    def import_corpus(self, root: Path, **options: Any) -> "Manifest":
        """Read the corpus in `root`."""


def names() -> list[str]:
    """Return the names of the corpora that can be imported, as the user writes them."""
    return sorted(_files())


def summary(name: str) -> str:
    """Return the first line of an importer's docstring without importing the module."""
    tree = ast.parse(_files()[name].read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def _files() -> dict[str, Path]:
    """Return the file of each importer by the name of its corpus."""
    files = (file for folder in importers.__path__ for file in Path(folder).glob("[a-z]*.py"))
    return {file.stem.replace("_", "-"): file for file in files}


def load(name: str) -> Importer:
    """Import the module of a corpus.

    Raises:
        ManifestError: there is no such importer.
    """
    if name not in names():
        known = ", ".join(names())
        raise ManifestError(
            f"no importer for {name!r}{nearest(name, names())}; the importers are {known}. Any "
            "other corpus can be imported from a table: `medusa manifest import csv --help`"
        )
    return cast(
        Importer, importlib.import_module(f"medusa.manifests.importers.{name.replace('-', '_')}")
    )
