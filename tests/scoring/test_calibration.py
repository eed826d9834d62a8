"""Calibration against scikit-learn, and the temperature against a grid."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from medusa.scoring import Truth
from medusa.scoring.calibration.reliability import calibration_scores, equal_mass_bins
from medusa.scoring.calibration.temperature import cooled, fit_temperature, temperature_effect


def truth_of_labels(labels: np.ndarray, speakers: list[str | None] | None = None) -> Truth:
    rows = len(labels)
    soft = np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]
    names = speakers or [f"s{row % 15}" for row in range(rows)]
    return Truth(labels, soft, np.full((rows, 3), np.nan, np.float32), names)


def made_up(rows: int = 390, sharpness: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels that are drawn from softmax(x), and the logits sharpness * x."""
    rng = np.random.default_rng(5)
    exact = rng.normal(size=(rows, 4)) * 1.5
    chances = softmax(exact, axis=1).cumsum(1)
    labels = (rng.random((rows, 1)) > chances).sum(1).clip(0, 3)
    return labels, sharpness * exact


def test_the_bins_are_those_of_scikit_learn() -> None:
    labels, logits = made_up()
    posteriors = softmax(logits, axis=1)
    found = calibration_scores(truth_of_labels(labels), posteriors)
    correct, confidence = posteriors.argmax(1) == labels, posteriors.max(1)
    accuracy, mean = calibration_curve(correct, confidence, n_bins=15, strategy="quantile")
    assert [one["accuracy"] for one in found["bins"]] == pytest.approx(accuracy)
    assert [one["confidence"] for one in found["bins"]] == pytest.approx(mean)
    counts = np.array([one["n"] for one in found["bins"]])
    assert counts.tolist() == [26] * 15
    ece = (np.abs(accuracy - mean) * counts).sum() / 390
    assert found["ece"]["value"] == pytest.approx(ece)
    assert found["nll"]["value"] == pytest.approx(log_loss(labels, posteriors))
    squares = ((posteriors - np.eye(4)[labels]) ** 2).sum(1).mean()
    assert found["brier"]["value"] == pytest.approx(squares)
    for name in ("ece", "brier", "nll", "top_2"):
        low, high = found[name]["interval"]
        assert low <= found[name]["value"] <= high and low < high
    for one in found["bins"]:
        assert one["interval"][0] <= one["accuracy"] <= one["interval"][1]


def test_equal_confidences_share_a_bin() -> None:
    confidence = np.repeat([0.5, 0.9], [180, 20])
    bins = equal_mass_bins(confidence)
    assert np.unique(bins[:180]).tolist() == [0] and np.unique(bins[180:]).tolist() == [1]


def test_few_utterances_have_one_bin() -> None:
    # One speaker, and a class that is never true: accuracy 2/3, mean confidence 0.8.
    posteriors = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    truth = truth_of_labels(np.array([0, 0, 0]), ["a", "a", "a"])
    found = calibration_scores(truth, posteriors)
    assert len(found["bins"]) == 1 and found["bins"][0]["n"] == 3
    assert found["ece"]["value"] == pytest.approx(0.8 - 2 / 3)


def test_exact_posteriors_have_a_small_error_and_its_interval_reaches_lower() -> None:
    labels, logits = made_up(2000, sharpness=1.0)
    found = calibration_scores(truth_of_labels(labels), softmax(logits, axis=1))
    assert found["ece"]["value"] < 0.05
    assert found["ece"]["interval"][0] < found["ece"]["value"]


def test_the_temperature_is_the_best_of_a_grid() -> None:
    labels, logits = made_up()
    grid = np.exp(np.linspace(-2, 3, 5001))
    losses = [log_loss(labels, cooled(logits, one)) for one in grid]
    assert fit_temperature(labels, logits) == pytest.approx(grid[np.argmin(losses)], rel=2e-3)
    assert fit_temperature(labels, logits) == pytest.approx(3, rel=0.2)


def test_a_perfect_split_takes_a_temperature_that_leaves_no_loss() -> None:
    found = fit_temperature(np.array([0, 1]), np.eye(2))
    assert 0.02 <= found < 0.05  # exp(-1 / 0.05) is 2e-9


def test_the_temperature_of_dev_improves_an_overconfident_test() -> None:
    labels, logits = made_up()
    dev, test = slice(0, 200), slice(200, 390)
    truths = [truth_of_labels(labels[part]) for part in (dev, test)]
    effect = temperature_effect(truths[0], logits[dev], truths[1], logits[test])
    before = calibration_scores(truths[1], softmax(logits[test], axis=1))
    assert effect["n"] == 200 and effect["value"] > 2
    for name in ("ece", "brier", "nll"):
        assert effect[name]["value"] < before[name]["value"]
    expected = log_loss(labels[test], cooled(logits[test], effect["value"]), labels=[0, 1, 2, 3])
    assert effect["nll"]["value"] == pytest.approx(expected)
