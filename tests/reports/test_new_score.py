"""A score is added by one entry in one dictionary, and every report shows it."""

import json
from pathlib import Path

import numpy as np
import pytest

from medusa.scoring.metrics import SCORES, Score, per_class
from medusa.tests.command_line import call


def worst_recall(matrix: np.ndarray) -> np.ndarray:
    """Return the smallest recall of confusion matrices (..., C, C) among classes in the truth."""
    scores = per_class(matrix)
    return np.where(scores["support"] > 0, scores["recall"], 1.0).min(-1)


def test_a_new_score_is_printed_reported_and_has_baselines(
    made_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCORES, "worst", Score("worst recall", worst_recall))
    result = json.loads(call(made_up, "evaluate", "a", "--json").stdout)
    recalls = [one["recall"] for one in result["per_class"].values() if one["support"]]
    assert result["worst"] == min(recalls)
    assert result["interval"]["worst"][0] <= result["worst"] <= result["interval"]["worst"][1]
    assert result["baselines"]["worst"]["majority"] == 0  # the other classes are never predicted
    assert "worst recall" in call(made_up, "evaluate", "a").stdout
    call(made_up, "report", "a", "-o", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert '<p class="label">worst recall</p>' in page
    assert f'<p class="figure">{result["worst"]:.3f}</p>' in page
