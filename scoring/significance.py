"""Is one of two predictions better? A paired bootstrap, and p values corrected for their number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medusa.scoring.metrics import Floats, Ints, Numbers, confusion, macro_f1_of
from medusa.scoring.resampling import interval, resampled_counts
from medusa.scoring.truth import Truth


@dataclass(frozen=True)
class Difference:
    """The difference of a score of two predictions.

    Attributes:
        value: the score of the first minus that of the second.
        interval: its 95 % interval.
        p: the two-sided p value of no difference.
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
    score: Callable[[Numbers], Floats] = macro_f1_of,
    draws: int = 2000,
    seed: int = 0,
) -> Difference:
    """Compare two predictions of the same utterances on the same resamples.

    Source: Efron and Tibshirani (1993), chapter 16. Speakers are drawn whole, as in `resampling`.

    Args:
        y_true: (B,) true class numbers.
        first, second: (B,) predicted class numbers.
        n_classes: C.
        blocks: (B,) the speaker of each utterance. Without it, utterances are drawn.
        score: the formula of the score, such as one of `SCORES`.
        draws: the number of resamples.
        seed: the seed of the draws.
    """
    pair = np.asarray(first, np.int64) * n_classes + second
    kinds = np.asarray(y_true, np.int64) * n_classes**2 + pair
    present, kinds = np.unique(kinds, return_inverse=True)  # most of the C^3 kinds never occur
    cells = np.zeros((draws, n_classes**3))
    cells[:, present] = resampled_counts(kinds, len(present), blocks, draws, seed)
    counts = cells.reshape(draws, n_classes, n_classes, n_classes)
    differences = score(counts.sum(3)) - score(counts.sum(2))
    observed = [float(score(confusion(y_true, part, n_classes))) for part in (first, second)]
    return Difference(observed[0] - observed[1], interval(differences), two_sided(differences))


def gains(
    truth: Truth, predicted: Ints, others: Mapping[str, Ints], n_classes: int
) -> list[dict[str, Any]]:
    """Compare one prediction with several others, with p values corrected for their number.

    Args:
        truth: the truth of B labelled utterances.
        predicted: (B,) predicted class numbers.
        others: the class numbers (B,) that each other run predicts, by its name.
        n_classes: C.

    Returns:
        A row for each of the others: `of`, its name; `difference` of the macro-F1; its 95 %
        `interval`; and the two-sided `p`.
    """
    differences = [
        paired(truth.labels, predicted, other, n_classes, truth.blocks) for other in others.values()
    ]
    corrected = holm([difference.p for difference in differences])
    return [
        {"of": name, "difference": gain.value, "interval": list(gain.interval), "p": p}
        for name, gain, p in zip(others, differences, corrected, strict=True)
    ]


def two_sided(differences: Floats) -> float:
    """Return the two-sided p value of differences (draws,): twice the smaller tail beyond 0.

    One draw is added to the tail and to the draws (Davison and Hinkley, 1997, section 4.4.2), so
    that p is never 0.
    """
    tail = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (tail + 1) / (len(differences) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values, corrected for their number, in the same order (Holm, 1979)."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1)
    corrected = np.empty(len(p_values))
    corrected[order] = stepped
    return [float(p) for p in corrected]
