"""Out-of-fold predictions: the training split is predicted by heads that never saw its speakers."""

import dataclasses
from collections.abc import Callable

import numpy as np

from medusa.errors import DataError
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.manifests.splits.folds import fold_names
from medusa.scoring import NOT_A_FOLD

HELD_OUT = "held out"  # This is the split of a fold while the other folds train.
SEED = 0  # All heads of a corpus share these folds, because otherwise they cannot be stacked.


def folds_of(manifest: Manifest, ids: list[str], folds: int) -> Rows:
    """Return the fold, 0..K-1, of each utterance of `train` and -1 for every other utterance.

    All utterances of a speaker are in the same fold.

    Args:
        manifest: with splits.
        ids: (N,) utterances.
        folds: K; 0 for none.

    Returns:
        (N,) fold numbers.

    Raises:
        ManifestError: speakers are unknown, or fewer than folds.
    """
    if not folds:
        return np.full(len(ids), NOT_A_FOLD)
    train = manifest.split("train")
    fold_of = {
        speaker: number
        for number in range(folds)
        for speaker in fold_names(train, number + 1, folds, "speaker", SEED)
    }
    numbers = dict(zip(train.frame["id"], train.frame["speaker"].map(fold_of), strict=True))
    return np.array([numbers.get(name, NOT_A_FOLD) for name in ids], np.int64)


def without(examples: Examples, held_out: Rows) -> Examples:
    """Return the same examples with these rows in the split `HELD_OUT`, where nothing trains.

    Raises:
        DataError: the other training rows lack a class.
    """
    splits = examples.splits.astype(object)
    splits[held_out] = HELD_OUT
    remaining = dataclasses.replace(examples, splits=splits.astype(str))
    present = remaining.soft[remaining.rows("train")].nansum(0) > 0
    if not bool(present.all()):
        classes = zip(remaining.classes, present, strict=True)
        absent = [name for name, has_rows in classes if not has_rows]
        raise DataError(
            f"train.folds: without one fold no training utterance is {', '.join(absent)}; use "
            "fewer folds"
        )
    return remaining


def each_fold(
    folds: Rows, run: RunDir, count: int, fit_fold: Callable[[Rows, RunDir], None]
) -> list[RunDir]:
    """Fit the head of every fold in a folder inside the run; finished folds are left alone.

    Args:
        folds: (N,) as `folds_of` returned them.
        run: of the head on the whole training split.
        count: the number of folds.
        fit_fold: fits a head without these rows and predicts them, into this folder.

    Returns:
        The run of each fold.
    """
    fold_runs = []
    for number in range(count):
        fold_run = RunDir(run.path / f"fold-{number}")
        if fold_run.start(run.config() | {"fold": number}):
            fit_fold(np.flatnonzero(folds == number), fold_run)
        fold_runs.append(fold_run)
    return fold_runs
