"""Which training rows an epoch sees, and in which order."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medusa.errors import MedusaError
from medusa.scoring import NO_CONSENSUS

Rows = npt.NDArray[np.int64]


class SampleError(MedusaError):
    """Rows from which a sampler cannot draw."""


@dataclass(frozen=True)
class Draw:
    """What a sampler may be told.

    Attributes:
        no_consensus: rows without consensus to add, as a share of one class's rows.
        neutral: the number of the class `neutral`, None where there is none.
    """

    no_consensus: float = 0.0
    neutral: int | None = None


def shuffle(labels: Rows, rng: np.random.Generator, draw: Draw) -> Rows:
    """Every row once, in random order (stage 1)."""
    return rng.permutation(len(labels))


def balanced(labels: Rows, rng: np.random.Generator, draw: Draw) -> Rows:
    """As many rows of every class as the rarest has, drawn afresh each epoch (stage 2).

    Args:
        labels: (N,) consensus class of each row, -1 without consensus.
        rng: of this epoch alone.
        draw: how many rows without consensus to add.

    Returns:
        Row numbers in random order; classes without a row are left out.
    """
    classes, counts = np.unique(labels[labels != NO_CONSENSUS], return_counts=True)
    size = counts.min()
    chosen = [rng.choice(np.flatnonzero(labels == c), size, replace=False) for c in classes]
    no_label = np.flatnonzero(labels == NO_CONSENSUS)
    extra = min(len(no_label), round(draw.no_consensus * size))
    chosen.append(rng.choice(no_label, extra, replace=False))
    return rng.permutation(np.concatenate(chosen))


def subset(labels: Rows, rng: np.random.Generator, draw: Draw) -> Rows:
    """As many rows as `balanced` takes, drawn from all of them: the control for balancing."""
    return rng.permutation(len(labels))[: len(balanced(labels, rng, draw))]


def weighted(labels: Rows, rng: np.random.Generator, draw: Draw) -> Rows:
    """As many draws as rows, with replacement; every class is equally likely to be drawn.

    Rows without consensus are together as likely as `no_consensus` times one class.
    """
    return _weighted(labels, rng, draw.no_consensus)


def neutral_weighted(labels: Rows, rng: np.random.Generator, draw: Draw) -> Rows:
    """As many draws as rows, with replacement; half of them neutral (Ueda et al. 2025, design ii).

    Raises:
        SampleError: there is no class `neutral`.
    """
    if draw.neutral is None:
        raise SampleError("sampler neutral_weighted: the label scheme has no class 'neutral'")
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
