"""The table that `medusa baseline` prints."""

from medusa.console import say, table
from medusa.ensemble.comparison import verdict
from medusa.reports.baselines.comparison_table import BaselineRow, BaselineTable


def show(found: BaselineTable) -> None:
    """Print the scores of the baselines and of the compared run, and chance."""
    compared = found.compared
    rows = [_cells(one, compared is not None) for one in (compared, *found.baselines) if one]
    more = ["", ""] if compared else []
    for title, level in (
        ("always the most frequent class", found.majority),
        ("guessing by the training prior", found.chance),
    ):
        rows.append([title, level["uar"], "", level["macro_f1"], "", *more])
    header = ["", "UAR", "95 %", "macro-F1", "95 %"]
    header += [f"gain of {compared.run}", "p (Holm)"] if compared else []
    table(header, rows, f"judged on {found.utterances} labelled utterances of {found.split}")
    for title, losses in found.layers.items():
        best = min(losses, key=losses.__getitem__)
        say(f"{title}: of {len(losses)} layers, {best} is best on left-out training speakers")
    for note in found.notes:
        say(f"note: {note}")
    if compared and found.baselines:
        best_row = max(found.baselines, key=lambda row: row.macro_f1)
        if best_row.gain:
            say(verdict(compared.run, f"the best baseline, {best_row.run}", best_row.gain))


def _cells(row: BaselineRow, with_gain: bool) -> list[object]:
    """Return the cells of a run."""
    cells: list[object] = [row.run, row.uar, _range(row.uar_interval)]
    cells += [row.macro_f1, _range(row.macro_f1_interval)]
    if with_gain:
        gain = row.gain
        cells += [f"{gain['difference']:+.3f}", f"{gain['p']:.3f}"] if gain else ["", ""]
    return cells


def _range(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{low:.3f} – {high:.3f}"
