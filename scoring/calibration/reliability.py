"""The expected calibration error (ECE), the Brier score, and the reliability diagram."""

from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.scoring.distributions.measures import brier, in_top_two, negative_log_likelihood
from medusa.scoring.metrics import Floats
from medusa.scoring.resampling import (
    interval,
    means_with_intervals,
    resampled_sums,
    shifted_interval,
)
from medusa.scoring.truth import Truth

MOST_BINS, FEWEST_IN_BIN = 15, 10
# The values of `calibration_scores` and their titles in tables.
CALIBRATION = {
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
    "nll": "negative log-likelihood",
    "top_2": "top-2 accuracy",
}


def calibration_scores(truth: Truth, posteriors: Floats) -> dict[str, Any]:
    """Return the calibration of the predicted classes, and proper scores of the posteriors.

    The confidence is the largest posterior. The bins have equal mass: their edges are quantiles of
    the confidence, and equal confidences are in one bin (as in scikit-learn's
    `calibration_curve(strategy="quantile")`). There are 15 bins, or fewer if a bin would have less
    than 10 utterances. The ECE is the mean over the utterances of the distance between accuracy
    and mean confidence of their bin (Naeini et al., 2015).

    Args:
        truth: the truth of B utterances, all of them labelled.
        posteriors: (B, C) posteriors of the same utterances.

    Returns:
        The `value` and the `interval` of `ece`, `brier`, `nll` and `top_2`; and `bins`, for each
        its `n`, `confidence`, `accuracy` and `interval` of the accuracy. `nll` is the mean negative
        log-likelihood in nats. `top_2` is the share of utterances whose true class is one of the
        two with the largest posteriors. `temperature` is None; see `temperature_effect`.
    """
    labels, blocks = truth.labels, truth.blocks
    confidence = posteriors.max(1)
    bins = equal_mass_bins(confidence)
    correct = (posteriors.argmax(1) == labels).astype(np.float64)
    rows = np.stack([np.ones_like(confidence), confidence, correct], 1)
    size = int(bins.max()) + 1
    cells = np.eye(size)[bins][:, :, None] * rows[:, None]
    sums = cells.sum(0)
    drawn = resampled_sums(cells.reshape(len(rows), -1), blocks).reshape(-1, size, 3)
    targets = np.eye(posteriors.shape[1])[labels]
    means = {
        "brier": brier(targets, posteriors),
        "nll": negative_log_likelihood(labels, posteriors),
        "top_2": in_top_two(labels, posteriors),
    }
    value = float(calibration_error(sums))
    return {
        "ece": {"value": value, "interval": shifted_interval(calibration_error(drawn), value)},
        **means_with_intervals(means, blocks),
        "bins": [_bin(sums[number], drawn[:, number]) for number in range(size)],
        "temperature": None,
    }


def equal_mass_bins(confidence: Floats) -> npt.NDArray[np.int64]:
    """Return the number of the bin of each confidence (B,), from 0, without empty bins."""
    size = min(MOST_BINS, max(1, len(confidence) // FEWEST_IN_BIN))
    edges = np.percentile(confidence, np.linspace(0, 100, size + 1))
    found = np.searchsorted(edges[1:-1], confidence)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def calibration_error(sums: Floats) -> Floats:
    """Return the ECE of summed (count, confidence, correct) of each bin: (..., K, 3) to (...)."""
    gaps = np.abs(sums[..., 1] - sums[..., 2]).sum(-1)
    error: Floats = gaps / sums[..., 0].sum(-1)
    return error


def _bin(sums: Floats, drawn: Floats) -> dict[str, Any]:
    """Return a bin from its sums (3,) and those of its resamples (draws, 3)."""
    drawn = drawn[drawn[:, 0] > 0]
    count, confidence, correct = sums
    return {
        "n": int(count),
        "confidence": float(confidence / count),
        "accuracy": float(correct / count),
        "interval": list(interval(drawn[:, 2] / drawn[:, 0])),
    }
