"""A table of results, and its form as text, Markdown, LaTeX and csv."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medusa.console import one_line, visible


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
    rows = [[one_line(cell) for cell in row] for row in (table.header, *table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.header))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    body = "\n".join(line.rstrip() for line in lines)
    notes = "".join(f"\n{one_line(note)}" for note in table.notes)
    return f"{one_line(table.title)}\n\n{body}\n{notes}\n"


def markdown(table: ResultTable) -> str:
    """Return the table as a Markdown table under a heading."""
    rows = (table.header, *table.rows)
    lines = ["| " + " | ".join(map(markdown_text, row)) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(table.header))
    notes = "".join(f"\n{markdown_text(note)}\n" for note in table.notes)
    return f"## {markdown_text(table.title)}\n\n" + "\n".join(lines) + f"\n{notes}"


def latex(table: ResultTable) -> str:
    """Return the table as a LaTeX tabular with the rules of booktabs."""
    rows = [" & ".join(map(_tex, row)) + r" \\" for row in table.rows]
    head = " & ".join(map(_tex, table.header)) + r" \\"
    notes = "".join(f"% {one_line(note)}\n" for note in table.notes)
    columns = "l" + "r" * (len(table.header) - 1)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule", *rows]
    lines += [r"\bottomrule", r"\end{tabular}", ""]
    return f"% {one_line(table.title)}\n{notes}" + "\n".join(lines)


def comma_separated(table: ResultTable) -> str:
    """Return the table as csv; the first column is its title."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rows = [["table", *table.header], *([table.title, *row] for row in table.rows)]
    writer.writerows([visible(cell) for cell in row] for row in rows)
    return out.getvalue()


def spreadsheet(table: ResultTable) -> str:
    """Return the table as csv in which no cell is a formula: such a cell begins with a quote."""
    rows = [[without_formula(cell) for cell in row] for row in table.rows]
    header = [without_formula(cell) for cell in table.header]
    return comma_separated(ResultTable(without_formula(table.title), header, rows))


def without_formula(cell: str) -> str:
    """Return a cell with a quote before it, if a spreadsheet would take it for a formula.

    Numbers such as -0.5 stay. Source: OWASP, "CSV Injection".
    """
    if not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def markdown_text(cell: str) -> str:
    """Return a cell of which Markdown and HTML take nothing for markup."""
    text = re.sub(r"&(?=[#\w]+;)", "&amp;", one_line(cell)).replace("<", "&lt;")
    return re.sub(r"([\\`*\[\]|])", r"\\\1", text)


def _tex(cell: str) -> str:
    return "".join(TEX.get(character, character) for character in one_line(cell))


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
TEX = {character: f"\\{character}" for character in "&%_#${}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    "−": "$-$",
    "→": r"$\to$",
}
FORMATS: dict[str, Callable[[ResultTable], str]] = {
    "text": text,
    "markdown": markdown,
    "latex": latex,
    "csv": comma_separated,
    "spreadsheet": spreadsheet,
}
