"""Ties, an absent class, one speaker, an empty slice and one rater, each by hand."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import f1_score, log_loss, recall_score

from medusa.scoring import (
    MEASURES,
    SCORES,
    Truth,
    confusion,
    human_agreement,
    interval,
    resampled_confusions,
)
from medusa.scoring.calibration.reliability import calibration_scores
from medusa.scoring.resampling import shifted_interval
from medusa.scoring.slices.slice_scores import slice_scores

LABELS = np.array([0, 0, 1, 1, 1, 0])
CHOSEN = np.array([0, 2, 1, 1, 0, 0])  # Nobody has class 2, and one utterance is called so.


def truth_of_one(speaker: str | None, labels: np.ndarray = LABELS, classes: int = 3) -> Truth:
    soft = np.eye(classes, dtype=np.float32)[labels]
    return Truth(
        labels, soft, np.full((len(labels), 3), np.nan, np.float32), [speaker] * len(labels)
    )


def test_an_absent_class_has_no_share_of_a_mean() -> None:
    matrix = confusion(LABELS, CHOSEN, 3)
    f1 = f1_score(LABELS, CHOSEN, labels=[0, 1], average="macro")
    recall = recall_score(LABELS, CHOSEN, labels=[0, 1], average="macro")
    assert float(SCORES["macro_f1"].formula(matrix)) == pytest.approx(f1) == pytest.approx(11 / 15)
    assert float(SCORES["uar"].formula(matrix)) == pytest.approx(recall) == pytest.approx(2 / 3)
    assert float(SCORES["accuracy"].formula(matrix)) == pytest.approx(4 / 6)


@pytest.mark.parametrize("speaker", ["s", None])
def test_one_speaker_has_intervals_of_utterances(speaker: str | None) -> None:
    truth = truth_of_one(speaker)
    drawn = resampled_confusions(truth.labels, CHOSEN, 3, truth.blocks)
    assert truth.blocks is None
    assert (drawn.sum((1, 2)) == len(LABELS)).all()  # As many utterances as there are.
    low, high = interval(SCORES["accuracy"].formula(drawn))
    assert low < 4 / 6 < high


def test_tied_posteriors_choose_the_first_class_everywhere() -> None:
    posteriors = np.full((6, 3), 1 / 3)
    found = calibration_scores(truth_of_one("s"), posteriors)
    assert found["ece"]["value"] == pytest.approx(abs(3 / 6 - 1 / 3))  # Half are of class 0.
    assert found["nll"]["value"] == pytest.approx(log_loss(LABELS, posteriors, labels=[0, 1, 2]))
    assert found["brier"]["value"] == pytest.approx((2 / 3) ** 2 + 2 * (1 / 3) ** 2)
    assert found["top_2"]["value"] == 1  # Classes 0 and 1 come first.


def test_tied_votes_have_no_plurality() -> None:
    """Two raters of each of two classes: the others of a left-out rater choose the other class."""
    votes = np.array([[2, 2, 0]])
    truth = Truth(
        np.array([-1]), np.array([[0.5, 0.5, 0]], np.float32), np.full((1, 3), np.nan), ["s"]
    )
    found = human_agreement(truth, np.array([0]), votes)
    assert found is not None
    assert found["rater"]["agreement"]["value"] == pytest.approx(4 / 12)  # of 12 ordered pairs
    assert found["system"]["agreement"]["value"] == 0.5
    assert found["rater"]["accuracy"]["value"] == 0 and found["system"]["accuracy"]["value"] == 0.5


def test_one_rater_is_a_hard_label() -> None:
    assert human_agreement(truth_of_one("s"), CHOSEN, np.eye(3, dtype=np.int64)[LABELS]) is None
    shares, posteriors = np.eye(3)[LABELS], np.eye(3)[CHOSEN] * 0.7 + 0.1
    for row in range(6):
        one, other = shares[[row]], posteriors[[row]]
        distance = jensenshannon(one[0], other[0], base=2) ** 2
        assert MEASURES["jensen_shannon"].formula(one, other)[0] == pytest.approx(distance)
        assert MEASURES["soft_accuracy"].formula(one, other)[0] == (LABELS[row] == CHOSEN[row])


def test_an_empty_slice_is_no_row_and_numbers_sort_as_numbers() -> None:
    labels = np.arange(60) % 3
    names: list[str | None] = ["11 – 12 words"] * 20 + ["6 – 7 words"] * 20 + ["100 – 120"] * 10
    names += [None] * 10
    truth = truth_of_one(None, labels)
    found = slice_scores(truth, labels, {"words": names, "gender": [None] * 60}, 3)
    assert [row["group"] for row in found["rows"]] == ["6 – 7 words", "11 – 12 words", "100 – 120"]
    assert found["fairness"] == {}


def test_the_interval_of_a_gap_stays_within_0_and_1() -> None:
    low, high = shifted_interval(np.linspace(0, 1, 101), 0.9)
    assert (low, high) == (pytest.approx(0.425), 1)
    assert shifted_interval(np.linspace(0, 1, 101), 0.0) == [0, pytest.approx(0.475)]
