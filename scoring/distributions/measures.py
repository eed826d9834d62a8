"""Measures of the difference between the raters' shares and the posteriors, per utterance."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medusa.scoring.metrics import Floats

TINY = 1e-12  # A posterior counts as at least this much, so that every logarithm is finite.


@dataclass(frozen=True)
class Measure:
    """A measure of shares (B, C) and posteriors (B, C), which returns a value for each row (B,).

    Attributes:
        title: its name in tables.
        best: whether the largest or the smallest value is the best one, `high` or `low`.
        formula: the function.
    """

    title: str
    best: str
    formula: Callable[[Floats, Floats], Floats]


def kl_divergence(shares: Floats, posteriors: Floats) -> Floats:
    """Return the Kullback-Leibler divergence of the posteriors from the shares, in nats."""
    return _relative_entropy(shares, np.maximum(posteriors, TINY))


def jensen_shannon(shares: Floats, posteriors: Floats) -> Floats:
    """Return the Jensen-Shannon divergence in bits: 0 for equal rows, 1 for disjoint rows.

    It is the square of `scipy.spatial.distance.jensenshannon` with base 2 (Lin, 1991).
    """
    middle = (shares + posteriors) / 2
    halves = _relative_entropy(shares, middle) + _relative_entropy(posteriors, middle)
    bits: Floats = np.clip(halves / 2 / np.log(2), 0, 1)
    return bits


def cosine(shares: Floats, posteriors: Floats) -> Floats:
    """Return the cosine of the angle between the two rows."""
    lengths = np.linalg.norm(shares, axis=1) * np.linalg.norm(posteriors, axis=1)
    similarity: Floats = (shares * posteriors).sum(1) / lengths
    return similarity


def soft_accuracy(shares: Floats, posteriors: Floats) -> Floats:
    """Return the share of the raters who chose the predicted class, the first of several largest.

    Its mean is the probability that a random rater of a random utterance agrees with the system.
    """
    chosen: Floats = np.take_along_axis(shares, posteriors.argmax(1)[:, None], 1)[:, 0]
    return chosen


def brier(shares: Floats, posteriors: Floats) -> Floats:
    """Return the sum over the classes of the squared differences, from 0 to 2 (Brier, 1950)."""
    squares: Floats = ((shares - posteriors) ** 2).sum(1)
    return squares


def negative_log_likelihood(labels: npt.NDArray[np.int64], posteriors: Floats) -> Floats:
    """Return -log of the posterior of the true class (B,), in nats."""
    chosen: Floats = np.take_along_axis(posteriors, labels[:, None], 1)[:, 0]
    return -np.log(np.maximum(chosen, TINY))


def in_top_two(labels: npt.NDArray[np.int64], posteriors: Floats) -> Floats:
    """Return 1 if fewer than two classes have a larger posterior than the true class (B,), else 0.

    Of equal posteriors, that of the first class counts as the larger one.
    """
    own = np.take_along_axis(posteriors, labels[:, None], 1)
    before = np.arange(posteriors.shape[1])[None] < labels[:, None]
    above = (posteriors > own) | ((posteriors == own) & before)
    hits: Floats = (above.sum(1) < 2).astype(np.float64)
    return hits


def _relative_entropy(first: Floats, second: Floats) -> Floats:
    """Return the sum of p log(p / q) over each row; a term with p = 0 is 0."""
    ratio = np.divide(first, second, out=np.ones_like(first), where=first > 0)
    entropy: Floats = (first * np.log(ratio)).sum(1)
    return entropy


# The key is the name in JSON.
MEASURES: dict[str, Measure] = {
    "kl": Measure("Kullback-Leibler divergence, nats", "low", kl_divergence),
    "jensen_shannon": Measure("Jensen-Shannon divergence, bits", "low", jensen_shannon),
    "cosine": Measure("cosine similarity", "high", cosine),
    "soft_accuracy": Measure("soft accuracy", "high", soft_accuracy),
    "brier": Measure("Brier score", "low", brier),
}
