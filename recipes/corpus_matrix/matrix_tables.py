"""The tables of `medusa matrix`."""

from medusa.recipes.corpus_matrix.matrix import CorpusMatrix, MatrixCell
from medusa.reports.tables.result_table import ResultTable
from medusa.scoring import SCORES

NO_SCORE = "none"


def tables_of(found: CorpusMatrix) -> list[ResultTable]:
    """Return the matrix, and all its cells one by one with their intervals or reasons."""
    title = SCORES[found.score].title
    rows = [
        [name, *(_value(cell) for cell in found.cells if cell.trained == name)]
        for name in found.corpora
    ]
    notes = (
        "The run of a row was trained on the corpus of the row; a column is the tested corpus.",
        f"Judged classes: {', '.join(found.classes)}. Split: {found.split}.",
    )
    matrix = ResultTable(f"{title} across corpora", ["trained on", *found.corpora], rows, notes)
    header = ("trained on", "tested on", title, "95 %", "chance", "utterances", "reason")
    remarks = [
        f"{one.trained} on {one.tested}: {note}" for one in found.cells for note in one.notes
    ]
    return [matrix, ResultTable("all cells", header, list(map(_cells, found.cells)), remarks)]


def _value(cell: MatrixCell) -> str:
    return NO_SCORE if cell.value is None else f"{cell.value:.3f}"


def _cells(cell: MatrixCell) -> list[str]:
    if cell.value is None or cell.interval is None:
        return [cell.trained, cell.tested, NO_SCORE, "", "", "", cell.reason]
    low, high = cell.interval
    numbers = [f"{cell.value:.3f}", f"{low:.3f} – {high:.3f}", f"{cell.chance:.3f}", f"{cell.n}"]
    return [cell.trained, cell.tested, *numbers, ""]
