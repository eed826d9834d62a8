"""The scores of a run, by hand, by scikit-learn and by a slow loop over balanced draws."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from medusa.manifests import LabelScheme, Manifest
from medusa.scoring import (
    Predictions,
    Truth,
    balanced_draws,
    balanced_macro_f1_of,
    judge,
    training_prior,
)
from medusa.scoring.scores import attribute_scores

NAN = float("nan")


def some(attributes: list[list[float]], labels: list[int]) -> Truth:
    rows = len(labels)
    soft = np.eye(2, dtype=np.float32)[labels]
    speakers = [f"s{row % 11}" for row in range(rows)]
    return Truth(np.array(labels), soft, np.array(attributes, np.float32), speakers)


def predictions(logits: np.ndarray, attributes: np.ndarray | None) -> Predictions:
    ids = [f"u{row}" for row in range(len(logits))]
    return Predictions.of(ids, ["test"] * len(ids), logits, attributes, ["x", "y"], "run")


def test_a_class_of_one_utterance_counts_as_much_as_one_of_three() -> None:
    # Recalls are 1 and 2/3. With equal classes, 4/3 of the mass is predicted as the first class
    # and 2/3 as the second, so F1 is 2 / (1 + 4/3) and 2 (2/3) / (1 + 2/3).
    score = balanced_macro_f1_of(np.array([[1, 0], [1, 2]]))
    assert float(score) == pytest.approx((6 / 7 + 4 / 5) / 2)


def test_the_balanced_score_is_the_mean_over_a_hundred_draws() -> None:
    rng = np.random.default_rng(1)
    labels = [0] * 37 + [1] * 9
    logits = rng.normal(size=(46, 2)) + np.eye(2)[labels]
    truth = some([[NAN] * 3] * 46, labels)
    result = judge(truth, predictions(logits, None), np.array([37.0, 9.0]))
    predicted = logits.astype(np.float32).argmax(1)
    draws = balanced_draws(truth.labels, 100)
    each = [f1_score(truth.labels[rows], predicted[rows], average="macro") for rows in draws]
    assert result["balanced"] == pytest.approx(np.mean(each), abs=1e-12)
    assert result["balanced"] != pytest.approx(np.mean(each[:-1]), abs=1e-12)


def test_an_attribute_known_for_one_utterance_has_no_score() -> None:
    truth = some([[1, 2, NAN], [3, NAN, NAN], [5, NAN, NAN]], [0, 1, 0])
    predicted = np.array([[1.5, 2, 3], [3, 3, 3], [4, 4, 4]])
    scores = attribute_scores(truth, predictions(np.zeros((3, 2)), predicted))
    assert list(scores) == ["arousal"]
    assert scores["arousal"]["n"] == 3
    assert scores["arousal"]["mse"] == pytest.approx((0.5**2 + 0 + 1) / 3)


def test_chosen_rows_keep_their_columns() -> None:
    whole = predictions(np.arange(6.0).reshape(3, 2), None)
    columns = ["id", "split", "fold", "logit_x", "logit_y", "arousal", "valence", "dominance"]
    for part in (whole.select(["u2", "u0"]), whole.split("test")):
        assert list(part.frame.columns) == columns
        assert part.frame.index.tolist() == list(range(len(part.frame)))
        assert part.attributes() is None
    assert whole.select(["u2", "u0"]).logits().tolist() == [[4, 5], [0, 1]]


def test_attributes_that_are_known_somewhere_are_returned() -> None:
    known = np.array([[NAN, NAN, NAN], [NAN, 2.0, NAN]])
    returned = predictions(np.zeros((2, 2)), known).attributes()
    np.testing.assert_array_equal(returned, known.astype(np.float32))


def test_an_attribute_known_for_two_utterances_has_a_score() -> None:
    truth = some([[1, NAN, NAN], [3, NAN, NAN]], [0, 1])
    scores = attribute_scores(truth, predictions(np.zeros((2, 2)), np.full((2, 3), 2.0)))
    assert scores["arousal"]["n"] == 2
    assert scores["arousal"]["mse"] == pytest.approx(1)


def test_a_class_that_training_lacks_is_never_guessed() -> None:
    frame = pd.DataFrame({"id": ["a", "b", "c"], "split": "train", "label": ["x", "x", "y"]})
    manifest = Manifest(frame, LabelScheme("three", ("x", "y", "z")))
    assert training_prior(manifest).tolist() == [2, 1, 0]
