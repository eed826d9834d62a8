"""The resamples that several runs share, and the number that stands for no fold."""

import numpy as np
import pandas as pd
import pytest

from medusa.manifests import LabelScheme, Manifest
from medusa.scoring import NOT_A_FOLD, Predictions, RunScores, Truth, mean_scores, truth_of
from medusa.scoring.metrics import moments
from medusa.scoring.resampling import block_weights, resampled_moments


def test_there_are_two_thousand_resamples_and_each_draws_as_many_blocks_as_there_are():
    blocks = np.repeat(np.arange(12), 3)
    _, weights = block_weights(blocks)
    assert weights.shape == (2000, 12)
    assert (weights.sum(1) == 12).all()


def test_predictions_outside_folds_have_fold_minus_one():
    predictions = Predictions.of(["a"], ["test"], np.zeros((1, 2)), None, ["x", "y"], "run")
    assert NOT_A_FOLD == -1
    assert predictions.frame["fold"].tolist() == [-1]


def test_a_resample_of_everything_has_the_scores_of_the_split():
    counts = np.array([[[3, 1], [0, 2]], [[1, 0], [2, 4]]])
    scores = RunScores({"a": counts}, "test", 13, np.ones((1, 2)))
    for name in ("balanced", "macro_f1", "accuracy"):
        assert scores.resampled("a", name).tolist() == [scores.scores("a")[name]]


def test_of_ten_speakers_the_utterances_are_drawn_whole():
    speakers = [f"s{row // 2}" for row in range(20)]
    truth = np.array([1.0, 2.0] * 10)  # every speaker has 3 in all
    totals = resampled_moments(truth, truth, speakers, draws=200)
    expected = moments(truth, truth).sum(0)
    np.testing.assert_allclose(totals, np.tile(expected, (200, 1)))
    few = resampled_moments(truth[:18], truth[:18], speakers[:18], draws=200)
    assert few.std(0).max() > 0  # of nine, their utterances are drawn, too


def test_scores_of_several_seeds_are_means():
    labels = np.array([0, 0, 0, 1])
    truth = Truth(
        labels, np.eye(2, dtype=np.float32)[labels], np.zeros((4, 3), np.float32), [None] * 4
    )
    right, half = np.eye(2)[labels], np.eye(2)[[0, 0, 0, 0]]
    scores = mean_scores([right, half], truth)
    assert scores["uar"] == pytest.approx((1 + 0.5) / 2)
    assert scores["accuracy"] == pytest.approx((1 + 0.75) / 2)


def test_an_utterance_without_a_consensus_has_class_minus_one():
    frame = pd.DataFrame({"id": ["a", "b"], "split": "test", "speaker": "s", "label": ["y", None]})
    truth = truth_of(
        Manifest(frame, LabelScheme("two", ("x", "y"))), ["a", "b"], ["test"] * 2, ("x", "y")
    )
    assert truth.labels.tolist() == [1, -1]
    assert truth.labelled.tolist() == [True, False]


def test_sums_of_few_speakers_scatter_around_the_sums_of_all():
    rng = np.random.default_rng(2)
    truth = rng.uniform(1, 7, 40)
    predicted = truth + rng.normal(size=40)
    totals = resampled_moments(truth, predicted, [f"s{row % 4}" for row in range(40)], draws=4000)
    expected = moments(truth, predicted).sum(0)
    squares = [0, 3, 4, 5]  # the count and the sums of squares; the other sums are near 0
    np.testing.assert_allclose(totals.mean(0)[squares], expected[squares], rtol=0.03)


def test_the_interval_of_several_seeds_is_that_of_their_mean():
    labels = np.array([0, 1] * 20)
    soft, speakers = np.eye(2, dtype=np.float32)[labels], [f"s{row % 13}" for row in range(40)]
    truth = Truth(labels, soft, np.zeros((40, 3), np.float32), speakers)
    scores = np.eye(2)[np.random.default_rng(0).permutation(labels)]
    one, twice = mean_scores([scores], truth), mean_scores([scores, scores], truth)
    assert twice == one
    assert 0 < one["interval"][0] < one["macro_f1"] < one["interval"][1] < 1


def test_looking_up_the_truth_does_not_change_the_manifest():
    frame = pd.DataFrame({"id": ["a", "b"], "split": "test", "speaker": "s", "label": ["y", "x"]})
    soft = pd.DataFrame(np.full((2, 2), np.nan, np.float32), columns=["p_x", "p_y"])
    manifest = Manifest(pd.concat([frame, soft], axis=1), LabelScheme("two", ("x", "y")))
    truth = truth_of(manifest, ["a", "b"], ["test"] * 2, ("x", "y"))
    assert truth.soft.tolist() == [[0, 1], [1, 0]]
    assert manifest.frame[["p_x", "p_y"]].isna().all(axis=None)
