"""The folds of training speakers by which a convex head chooses its settings."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.errors import DataError
from medusa.heads.examples.join import Rows
from medusa.manifests.splits.folds import divide_groups

FOLDS = 5
SEED = 0


def speaker_folds(speakers: npt.NDArray[np.str_]) -> Rows:
    """Return a fold for each utterance; the utterances of a speaker are in one fold.

    There are five folds, or as many as speakers. An utterance without a speaker counts as a
    speaker of its own.

    Args:
        speakers: (N,) names, empty where unknown.

    Raises:
        DataError: there is a single speaker.
    """
    alone = np.array([f"\n{row}" for row in range(len(speakers))])  # No speaker has such a name.
    names = np.where(speakers == "", alone, speakers)
    count = min(FOLDS, len(np.unique(names)))
    if count < 2:
        raise DataError(
            f"head.name: all training utterances are of the speaker {str(speakers[0])!r}, and "
            "settings are chosen by folds of two or more speakers; use head.name=discriminant"
        )
    folds = divide_groups(pd.Series(names, dtype="str"), count, SEED)
    fold_of = {name: number for number, members in enumerate(folds) for name in members}
    return np.array([fold_of[name] for name in names], np.int64)


def check_folds(labels: Rows, folds: Rows, classes: tuple[str, ...]) -> None:
    """Refuse folds without which a class has no utterance.

    Raises:
        DataError: with the class.
    """
    for number in np.unique(folds):
        remaining = set(labels[folds != number].tolist())
        if absent := [name for n, name in enumerate(classes) if n not in remaining]:
            raise DataError(
                f"head.name: all training utterances of {absent[0]!r} are in one fold of speakers, "
                "so the settings cannot be chosen on other speakers; use head.name=discriminant, "
                "or leave the class out (`medusa manifest relabel`)"
            )
