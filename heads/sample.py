"""Which training rows an epoch sees, and in which order."""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
NO_CONSENSUS = -1


def shuffle(labels: Rows, rng: np.random.Generator, no_consensus: float) -> Rows:
    """Every row once, in random order (stage 1)."""
    return rng.permutation(len(labels))


def balanced(labels: Rows, rng: np.random.Generator, no_consensus: float) -> Rows:
    """As many rows of every class as the rarest has, drawn afresh each epoch (stage 2).

    Args:
        labels: (N,) consensus class of each row, -1 without consensus.
        rng: of this epoch alone.
        no_consensus: rows without consensus to add, as a share of one class's rows.

    Returns:
        Row numbers in random order; classes without a row are left out.
    """
    classes, counts = np.unique(labels[labels != NO_CONSENSUS], return_counts=True)
    size = counts.min()
    chosen = [rng.choice(np.flatnonzero(labels == c), size, replace=False) for c in classes]
    unsure = np.flatnonzero(labels == NO_CONSENSUS)
    extra = min(len(unsure), round(no_consensus * size))
    chosen.append(rng.choice(unsure, extra, replace=False))
    return rng.permutation(np.concatenate(chosen))


SAMPLERS = {"shuffle": shuffle, "balanced": balanced}
