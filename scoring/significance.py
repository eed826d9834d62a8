"""Whether one of two predictions is better: a paired bootstrap; p values corrected for many."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medusa.scoring.metrics import Floats, Ints, Numbers, confusion, macro_f1_of
from medusa.scoring.resampling import interval, resampled_counts


@dataclass(frozen=True)
class Difference:
    """How much better the first of two is.

    Attributes:
        value: macro-F1 of the first less that of the second.
        interval: its 95 % interval.
        p: of no difference, two-sided.
    """

    value: float
    interval: tuple[float, float]
    p: float


def paired(
    y_true: Ints,
    first: Ints,
    second: Ints,
    n_classes: int,
    blocks: Sequence[str] | None = None,
    balanced: bool = False,
    draws: int = 2000,
    seed: int = 0,
) -> Difference:
    """Compare two predictions of the same utterances by resampling both alike.

    Source: Efron and Tibshirani (1993), chapter 16; speakers drawn whole, as in `bootstrap`.

    Args:
        y_true: (B,) the truth.
        first, second: (B,) predictions.
        n_classes: C.
        blocks: (B,) whose utterance it is; without it utterances are drawn.
        balanced: let every class count alike, as in many large class-balanced draws.
        draws: the number of resamples.
        seed: of the resampling.
    """
    pair = np.asarray(first, np.int64) * n_classes + second
    kinds = np.asarray(y_true, np.int64) * n_classes**2 + pair
    there, kinds = np.unique(kinds, return_inverse=True)  # of C^3 kinds most never occur
    cells = np.zeros((draws, n_classes**3))
    cells[:, there] = resampled_counts(kinds, len(there), blocks, draws, seed)
    counts = cells.reshape(draws, n_classes, n_classes, n_classes)
    one = _score(counts.sum(3), balanced)
    differences = one - _score(counts.sum(2), balanced)
    observed = [
        float(_score(confusion(y_true, said, n_classes), balanced)) for said in (first, second)
    ]
    return Difference(observed[0] - observed[1], interval(differences), two_sided(differences))


def two_sided(differences: Floats) -> float:
    """Return twice the smaller tail beyond 0 of resampled differences (draws,).

    One draw is added to both (Davison and Hinkley, 1997, section 4.4.2), so p is never 0.
    """
    tail = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (tail + 1) / (len(differences) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values, corrected for how many there are, in the same order (Holm, 1979)."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1)
    corrected = np.empty(len(p_values))
    corrected[order] = stepped
    return [float(p) for p in corrected]


def _score(matrix: Numbers, balanced: bool) -> Floats:
    """Macro-F1 of confusion matrices (..., C, C)."""
    if not balanced:
        return macro_f1_of(matrix)
    support = matrix.sum(-1, keepdims=True)
    shares = np.divide(matrix, support, out=np.zeros(matrix.shape), where=support > 0)
    return macro_f1_of(shares)
