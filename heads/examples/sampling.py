"""Samplers, which choose and order the training rows of an epoch."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medusa.errors import DataError
from medusa.scoring import NO_CONSENSUS

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """The settings of a sampler.

    Attributes:
        no_consensus: how many rows without consensus are added, as a share of one class's rows.
        neutral: the number of the class `neutral`, or None if there is no such class.
    """

    no_consensus: float = 0.0
    neutral: int | None = None


def shuffle(labels: Rows, rng: np.random.Generator, draw: Draw) -> Rows:
    """Return every row once, in random order (stage 1)."""
    return rng.permutation(len(labels))


def balanced(labels: Rows, rng: np.random.Generator, draw: Draw) -> Rows:
    """Draw as many rows of every class as the rarest class has (stage 2).

    Args:
        labels: (N,) the consensus class of each row, -1 without consensus.
        rng: the random generator of this epoch, so that every epoch draws other rows.
        draw: the settings, of which `no_consensus` is used.

    Returns:
        Row numbers in random order. Classes without a row are left out.
    """
    classes, counts = np.unique(labels[labels != NO_CONSENSUS], return_counts=True)
    size = counts.min()
    chosen = [rng.choice(np.flatnonzero(labels == c), size, replace=False) for c in classes]
    no_label = np.flatnonzero(labels == NO_CONSENSUS)
    extra = min(len(no_label), round(draw.no_consensus * size))
    chosen.append(rng.choice(no_label, extra, replace=False))
    return rng.permutation(np.concatenate(chosen))


def subset(labels: Rows, rng: np.random.Generator, draw: Draw) -> Rows:
    """Draw as many rows as `balanced` from all rows, as the control for balancing."""
    return rng.permutation(len(labels))[: len(balanced(labels, rng, draw))]


def weighted(labels: Rows, rng: np.random.Generator, draw: Draw) -> Rows:
    """Draw as many rows as there are, with replacement. Every class is equally likely.

    The rows without consensus have `no_consensus` times the probability of one class.
    """
    return _weighted(labels, rng, draw.no_consensus)


def neutral_weighted(labels: Rows, rng: np.random.Generator, draw: Draw) -> Rows:
    """Draw as many rows as there are, with replacement. Half of the draws are neutral.

    Raises:
        DataError: there is no class `neutral`.

    Source: Ueda et al. 2025, design ii.
    """
    if draw.neutral is None:
        raise DataError("sampler neutral_weighted: the label scheme has no class 'neutral'")
    sides = np.where(labels == NO_CONSENSUS, NO_CONSENSUS, labels == draw.neutral)
    return _weighted(sides, rng, draw.no_consensus)


def _weighted(groups: Rows, rng: np.random.Generator, no_consensus: float) -> Rows:
    names, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    weights = np.where(names == NO_CONSENSUS, no_consensus, 1.0) / counts
    chances = weights[inverse]
    return rng.choice(len(groups), len(groups), p=chances / chances.sum())


SAMPLERS: dict[str, Callable[[Rows, np.random.Generator, Draw], Rows]] = {
    "shuffle": shuffle,
    "balanced": balanced,
    "subset": subset,
    "weighted": weighted,
    "neutral_weighted": neutral_weighted,
}
