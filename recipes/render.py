"""A table of results, and its form as text, Markdown, LaTeX and csv."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ResultTable:
    """One table as texts.

    Attributes:
        title: the heading.
        header: the names of the columns.
        rows: the cells of each row.
        notes: remarks below the table.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def text(table: ResultTable) -> str:
    """Return the table as text, with aligned columns."""
    rows = [list(table.header), *map(list, table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.header))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    body = "\n".join(line.rstrip() for line in lines)
    notes = "".join(f"\n{note}" for note in table.notes)
    return f"{table.title}\n\n{body}\n{notes}\n"


def markdown(table: ResultTable) -> str:
    """Return the table as a Markdown table under a heading."""
    lines = ["| " + " | ".join(row) + " |" for row in (table.header, *table.rows)]
    lines.insert(1, "|" + "---|" * len(table.header))
    notes = "".join(f"\n{note}\n" for note in table.notes)
    return f"## {table.title}\n\n" + "\n".join(lines) + f"\n{notes}"


def latex(table: ResultTable) -> str:
    """Return the table as a LaTeX tabular with the rules of booktabs."""
    rows = [" & ".join(map(_tex, row)) + r" \\" for row in table.rows]
    head = " & ".join(map(_tex, table.header)) + r" \\"
    notes = "".join(f"% {note}\n" for note in table.notes)
    columns = "l" + "r" * (len(table.header) - 1)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule", *rows]
    return f"% {table.title}\n{notes}" + "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def comma_separated(table: ResultTable) -> str:
    """Return the table as csv; the first column is its title."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["table", *table.header])
    writer.writerows([table.title, *row] for row in table.rows)
    return out.getvalue()


def _tex(cell: str) -> str:
    for character in "&%_#$":
        cell = cell.replace(character, "\\" + character)
    return cell.replace("±", r"$\pm$").replace("–", "--").replace("→", r"$\to$")


FORMATS: dict[str, Callable[[ResultTable], str]] = {
    "text": text,
    "markdown": markdown,
    "latex": latex,
    "csv": comma_separated,
}
