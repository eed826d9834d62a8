"""Scores over the test predictions of all folds, by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from medusa.errors import RunError
from medusa.manifests import LabelScheme, Manifest
from medusa.scoring.cross_validated import judge_folds
from medusa.scoring.predictions import Predictions

CLASSES = ("glad", "sad")
# These are the labels and the folds of eight utterances; the seventh has no consensus.
LABELS = ["glad", "glad", "sad", "sad", "glad", "sad", None, "sad"]
FOLDS = [0, 0, 0, 0, 1, 1, 1, 1]
GUESSES = [0, 0, 1, 0, 0, 1, 0, 1]
PRIOR = np.array([3.0, 4.0])


def corpus() -> Manifest:
    frame = pd.DataFrame({"id": [f"u{row}" for row in range(8)], "label": LABELS})
    frame["speaker"] = [f"s{row // 2}" for row in range(8)]
    return Manifest(frame, LabelScheme("two", CLASSES))


def system(rows: list[int], guesses: list[int] = GUESSES) -> Predictions:
    """Return the predictions of some utterances, joined from both folds."""
    logits = np.eye(2)[[guesses[row] for row in rows]]
    ids = [f"u{row}" for row in rows]
    one = Predictions.of(ids, ["test"] * len(ids), logits, None, list(CLASSES), "run")
    one.frame["fold"] = [FOLDS[row] for row in rows]
    return one


def test_all_folds_are_judged_together_and_each_one() -> None:
    result = judge_folds(corpus(), {"one": system([3, 1, 0, 2, 7, 6, 5, 4])}, "one", PRIOR)
    scores = result["systems"]["one"]
    assert (result["unlabelled"], result["unpredicted"], result["gains"]) == (1, 0, [])
    assert scores["accuracy"] == pytest.approx(6 / 7)
    assert scores["uar"] == pytest.approx((1 + 3 / 4) / 2)
    folds = scores["folds"]["accuracy"]
    assert folds["values"] == pytest.approx({"0": 3 / 4, "1": 1})
    assert folds["mean"] == pytest.approx(7 / 8)
    assert folds["sd"] == pytest.approx((1 / 8) * 2**0.5)  # It has n - 1 = 1 below.


def test_utterances_without_a_prediction_are_counted() -> None:
    result = judge_folds(corpus(), {"one": system([0, 2, 4, 5, 7])}, "one", PRIOR)
    assert (result["unlabelled"], result["unpredicted"]) == (0, 3)
    assert result["systems"]["one"]["accuracy"] == 1


def test_the_gain_of_the_main_system_is_over_labelled_utterances() -> None:
    worse = [1 - guess if row in (0, 6) else guess for row, guess in enumerate(GUESSES)]
    rows = list(range(8))
    result = judge_folds(corpus(), {"a": system(rows), "b": system(rows, worse)}, "a", PRIOR)
    assert result["systems"]["b"]["accuracy"] == pytest.approx(5 / 7)
    (gain,) = result["gains"]
    labelled = [row for row in rows if LABELS[row] is not None]
    truth = [CLASSES.index(str(LABELS[row])) for row in labelled]
    one, other = (
        f1_score(truth, [guesses[row] for row in labelled], average="macro")
        for guesses in (GUESSES, worse)
    )
    assert gain["of"] == "b"
    assert gain["difference"] == pytest.approx(one - other)


def test_systems_of_different_utterances_are_refused() -> None:
    with pytest.raises(RunError, match=r"b: expected predictions of the same .*u4.* differ"):
        judge_folds(corpus(), {"a": system([0, 1, 4]), "b": system([0, 1])}, "a", PRIOR)


def test_an_utterance_in_two_folds_is_refused() -> None:
    with pytest.raises(RunError, match=r"a predicts .*u1.* in two folds"):
        judge_folds(corpus(), {"a": system([0, 1, 1])}, "a", PRIOR)
