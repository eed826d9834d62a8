"""The tables that `medusa evaluate` prints."""

from collections.abc import Mapping, Sequence
from typing import Any

from medusa.console import say, table
from medusa.ensemble.comparison import SIGNIFICANT
from medusa.scoring import CALIBRATION, MEASURES, SCORES, agreement_sentence, class_interval


def show(result: Mapping[str, Any]) -> None:
    """Print an `Evaluation` as tables, each score with its interval and its chance level."""
    if result.get("human_agreement"):
        print(f"\n{agreement_sentence(result['human_agreement'])}\n")
    rows: list[list[object]] = []
    for key, score in SCORES.items():
        base = result["baselines"][key]
        spread = _spread(result["interval"][key])
        rows.append([score.title, result[key], spread, base["chance"], base["majority"]])
    who = f" by {result['blocks']} speakers" if result["blocks"] else ""
    split = f"{result['split']} of {result['on']}" if "on" in result else result["split"]
    title = f"{result['run']}: {result['n']} labelled utterances of {split}{who}"
    header = ("", "value", "95 %", "chance", f"always {result['majority_class']}")
    table(header, rows, title)
    rows = [
        [name, one["f1"], class_interval(one), one["precision"], one["recall"], one["support"]]
        for name, one in result["per_class"].items()
    ]
    table(("class", "F1", "95 %", "precision", "recall", "utterances"), rows)
    _show_posteriors(result)
    counts = zip(result["classes"], result["confusion"], strict=True)
    table(("truth \\ predicted", *result["classes"]), [[name, *row] for name, row in counts])
    if result["attributes"]:
        rows = [
            [
                name,
                *(
                    part
                    for key in ("ccc", "mse")
                    for part in (one[key], _spread(one["interval"][key]))
                ),
            ]
            for name, one in result["attributes"].items()
        ]
        table(("attribute", "CCC", "95 %", "MSE", "95 %"), rows)
    if result["slices"]:
        _show_slices(result["slices"], result["classes"])
    if "map" in result:
        pairs = [
            [name, other or "none: it is judged among the other classes"]
            for name, other in result["map"].items()
        ]
        table(("class of the run", "judged as"), pairs)
    if result["unlabelled"]:
        say(f"note: {result['unlabelled']} utterances without a consensus label are left out")
    for note in result["notes"]:
        say(f"note: {note}")


def _show_posteriors(result: Mapping[str, Any]) -> None:
    """Print the calibration, the effect of the temperature, and the measures of the shares."""
    found = result["calibration"]
    cooled = found["temperature"]
    rows: list[list[object]] = []
    for key, title in CALIBRATION.items():
        row = [title, found[key]["value"], _spread(found[key]["interval"])]
        rows.append([*row, *([cooled[key]["value"] if key in cooled else ""] if cooled else [])])
    header = ["posteriors", "value", "95 %"]
    table([*header, *([f"at temperature {cooled['value']:.2f} of dev"] if cooled else [])], rows)
    if shares := result["distributions"]:
        rows = [
            [MEASURES[key].title, one["value"], _spread(one["interval"])]
            for key, one in shares["measures"].items()
        ]
        table((f"against the raters' shares, {shares['n']} utterances", *header[1:]), rows)


def _show_slices(slices: Mapping[str, Any], classes: Sequence[str]) -> None:
    """Print the groups that differ from the rest, and the gaps between groups of speakers."""
    rows: list[list[object]] = [
        [
            f"{one['by']}: {one['group']}",
            one["value"],
            _spread(one["interval"]),
            one["n"],
            f"{one['difference']:+.3f}",
            _spread(one["difference_interval"]),
            one["p"],
        ]
        for one in slices["rows"]
        if one["p"] < SIGNIFICANT
    ]
    header = ("group", "macro-F1", "95 %", "utterances", "against the rest", "95 %", "p (Holm)")
    if rows:
        table(header, rows)
    if slices["rows"]:
        say(f"note: {len(rows)} of {len(slices['rows'])} groups differ from the rest (p < 0.05)")
    gaps: list[list[object]] = [
        [
            f"{by}: {one['highest']} above {one['lowest']}",
            one["gap"]["value"],
            _spread(one["gap"]["interval"]),
            one["equalised_odds"]["value"],
            _spread(one["equalised_odds"]["interval"]),
            classes[one["equalised_odds"]["class"]],
        ]
        for by, one in slices["fairness"].items()
    ]
    if gaps:
        table(("largest gap", "macro-F1", "95 %", "equalised odds", "95 %", "of class"), gaps)


def _spread(interval: list[float]) -> str:
    low, high = interval
    return f"{low:.3f} – {high:.3f}"
