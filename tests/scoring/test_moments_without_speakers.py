"""Resampled sums of attributes where no speaker is known: utterances are drawn one by one."""

import numpy as np

from medusa.scoring.metrics import moments
from medusa.scoring.resampling import resampled_moments


def test_resamples_scatter_around_the_sums_of_all_utterances():
    rng = np.random.default_rng(3)
    truth = rng.uniform(1, 7, 80)
    predicted = truth + rng.normal(0, 1, 80)
    rows = moments(truth, predicted)
    totals = resampled_moments(truth, predicted, draws=4000)
    # The sum of n draws with replacement has mean n m and variance n s^2.
    expected, deviation = rows.sum(0), np.sqrt(len(rows)) * rows.std(0)
    standard_error = deviation / np.sqrt(4000)
    assert (np.abs(totals.mean(0) - expected) <= 5 * standard_error + 1e-9).all()
    spread = deviation > 1e-9
    ratio = totals.std(0)[spread] / deviation[spread]
    assert (np.abs(ratio - 1) < 0.06).all()
