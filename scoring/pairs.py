"""Two predictions of the same utterances: McNemar's test, kappa, and the size of the effect."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medusa.scoring.metrics import Ints, confusion

Flags = npt.NDArray[np.bool_]


def mcnemar(first: Flags, second: Flags) -> float:
    """Return the exact p value of McNemar's test (1947), which treats utterances as independent.

    Args:
        first, second: (B,) whether each prediction is right.
    """
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)


def kappa(first: Ints, second: Ints, n_classes: int) -> float | None:
    """Return Cohen's kappa (1960) of two predictions (B,): 1 is agreement, and 0 is chance.

    Returns None if both always predict one and the same class, because then chance agrees, too.
    """
    shares = confusion(first, second, n_classes) / len(first)
    chance = float(shares.sum(1) @ shares.sum(0))
    return None if chance == 1 else (float(np.trace(shares)) - chance) / (1 - chance)


def effect_size(first: Flags, second: Flags, blocks: Sequence[str] | None) -> float | None:
    """Return Cohen's d of paired values: the mean difference divided by its standard deviation.

    Args:
        first, second: (B,) whether each prediction is right.
        blocks: (B,) the speakers, whose accuracies are compared. Without them, the utterances are.

    Returns:
        The effect size, or None if there are fewer than two speakers or all differences are equal.
    """
    differences = first.astype(np.float64) - second
    if blocks is not None:
        number = np.unique(blocks, return_inverse=True)[1]
        differences = np.bincount(number, differences) / np.bincount(number)
    if len(differences) < 2 or np.ptp(differences) == 0:
        return None
    return float(differences.mean() / differences.std(ddof=1))
