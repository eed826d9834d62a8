"""Reading a csv with lines: what is good is read, what is bad is named."""

import csv
from pathlib import Path

from medusa.manifests.import_tools.csv_rows import read_rows
from medusa.manifests.import_tools.tables import lines_of, read_table


def table(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_the_same_cells_as_the_standard_reader(tmp_path: Path) -> None:
    text = 'a,b\r\n1,"x, ""y"""\r\n2,"two\nlines"\r\n\r\n3,\u2028 odd\r\n'
    path = table(tmp_path / "a.csv", text)
    rows = read_rows(path)
    with path.open(encoding="utf-8", newline="") as file:
        expected = [line for line in csv.reader(file) if line]
    assert [rows.header, *rows.cells] == expected
    assert rows.lines == [2, 3, 6] and rows.bad == []
    assert lines_of(read_table(path, ["a"])) == [2, 3, 6]


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", 'a,b\n1,x\n2,"y\n3,z\n4,"w"\n')
    rows = read_rows(path)
    assert [cells[0] for cells in rows.cells] == ["1", "3", "4"]
    assert [(row.line, row.problem[:14]) for row in rows.bad] == [(3, "a broken quote")]


def test_a_quote_closed_rows_later_costs_those_two_rows_alone(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", 'a,b\n1,"x\n2,y\n3,z"\n4,w\n')
    rows = read_rows(path)
    # one cell over three lines is what the csv says; it has the header's two cells
    assert rows.cells == [["1", "x\n2,y\n3,z"], ["4", "w"]]
    assert read_rows(table(tmp_path / "b.csv", 'a,b\n1,"x\n2,"y",z"\n4,w\n')).bad[0].line == 2


def test_a_bare_quote_in_an_unquoted_cell_is_a_sign_like_any_other(tmp_path: Path) -> None:
    texts = ['it is 5" tall', "word", 'a 3" pipe', '6" by 7"', "end"]
    lines = ["id,text", *(f"{row},{text}" for row, text in enumerate(texts))]
    rows = read_rows(table(tmp_path / "a.csv", "\n".join(lines)))
    assert [cells[1] for cells in rows.cells] == texts
    assert rows.lines == [2, 3, 4, 5, 6] and rows.bad == []


def test_a_bare_quote_beside_quoted_cells_costs_no_row_behind_it(tmp_path: Path) -> None:
    text = 'a,b,c\n1,5" tall,"x, y"\n2,"z\nz",3"\n3,"5" tall",w\n4,"v",u\n'
    rows = read_rows(table(tmp_path / "a.csv", text))
    assert rows.cells == [["1", '5" tall', "x, y"], ["2", "z\nz", '3"'], ["4", "v", "u"]]
    assert [row.line for row in rows.bad] == [5]


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    assert read_rows(table(tmp_path / "a.csv", "\ufeffa,b\n1,2\n")).header == ["a", "b"]
