"""Names with markup, control sequences and formulas are shown as text."""

import csv
import io

import pandas as pd
import pytest

from medusa.console import one_line, table, visible
from medusa.reports.tables.result_table import FORMATS, ResultTable

EVIL = (
    "[/x]",
    "[red]stop[/red]",
    "<script>alert(1)</script>",
    "\x1b[2J\x1b]0;title\x07",
    "=HYPERLINK(1)",
    "a|b",
    "![x](y)",
    "\\input{secret}",
    "two\nlines\twith tab",
    "\u202egnp.exe",
    "&lt;b&gt;",
    "'\"`",
)
TABLE = ResultTable(
    "=title [x](y)\n%", ("", "value"), [(name, "-0.5") for name in EVIL], ("note\n",)
)


def test_controls_are_written_out() -> None:
    assert visible("a\x1b[31m\x07\r\x9b\u202eb\n\té") == "a\\x1b[31m\\x07\\r\\x9b\\u202eb\n\té"
    assert one_line("a\nb\tc") == "a\\nb\\tc"


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_no_format_lets_a_control_sequence_through(form: str) -> None:
    written = FORMATS[form](TABLE)
    assert not set(written) & set("\x1b\x07\u202e\r")


def test_text_keeps_one_line_for_each_row() -> None:
    assert len(FORMATS["text"](TABLE).splitlines()) == 2 + 2 + len(EVIL) + 2
    assert "[/x]" in FORMATS["text"](TABLE)


def test_markdown_has_no_markup_of_names() -> None:
    from markdown_it import MarkdownIt

    page = MarkdownIt("commonmark").enable("table").render(FORMATS["markdown"](TABLE))
    for tag in ("<script", "<img", "<a ", "<code", "<em", "<strong"):
        assert tag not in page, tag
    assert page.count("<tr>") == len(EVIL) + 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&amp;lt;b&amp;gt;" in page and "a|b" in page


def test_latex_has_no_command_of_a_name() -> None:
    written = FORMATS["latex"](TABLE)
    assert r"\textbackslash{}input\{secret\}" in written
    assert written.splitlines()[0] == "% =title [x](y)\\n%"


def test_a_spreadsheet_has_no_formula_and_keeps_numbers() -> None:
    rows = list(csv.reader(io.StringIO(FORMATS["spreadsheet"](TABLE))))
    assert all(row[0].startswith("'=") for row in rows[1:])
    assert all(row[2] == "-0.5" for row in rows[1:])
    assert ["'=title [x](y)\n%", "'=HYPERLINK(1)", "-0.5"] in rows
    plain = list(csv.reader(io.StringIO(FORMATS["csv"](TABLE))))
    assert ["=title [x](y)\n%", "=HYPERLINK(1)", "-0.5"] in plain


def test_the_terminal_shows_names(capsys: pytest.CaptureFixture[str]) -> None:
    table(("[/x]", "\x1b[31m"), [[name, 1.5] for name in EVIL], "[bold]\x07")
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "\x07" not in shown
    for words in ("[/x]", "[red]stop[/red]", "<script>", "[bold]\\x07", "two\\nlines\\twith tab"):
        assert words in shown, words


def test_predictions_for_a_spreadsheet_have_no_formula() -> None:
    from medusa.inference.output.tables import FORMATS as OUTPUTS

    row = {"path": "=cmd|' /C calc'!A0", "start": 0.0, "end": 1.0, "p_x": 1.0, "label": "x"}
    frame = pd.DataFrame([row | {"arousal": -1.5, "transcript": "+1", "flags": ["empty"]}])
    [found] = csv.DictReader(io.StringIO(OUTPUTS["spreadsheet"](frame).decode()))
    assert found["path"] == "'=cmd|' /C calc'!A0"
    assert (found["transcript"], found["arousal"]) == ("+1", "-1.5")  # numbers stay
    [plain] = csv.DictReader(io.StringIO(OUTPUTS["csv"](frame).decode()))
    assert plain["path"] == "=cmd|' /C calc'!A0"
