"""What importers share: finding them by file name, and reading tables with clear errors."""

import ast
import csv
import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from medusa.errors import MedusaError, listed, nearest
from medusa.manifests import importers

if TYPE_CHECKING:
    import click
    import pandas as pd

    from medusa.manifests.manifest import Manifest


class CorpusError(MedusaError):
    """A corpus that is not where it was said to be, or not in its published form."""


class Importer(Protocol):
    """A module in `importers/`."""

    OPTIONS: "Sequence[click.Option]"

    def import_corpus(self, root: Path, **options: Any) -> "Manifest":
        """Read the corpus in `root`."""


def names() -> list[str]:
    """Return the corpora that can be imported, as the user writes them."""
    return sorted(
        found.name.replace("_", "-") for found in pkgutil.iter_modules(importers.__path__)
    )


def summary(name: str) -> str:
    """Return the first line of an importer's docstring, without importing it."""
    source = Path(importers.__path__[0]) / f"{name.replace('-', '_')}.py"
    docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def load(name: str) -> Importer:
    """Import the module of a corpus.

    Raises:
        CorpusError: there is no such importer.
    """
    if name not in names():
        known = ", ".join(names())
        raise CorpusError(
            f"no importer for {name!r}{nearest(name, names())}; there is {known}, and any other "
            "corpus can come in as a table: `medusa manifest import csv --help`"
        )
    return cast(
        Importer, importlib.import_module(f"medusa.manifests.importers.{name.replace('-', '_')}")
    )


def read_table(path: Path, columns: Sequence[str]) -> "pd.DataFrame":
    """Read a csv as text, every cell as it is written ("None" and "NA" stay words).

    Args:
        path: the file, in UTF-8, with a header.
        columns: the columns that must be there.

    Raises:
        CorpusError: the file is missing, not a csv in UTF-8, or lacks columns.
    """
    import pandas as pd

    if not path.is_file():
        raise CorpusError(f"{path}: no such file")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = next(lines, [])
            cells = [line for line in lines if line]
    except (UnicodeDecodeError, csv.Error) as problem:
        raise CorpusError(f"{path}: not readable as a csv in UTF-8: {problem}") from problem
    uneven = [row + 2 for row, line in enumerate(cells) if len(line) != len(header)]
    if uneven:
        raise CorpusError(
            f"{path}: row {listed(uneven)}: not the header's {len(header)} cells "
            "(the header is row 1); is a text with commas without quotes?"
        )
    twice = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    if twice:
        raise CorpusError(f"{path}: columns must be unique; these come twice: {listed(twice)}")
    frame = pd.DataFrame(cells, columns=header, dtype="str")
    absent = [name for name in columns if name not in frame]
    if absent:
        wanted = listed(f"{name!r}{nearest(name, frame.columns)}" for name in absent)
        raise CorpusError(
            f"{path}: no column {wanted}; it has {', '.join(map(str, frame.columns))}"
        )
    return frame


def numbers(frame: "pd.DataFrame", column: str, path: Path) -> "pd.Series[float]":
    """Return a text column as float64; empty cells are null.

    Raises:
        CorpusError: cells that are not numbers, with their lines in the file.
    """
    import numpy as np
    import pandas as pd

    text = frame[column].str.strip()
    values = pd.to_numeric(text, errors="coerce").astype(np.float64)
    wrong = values.isna() & (text != "") & (text.str.lower() != "nan")
    if wrong.any():
        cells = listed(f"{text[row]!r} in row {row + 2}" for row in frame.index[wrong])
        raise CorpusError(
            f"{path}: column {column!r} should hold numbers, but has {cells} "
            "(the header is row 1); correct the table, or name another column"
        )
    return values


def or_null(values: "pd.Series[str]") -> "pd.Series[str]":
    """Replace empty cells by null."""
    return values.where(values.str.strip() != "")


def standard_splits(names: "pd.Series[str]") -> "pd.Series[str]":
    """Rename the usual names of splits to train, dev and test; others stay as they are."""
    return names.str.strip().map(lambda name: SPLIT_NAMES.get(name.lower(), name), "ignore")


def read_texts(transcripts: Path, stems: "pd.Series[str]") -> "pd.Series[str]":
    """Return the text of `<stem>.txt` for each stem; null where there is no such file.

    Raises:
        CorpusError: a file is not text in UTF-8.
    """

    def read(stem: str) -> str | None:
        path = transcripts / f"{stem}.txt"
        try:
            return path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as problem:
            raise CorpusError(f"{path}: not text in UTF-8: {problem}") from problem

    return stems.map(read)


def folder(root: Path, name: str) -> Path:
    """Return `root`, or raise a CorpusError if it is no folder."""
    if not root.is_dir():
        raise CorpusError(f"{root}: expected the folder of {name}, and it is not a folder")
    return root


SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "development": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
}
