"""The tables of `medusa compare`."""

from collections.abc import Sequence

from medusa.reports.comparison.compare_runs import RunComparison, RunPair
from medusa.reports.tables.result_table import ResultTable
from medusa.scoring import SCORES


def tables_of(found: RunComparison) -> list[ResultTable]:
    """Return the scores of the runs, their differences, and for each pair what only one finds."""
    where = f"{found.utterances} labelled utterances of {found.split}"
    where += f" by {found.blocks} speakers" if found.blocks else ""
    title = SCORES[found.score].title
    return [
        ResultTable(f"Scores on {where}", ("", *_score_header()), _scores(found), found.notes),
        ResultTable(
            f"Differences of the {title}",
            ("", "difference", "95 %", "p", "Cohen's d", "McNemar p", "kappa"),
            [_difference(pair) for pair in found.pairs],
            ("p: a paired bootstrap over speakers. All p are corrected for their number (Holm).",),
        ),
        *(_right(pair) for pair in found.pairs),
    ]


def _score_header() -> list[str]:
    return [cell for score in SCORES.values() for cell in (score.title, "95 %")]


def _scores(found: RunComparison) -> Sequence[Sequence[str]]:
    rows = []
    for name, judged in found.runs.items():
        row = [name]
        for key in SCORES:
            low, high = judged["interval"][key]
            row += [f"{judged[key]:.3f}", f"{low:.3f} – {high:.3f}"]
        rows.append(row)
    return rows


def _difference(pair: RunPair) -> list[str]:
    low, high = pair.interval
    return [
        f"{pair.first} – {pair.second}",
        f"{pair.difference:+.3f}",
        f"{low:+.3f} – {high:+.3f}",
        f"{pair.p:.3f}",
        "" if pair.effect_size is None else f"{pair.effect_size:+.2f}",
        f"{pair.mcnemar:.3f}",
        "" if pair.kappa is None else f"{pair.kappa:.3f}",
    ]


def _right(pair: RunPair) -> ResultTable:
    """Return the number of utterances of each class that both, one or neither get right."""
    parts = ("both", "only_first", "only_second", "neither")
    rows = [[name, *(str(counts[part]) for part in parts)] for name, counts in pair.right.items()]
    sums = [str(sum(counts[part] for counts in pair.right.values())) for part in parts]
    header = ("class", "both right", f"only {pair.first}", f"only {pair.second}", "neither")
    return ResultTable(f"{pair.first} and {pair.second}", header, [*rows, ["all", *sums]])
