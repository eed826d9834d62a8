"""Few-shot training: a head learns from a few rows of every class."""

import numpy as np

from medusa.errors import DataError
from medusa.heads.examples.join import Examples, Rows
from medusa.randomness import random_stream


def draw_shots(examples: Examples, shots: int, seed: int) -> Rows:
    """Draw so many training rows of every class, in the order of the table.

    Heads with one seed have the same rows of the same training utterances.

    Args:
        examples: N utterances.
        shots: the number of rows of every class that has a training row.
        seed: the seed of the head.

    Raises:
        DataError: a class has fewer training rows with a consensus.
    """
    rows = examples.rows("train")
    labels, rng, drawn = examples.labels[rows], random_stream(seed, "shots"), []
    for number, name in enumerate(examples.classes):
        own = rows[labels == number]
        if 0 < len(own) < shots:
            raise DataError(
                f"train.shots: expected {shots} training rows of every class, but {name!r} has "
                f"{len(own)}; set it to {len(own)} or less"
            )
        drawn.append(rng.choice(own, shots if len(own) else 0, replace=False))
    return np.sort(np.concatenate(drawn))
