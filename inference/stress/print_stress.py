"""The table of `medusa stress`."""

from medusa.inference.stress.stress_run import StressRow, StressTable
from medusa.reports.tables.result_table import ResultTable

HEADER = ("", "macro-F1", "95 %", "difference", "95 %", "p", "changed")


def table_of(found: StressTable) -> ResultTable:
    """Return the conditions as a table."""
    title = f"{found.run}: {found.utterances} recordings of {found.split}, degraded"
    notes = (
        "p: a paired bootstrap over speakers, corrected for the number of conditions (Holm).",
        "changed: the share of the utterances whose predicted class changes.",
    )
    first, *others = found.rows
    value = f"{first.value:.3f}"
    clean = (first.condition, value, _range(first.interval), "", "", "", "")
    return ResultTable(title, HEADER, [clean, *map(_cells, others)], notes)


def _cells(row: StressRow) -> list[str]:
    low, high = row.difference_interval
    return [
        row.condition,
        f"{row.value:.3f}",
        _range(row.interval),
        f"{row.difference:+.3f}",
        f"{low:+.3f} – {high:+.3f}",
        f"{row.p:.3f}",
        f"{row.changed:.3f}",
    ]


def _range(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f} – {interval[1]:.3f}"
