"""Bootstrap resamples and the intervals of scores. A speaker is drawn with all utterances."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.randomness import random_stream
from medusa.scoring.metrics import Floats, Ints, Numbers, moments

INTERVAL = (2.5, 97.5)
FEW_BLOCKS = 10  # with fewer speakers, drawing only whole speakers gives too narrow intervals
CHUNK_CELLS = 1 << 22  # resampling weights held at once: 32 MB


def resampled_confusions(
    y_true: Ints,
    y_pred: Ints,
    n_classes: int,
    blocks: Sequence[str] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Floats:
    """Draw bootstrap resamples of a confusion matrix. The scores of the result give intervals.

    Args:
        y_true: (B,) true class numbers.
        y_pred: (B,) predicted class numbers.
        n_classes: C.
        blocks: (B,) the speaker of each utterance. Speakers are drawn with all their utterances,
            because these are not independent. With fewer than 10 speakers, the utterances of each
            drawn speaker are drawn as well. Without blocks, utterances are drawn, as the counts of
            a multinomial distribution.
        draws: the number of resamples.
        seed: the seed of the draws. One seed draws the same blocks for every score and run.

    Returns:
        (draws, C, C).
    """
    kinds = np.asarray(y_true, np.int64) * n_classes + y_pred
    totals = resampled_counts(kinds, n_classes**2, blocks, draws, seed)
    return totals.reshape(draws, n_classes, n_classes)


def resampled_counts(
    kinds: Ints, n_kinds: int, blocks: Sequence[str] | None = None, draws: int = 1000, seed: int = 0
) -> Floats:
    """Draw bootstrap resamples of how often every kind of utterance occurs: (draws, n_kinds).

    Args:
        kinds: (B,) numbers below n_kinds, such as the cell of a confusion matrix.
        n_kinds: the number of kinds.
        blocks, draws, seed: see `resampled_confusions`.
    """
    if blocks is None:
        shares = np.bincount(kinds, minlength=n_kinds) / len(kinds)
        counts = _stream(seed).multinomial(len(kinds), shares, draws)
        return counts.astype(np.float64)
    names, block = np.unique(blocks, return_inverse=True)
    cells = np.bincount(block * n_kinds + kinds, minlength=len(names) * n_kinds)
    counts = cells.reshape(len(names), n_kinds)
    if len(names) < FEW_BLOCKS:
        each = np.eye(n_kinds)
        return _resample_twice([(block, each) for block in counts], draws, seed)
    return _resample(counts, draws, seed)


def resampled_moments(
    truth: Numbers,
    predicted: Numbers,
    blocks: Sequence[str] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Floats:
    """Draw resamples of the summed `moments` of one attribute, (draws, 6).

    Args:
        truth, predicted: (B,) see `moments`.
        blocks, draws, seed: see `resampled_confusions`.
    """
    return resampled_sums(moments(truth, predicted), blocks, draws, seed)


def resampled_sums(
    rows: Floats, blocks: Sequence[str] | None = None, draws: int = 1000, seed: int = 0
) -> Floats:
    """Draw bootstrap resamples of the sums of values: (draws, V).

    Args:
        rows: (B, V) the values of every utterance.
        blocks, draws, seed: see `resampled_confusions`.
    """
    if blocks is None:
        return _resample(rows, draws, seed)
    names, block = np.unique(blocks, return_inverse=True)
    if len(names) < FEW_BLOCKS:
        parts = [rows[block == number] for number in range(len(names))]
        return _resample_twice([(np.ones(len(part)), part) for part in parts], draws, seed)
    sums = np.stack([np.bincount(block, column, len(names)) for column in rows.T], -1)
    return _resample(sums, draws, seed)


def block_weights(
    blocks: npt.NDArray[np.int64], draws: int = 2000, seed: int = 0
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Draw resamples that several runs share: how often each block is in each resample.

    With fewer than 10 speakers, the utterances of each drawn speaker are drawn as well.

    Args:
        blocks: (B,) the number of the block of every utterance, from 0.
        draws: the number of resamples.
        seed: the seed of the draws.

    Returns:
        The blocks (B,) to count by, which are the utterances themselves if utterances are drawn;
        and how often each of these K blocks is drawn, (draws, K).
    """
    rng, sizes = random_stream(seed, "bootstrap of runs"), np.bincount(blocks)
    count = len(sizes)
    weights = rng.multinomial(count, np.full(count, 1 / count), draws)
    if count >= FEW_BLOCKS:
        return blocks, weights.astype(np.float64)
    each = np.empty((draws, len(blocks)))
    for block, size in enumerate(sizes):
        share = np.full(size, 1 / size)
        each[:, blocks == block] = rng.multinomial(weights[:, block] * size, share)
    return np.arange(len(blocks)), each


def interval(values: Floats) -> tuple[float, float]:
    """Return the middle 95 % of a score of bootstrap resamples (draws,)."""
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)


def shifted_interval(values: Floats, observed: float) -> list[float]:
    """Return the interval of a gap between 0 and 1, shifted by the bias of its resamples.

    Noise adds to absolute gaps, so the resamples (draws,) of a mean or a largest gap are larger on
    average than the `observed` one.
    """
    low, high = interval(values)
    bias = float(values.mean()) - observed
    return [max(low - bias, 0.0), min(max(high - bias, observed), 1.0)]


def means_with_intervals(
    values: Mapping[str, Floats], blocks: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Return the mean (`value`) and the `interval` of several values (B,) of each utterance.

    Args:
        values: for each name, its values.
        blocks: see `resampled_confusions`.
    """
    rows = np.stack([np.ones(len(next(iter(values.values())))), *values.values()], 1)
    drawn = resampled_sums(rows, blocks)
    return {
        name: {
            "value": float(rows[:, column].mean()),
            "interval": list(interval(drawn[:, column] / drawn[:, 0])),
        }
        for column, name in enumerate(values, start=1)
    }


def interval_of_mean(values: Floats) -> tuple[float, float]:
    """Return the 95 % interval of the mean of independent values (n,), by Student's t."""
    from scipy.stats import t

    reach = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values) - reach), float(np.mean(values) + reach)


def _resample(sums: Numbers, draws: int, seed: int) -> Floats:
    """Draw K of K blocks with replacement, and add up their values (K, V): (draws, V)."""
    count, rng, totals = len(sums), _stream(seed), []
    for start in range(0, draws, max(1, CHUNK_CELLS // count)):
        size = min(draws - start, max(1, CHUNK_CELLS // count))
        totals.append(_times(count, size, rng) @ sums.astype(np.float64))
    return np.concatenate(totals)


def _resample_twice(blocks: Sequence[tuple[Numbers, Numbers]], draws: int, seed: int) -> Floats:
    """Draw K of K blocks, and in every drawn block as many utterances as it has: (draws, V).

    Args:
        blocks: for each block, how often every kind of utterance occurs, (U,), and the values that
            one utterance of the kind adds, (U, V).
        draws: the number of resamples.
        seed: the seed of the draws.
    """
    rng = _stream(seed)
    totals = np.zeros((draws, blocks[0][1].shape[1]))
    times = _times(len(blocks), draws, rng)
    for (counts, adds), often in zip(blocks, times.T, strict=True):
        size = counts.sum()
        totals += rng.multinomial((often * size).astype(np.int64), counts / size) @ adds
    return totals


def _stream(seed: int) -> np.random.Generator:
    """Return the generator of every bootstrap, so that one seed draws the same blocks."""
    return random_stream(seed, "bootstrap")


def _times(count: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return how often each of `count` blocks is drawn, (draws, count); rows add up to count."""
    picks = rng.integers(count, size=(draws, count)) + np.arange(draws)[:, None] * count
    times = np.bincount(picks.ravel(), minlength=draws * count)
    return times.reshape(draws, count).astype(np.float64)
