"""The tables of a corpus are read as text; an error names the file, the line and the column."""

import codecs
import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medusa.errors import ManifestError, listed, nearest, plural
from medusa.foreign import foreign
from medusa.manifests.import_tools.csv_rows import BadRow, Rows, read_rows
from medusa.manifests.import_tools.tally import Line

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: Path, columns: Sequence[str]) -> "pd.DataFrame":
    """Read a csv as text, every cell as it is written ("None" and "NA" remain words).

    Args:
        path: the file, in UTF-8, with a header.
        columns: the columns that the table must have.

    Raises:
        ManifestError: the file is missing, is not a csv in UTF-8, or lacks columns.
    """

    rows = read_rows(file_at(path))
    refuse_bad_rows(rows.bad)
    frame = frame_of(rows, path)
    require_columns(frame, columns, path)
    return frame


def parquet_table(path: Path) -> "pd.DataFrame":
    """Read a Parquet file as text, in the form in which `read_table` reads a csv.

    Raises:
        ManifestError: the file is missing, or it is not a Parquet file.
    """
    import pandas as pd

    remedy = "if it is a csv, name it .csv; otherwise write the file again"
    sentence = f"{path}: not a readable Parquet file"
    with foreign(ManifestError, lambda reason: f"{sentence} ({reason}); {remedy}"):
        return as_text(pd.read_parquet(file_at(path)))


def as_text(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table with every cell as text; a null becomes empty text."""
    text = frame.copy()
    for name in frame.columns:
        text[name] = frame[name].astype(object).map(str).where(frame[name].notna(), "")
    return text.astype("str").reset_index(drop=True)


def require_columns(table: "pd.DataFrame", columns: Sequence[str], path: Path) -> None:
    """Raise a ManifestError with the absent columns and the nearest present names."""
    absent = [name for name in columns if name not in table]
    if absent:
        wanted = listed(f"{name!r}{nearest(name, table.columns)}" for name in absent)
        raise ManifestError(
            f"{path}:1: no column {wanted}; the columns are {', '.join(map(str, table.columns))}"
        )


def optional(library: str) -> Any:
    """Import a library that belongs to an extra of the package.

    Raises:
        ManifestError: the library is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(library)
    except ImportError as problem:
        raise ManifestError(
            f"the library {library} is needed and not installed; run "
            f"pip install 'medusa-ser[{library}]'"
        ) from problem


def file_at(path: Path) -> Path:
    """Return the path, or raise a ManifestError if there is no file."""
    if path.is_dir():
        raise ManifestError(f"{path}: is a folder; name the csv or Parquet file itself")
    if not path.is_file():
        raise ManifestError(f"{path}: no such file; correct the path")
    return path


def frame_of(rows: Rows, path: Path) -> "pd.DataFrame":
    """Return the rows as a table of text; `lines_of` returns their lines in the file.

    Raises:
        ManifestError: a column comes twice.
    """
    import pandas as pd

    twice = [name for name in dict.fromkeys(rows.header) if rows.header.count(name) > 1]
    if twice:
        raise ManifestError(f"{path}:1: columns must be unique; these come twice: {listed(twice)}")
    frame = pd.DataFrame(rows.cells, columns=rows.header, dtype="str")
    # The numbers differ if there are blank lines, or texts over several lines.
    if rows.lines and rows.lines[-1] != len(rows.lines) + 1:
        frame.attrs["lines"] = rows.lines
    return frame


def lines_of(frame: "pd.DataFrame") -> list[int]:
    """Return for each row of a table that was just read its line in the file."""
    lines: list[int] = frame.attrs.get("lines") or [row + 2 for row in range(len(frame))]
    return lines


def refuse_bad_rows(bad: Sequence[BadRow], remedy: str = "correct them") -> None:
    """Raise a ManifestError with the bad rows, if there are any."""
    if not bad:
        return
    shown = "".join(f"\n  {row}" for row in bad[:20])
    more = f"\n  and {len(bad) - 20} more" if len(bad) > 20 else ""
    raise ManifestError(f"{plural(len(bad), 'row')} cannot be read:{shown}{more}\n{remedy}")


def refuse_repeated(names: "pd.Series[str]", lines: Sequence[int], path: Path) -> None:
    """Raise a ManifestError with the names that come again, and their lines in the file."""
    rows = zip(lines, names, names.duplicated(), strict=True)
    refuse_bad_rows(
        [BadRow(path, line, f"{name} comes twice") for line, name, twice in rows if twice],
        "keep one row of each",
    )


def numbers(frame: "pd.DataFrame", column: str, path: Path) -> "pd.Series[float]":
    """Return a text column as float64; empty cells are null.

    Raises:
        ManifestError: cells are not numbers; the message has their lines in the file.
    """
    import numpy as np
    import pandas as pd

    text = frame[column].str.strip()
    values = pd.to_numeric(text, errors="coerce").astype(np.float64)
    wrong = values.isna() & (text != "") & (text.str.lower() != "nan")
    if wrong.any():
        lines = dict(zip(frame.index, lines_of(frame), strict=True))
        cells = listed(f"{text[row]!r} in line {lines[row]}" for row in frame.index[wrong])
        raise ManifestError(
            f"{path}: column {column!r} should hold numbers, but has {cells}; "
            "correct the table (decimals follow a point), or name another column"
        )
    return values


def amounts(frame: "pd.DataFrame", column: str, path: Path) -> "pd.Series[float]":
    """Return a text column as finite numbers from 0, such as votes or shares; empty cells are null.

    Raises:
        ManifestError: cells are not such numbers; the message has their lines in the file.
    """
    import numpy as np

    values = numbers(frame, column, path)
    wrong = values.notna() & ~(values.between(0, np.inf, inclusive="left"))
    cells = zip(lines_of(frame), frame[column], wrong, strict=True)
    bad = [
        BadRow(path, line, f"{column} is {cell!r}, not a finite number from 0")
        for line, cell, odd in cells
        if odd
    ]
    refuse_bad_rows(bad)
    return values


def ratings(frame: "pd.DataFrame", column: str, path: Path) -> "pd.Series[float]":
    """Return a text column as numbers from 1 to 7; empty cells are null.

    Raises:
        ManifestError: cells are not such numbers; the message has their lines in the file.
    """
    values = numbers(frame, column, path)
    wrong = values.notna() & ~values.between(1, 7)
    cells = zip(lines_of(frame), frame[column], wrong, strict=True)
    bad = [
        BadRow(path, line, f"{column} is {cell!r}, not 1 to 7") for line, cell, odd in cells if odd
    ]
    refuse_bad_rows(bad, "map the ratings to the scale 1 to 7, and leave unknown ratings empty")
    return values


def or_null(values: "pd.Series[str]") -> "pd.Series[str]":
    """Return the cells with null in place of empty text."""
    return values.where(values.str.strip() != "")


def standard_splits(names: "pd.Series[str]") -> "pd.Series[str]":
    """Return train, dev and test in place of the usual names of splits; other names are kept."""
    return names.str.strip().map(lambda name: SPLIT_NAMES.get(name.lower(), name), "ignore")


def read_texts(transcripts: Path, stems: "pd.Series[str]") -> "tuple[pd.Series[str], Line]":
    """Return the text of `<stem>.txt` for each stem, null without such a file, and the count.

    Raises:
        ManifestError: a file is not text in UTF-8.
    """
    found = sorted(path for path in transcripts.iterdir() if path.suffix.lower() == ".txt")
    files = {path.stem: path for path in found}

    def read(stem: str) -> str | None:
        if stem not in files:
            return None
        try:
            return files[stem].read_text(encoding="utf-8").strip()
        except UnicodeDecodeError as problem:
            raise ManifestError(
                f"{files[stem]}: not text in UTF-8: {problem}; save it as UTF-8"
            ) from problem

    return stems.map(read), files_of("transcripts", files, stems)


def files_of(kind: str, names: Iterable[str], ids: Iterable[str]) -> Line:
    """Return the count of the files or texts of utterances, by the ids in their names."""
    present, known = set(names), set(ids)
    line = Line(kind, len(present))
    line.drop("of no utterance in the manifest", len(present - known))
    absent = len(known - present)
    line.note = f"{plural(absent, 'utterance has')} none" if absent else ""
    return line


def text_at(path: Path) -> str:
    """Return the text of a file in UTF-8, in UTF-16 with its mark, or else in Windows' Latin."""
    data = path.read_bytes()
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def folder(root: Path, name: str) -> Path:
    """Return `root`, or raise a ManifestError if it is not a folder."""
    if not root.is_dir():
        raise ManifestError(f"{root}: expected the folder of {name}, but this is not a folder")
    return root


SPLIT_CHANNELS = (
    "a row is the mean of all channels, so write each channel to a file (`sox IN OUT remix 1`)"
)
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
