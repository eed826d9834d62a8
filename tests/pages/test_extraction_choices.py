"""The tables of docs/results/extraction-choices.md are those of the committed results."""

import json
from typing import Any

import pytest

from medusa.tests.pages.blocks import ROOT

PAGE = (ROOT / "docs/results/extraction-choices.md").read_text(encoding="utf-8").splitlines()


def result(name: str) -> Any:
    return json.loads((ROOT / f"benchmarks/results/{name}.json").read_text(encoding="utf-8"))


def shown(value: float) -> str:
    return f"{value:.3f}"


def interval(bounds: list[float]) -> str:
    low, high = bounds
    return f"({low:.3f} – {high:.3f})"


def change(score: dict[str, Any], base: str, own: str) -> str:
    """Return the difference from the base with its interval; the base itself has none."""
    if own == base:
        return "–"
    low, high = score[f"minus_{base}_interval"]
    return f"{score[f'minus_{base}']:+.3f} ({low:+.3f} to {high:+.3f})"


def rows_of_windows() -> list[str]:
    found = result("window")
    rows = []
    for corpus, of in found["corpora"].items():
        for window, one in of["windows"].items():
            own = "whole" if window == "30" else window
            cells = [{"ravdess": "RAVDESS", "emodb": "EmoDB"}[corpus], f"{window} s"]
            for kind in ("uar", "wer"):
                score = one[kind]
                cells += [f"{shown(score['value'])} {interval(score['interval'])}"]
                cells += [change(score, "whole", own)]
            rows.append("| " + " | ".join(cells) + " |")
    for window, one in found["encoder"]["extraction"].items():
        text = found["encoder"]["transcription"][window]
        operations = found["corpora"]["ravdess"]["windows"][window]["operations"]
        cells = [f"{window} s", *(f"{x:.2f}" for x in (operations, one["share"], text["share"]))]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def rows_of_stores() -> list[str]:
    rows = []
    for corpus, of in result("stored_precision")["corpora"].items():
        for name, one in of["stores"].items():
            cells = [{"ravdess": "RAVDESS", "emodb": "EmoDB"}[corpus], f"`{name}`"]
            cells += [f"{one['mb']:.0f}"]
            for kind in ("probe", "head"):
                score = one[kind]
                cells += [f"{shown(score['uar'])} {interval(score['interval'])}"]
                cells += [change(score, "float16", name)]
            rows.append("| " + " | ".join([*cells, f"{one['epoch']['share']:.2f}"]) + " |")
    return rows


@pytest.mark.parametrize("rows", [rows_of_windows, rows_of_stores], ids=["windows", "stores"])
def test_the_tables_are_those_of_the_results(rows: Any) -> None:
    expected = rows()
    assert [row for row in expected if row not in PAGE] == []
    assert len(expected) >= 5
