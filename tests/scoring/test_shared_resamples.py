"""The resamples that several runs share, and the number that stands for no fold."""

import numpy as np

from medusa.scoring import NOT_A_FOLD, Predictions
from medusa.scoring.resampling import block_weights


def test_there_are_two_thousand_resamples_and_each_draws_as_many_blocks_as_there_are():
    blocks = np.repeat(np.arange(12), 3)
    _, weights = block_weights(blocks)
    assert weights.shape == (2000, 12)
    assert (weights.sum(1) == 12).all()


def test_predictions_outside_folds_have_fold_minus_one():
    predictions = Predictions.of(["a"], ["test"], np.zeros((1, 2)), None, ["x", "y"], "run")
    assert NOT_A_FOLD == -1
    assert predictions.frame["fold"].tolist() == [-1]
