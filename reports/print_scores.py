"""The tables that `medusa evaluate` prints."""

from collections.abc import Mapping
from typing import Any

from medusa.console import say, table
from medusa.scoring import CALIBRATION, MEASURES, SCORES, agreement_sentence


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
        [name, one["f1"], _spread(one["interval"]), one["precision"], one["recall"], one["support"]]
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


def _spread(interval: list[float]) -> str:
    low, high = interval
    return f"{low:.3f} – {high:.3f}"
