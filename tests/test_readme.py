"""The figures of README are those of the committed results."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
RESULTS = ROOT / "benchmarks" / "results"


def shown(value: float) -> str:
    """Return a figure as README writes it."""
    return f"{value:.3f}".removeprefix("0")


def figures(corpus: str) -> dict[str, str]:
    """Return the figures of the recipe and of its best baseline, as README writes them."""
    found = json.loads((RESULTS / f"real_{corpus}.json").read_text(encoding="utf-8"))
    recipe, best = found["systems"][found["main"]], found["best_baseline"]
    gain = found["uar_gains"][best]
    low, high = (shown(bound) for bound in recipe["interval"]["uar"])
    return {
        "uar": shown(recipe["uar"]),
        "interval": f"95 % {low} – {high}",
        "baseline": shown(found["systems"][best]["uar"]),
        "gain": f"+{shown(gain['difference'])}",
        "gain_interval": " – ".join(shown(bound) for bound in gain["interval"]),
        "p": f"p {shown(gain['p'])}",
        "chance": shown(recipe["baselines"]["uar"]["chance"]),
    }


def test_the_result_on_emodb_is_the_committed_one() -> None:
    of = figures("emodb")
    assert f"unweighted average recall of **{of['uar']}** ({of['interval']}) on EmoDB" in PAGE
    assert f"announced before, has {of['baseline']}." in PAGE
    assert (
        f"is {of['gain']} ({of['gain_interval']}, {of['p']}), guessing has {of['chance']}" in PAGE
    )


def test_the_result_on_ravdess_is_the_committed_one() -> None:
    of = figures("ravdess")
    gain = f"({of['gain']}, {of['gain_interval']}, {of['p']})"
    scores = f"the recipe has {of['uar']}, and the best baseline has {of['baseline']} {gain}"
    assert f"On RAVDESS {scores}" in PAGE


@pytest.mark.parametrize("name", ["real_emodb", "real_ravdess"])
def test_the_best_baseline_is_the_best_of_ten(name: str) -> None:
    found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    uar = {
        key: value["uar"] for key, value in found["systems"].items() if key.startswith("baseline")
    }
    assert len(uar) == 10 and max(uar, key=lambda key: uar[key]) == found["best_baseline"]


def test_readme_has_no_other_figures_of_results() -> None:
    section = PAGE.split("## A result on real speech")[1].split("## On your own corpus")[0]
    known = " ".join(value for corpus in ("emodb", "ravdess") for value in figures(corpus).values())
    assert [one for one in re.findall(r"\.\d+", section) if one not in known] == []
