"""The numbers of an evaluation as tables, for Markdown and LaTeX."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medusa.reports.tables.result_table import ResultTable
from medusa.scoring import CALIBRATION, MEASURES, SCORES, agreement_sentence, class_interval


def report_tables(result: Mapping[str, Any]) -> Iterator[ResultTable]:
    """Yield the scores, the classes, the confusion, the posteriors, the raters and the groups.

    Args:
        result: the values of `Evaluation`.
    """
    agreement = result["human_agreement"]
    notes = [agreement_sentence(agreement)] if agreement else []
    rows = [
        [
            score.title,
            f"{result[key]:.3f}",
            _range(result["interval"][key]),
            *(f"{result['baselines'][key][name]:.3f}" for name in ("chance", "majority")),
        ]
        for key, score in SCORES.items()
    ]
    title = f"{result['run']}: {result['n']} labelled utterances of {result['split']}"
    header = ("", "value", "95 %", "chance", f"always {result['majority_class']}")
    yield ResultTable(title, header, rows, [*notes, *result["notes"]])
    yield ResultTable(
        "Classes",
        ("", "F1", "95 %", "precision", "recall", "utterances"),
        [_of_class(name, one) for name, one in result["per_class"].items()],
    )
    counts = zip(result["classes"], result["confusion"], strict=True)
    yield ResultTable(
        "Confusion, with the truth in rows",
        ("", *result["classes"]),
        [[name, *map(str, row)] for name, row in counts],
    )
    found = result["calibration"]
    pairs = [[title, *_pair(found[key])] for key, title in CALIBRATION.items()]
    yield ResultTable("Posteriors", ("", "value", "95 %"), pairs)
    if shares := result["distributions"]:
        pairs = [[MEASURES[key].title, *_pair(one)] for key, one in shares["measures"].items()]
        yield ResultTable("Against the raters' shares", ("", "mean", "95 %"), pairs)
    if groups := result["slices"]:
        yield from _groups(groups["rows"])


def _groups(rows: Sequence[Mapping[str, Any]]) -> Iterator[ResultTable]:
    """Yield the groups of utterances, if there are any."""
    cells = [
        [
            f"{one['by']}: {one['group']}",
            str(one["n"]),
            f"{one['value']:.3f}",
            _range(one["interval"]),
            f"{one['difference']:+.3f}",
            f"{one['p']:.3f}",
        ]
        for one in rows
    ]
    header = ("", "utterances", "macro-F1", "95 %", "against the rest", "p")
    if cells:
        yield ResultTable("Groups of utterances", header, cells)


def _of_class(name: str, one: Mapping[str, Any]) -> list[str]:
    scores = [f"{one[key]:.3f}" for key in ("precision", "recall")]
    return [name, f"{one['f1']:.3f}", class_interval(one), *scores, str(one["support"])]


def _pair(one: Mapping[str, Any]) -> list[str]:
    return [f"{one['value']:.3f}", _range(one["interval"])]


def _range(interval: Sequence[float]) -> str:
    return f"{interval[0]:.3f} – {interval[1]:.3f}"
