"""A csv is read so that every bad row is listed with its line, and the good rows are kept."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MOST_LINES = 200  # A quote that is still open after this many lines is never closed.
OTHER_SEPARATORS = ";\t|"  # Spreadsheets of many countries write semicolons.


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used, with its file, its first line, and the problem."""

    path: Path
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.problem}"


class Rows(NamedTuple):
    """The rows of a csv: the cells as text, the first line of each row, and the bad rows."""

    header: list[str]
    cells: list[list[str]]
    lines: list[int]
    bad: list[BadRow]


def read_rows(path: Path) -> Rows:
    """Read a csv in UTF-8; rows with other bytes, broken quotes or too many cells are bad rows.

    Args:
        path: the file; its first line is the header. The header shows whether commas, semicolons,
            tabs or bars separate the cells.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        physical = list(file)
    separator = separator_of(physical[0] if physical else "")
    header: list[str] | None = None
    found = Rows([], [], [], [])
    for line, cells, problem in _logical(physical, separator):
        width = len(header) if header is not None else len(cells)
        problem = problem or _problem(cells, width)
        if problem:
            found.bad.append(BadRow(path, line, problem))
        elif header is None:
            header = [name.strip() for name in cells]
        else:
            found.cells.append(cells)
            found.lines.append(line)
    return found._replace(header=header or [])


def _logical(lines: Sequence[str], separator: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield each row: its first line, its cells, and the problem with its quotes."""
    at = 0
    width = 0
    while at < len(lines):
        cells, used, problem = _row(lines, at, width, separator)
        if cells or problem:
            yield at + 1, cells, problem
            width = width or len(cells)
        at += used


def _row(lines: Sequence[str], at: int, width: int, separator: str) -> tuple[list[str], int, str]:
    """Return the cells of the row that starts here, its number of lines, and its problem."""
    text = lines[at]
    if '"' not in text:
        bare = text.rstrip("\r\n")
        return (bare.split(separator) if bare else []), 1, ""
    reader = csv.reader(lines[at : at + MOST_LINES], strict=True, delimiter=separator)
    try:
        cells = next(reader)
    except csv.Error as problem:
        return [], 1, f"a broken quote ({problem})"
    if reader.line_num > 1 and width and len(cells) != width:
        return [], 1, "a broken quote (it is closed only some lines later)"
    return cells, reader.line_num, ""


def separator_of(header: str) -> str:
    """Return what separates the cells: a comma, unless the first cell is rather several cells."""
    for sign in OTHER_SEPARATORS:
        if sign in header.split(",")[0] and header.count(sign) > header.count(","):
            return sign
    return ","


def strange_byte(text: str) -> str:
    """Return a message about the first byte that is not UTF-8, or an empty string.

    The text was read with `surrogateescape`.
    """
    if text.isascii():
        return ""
    strange = next((sign for sign in text if "\udc80" <= sign <= "\udcff"), "")
    return f"a byte that is not UTF-8 (0x{ord(strange) - 0xDC00:02x})" if strange else ""


def _problem(cells: list[str], width: int) -> str:
    """Return the problem of a row that could be parsed, or an empty string."""
    strange = "" if all(map(str.isascii, cells)) else strange_byte("".join(cells))
    if strange or len(cells) == width:
        return strange
    return f"{len(cells)} cells, but the header has {width}"
