"""Each corpus that can be imported is a file in `importers/`, which is found by its name."""

import ast
import importlib
import pkgutil
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
    return sorted(
        module.name.replace("_", "-") for module in pkgutil.iter_modules(importers.__path__)
    )


def summary(name: str) -> str:
    """Return the first line of an importer's docstring without importing the module."""
    source = Path(importers.__path__[0]) / f"{name.replace('-', '_')}.py"
    docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


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
