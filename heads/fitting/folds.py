"""Out of fold: the training split predicted by heads that never saw its speakers."""

import dataclasses
from collections.abc import Callable

import numpy as np

from medusa.heads.config import Config
from medusa.heads.examples.join import DataError, Examples, Rows
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.manifests.splits.folds import fold_names
from medusa.scoring.predictions import NOT_A_FOLD

HELD_OUT = "held out"  # the split of a fold while the others train
SEED = 0  # of the division: all heads of a corpus share it, or they could not be stacked


def folds_of(manifest: Manifest, ids: list[str], folds: int) -> Rows:
    """Return the fold, 0..K-1, of each utterance of `train` and -1 of every other one.

    Whole speakers are in one fold.

    Args:
        manifest: with splits.
        ids: (N,) whose fold to tell.
        folds: K; 0 for none.

    Raises:
        SplitError: speakers are unknown, or fewer than folds.
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


def without(examples: Examples, held: Rows) -> Examples:
    """Return the same examples with these rows in the split `HELD_OUT`, where nothing trains.

    Raises:
        DataError: what is left lacks a class.
    """
    splits = examples.splits.astype(object)
    splits[held] = HELD_OUT
    left = dataclasses.replace(examples, splits=splits.astype(str))
    there = left.soft[left.rows("train")].nansum(0) > 0
    if not bool(there.all()):
        absent = [name for name, some in zip(left.classes, there, strict=True) if not some]
        raise DataError(
            f"train.folds: without one fold no training utterance is {', '.join(absent)}; use "
            "fewer folds"
        )
    return left


def each_fold(
    folds: Rows, run: RunDir, config: Config, train_one: Callable[[Rows, RunDir], None]
) -> list[RunDir]:
    """Train the head of every fold in a folder of its own inside the run; finished ones stay.

    Args:
        folds: (N,) as from `folds_of`.
        run: of the head on the whole training split.
        config: of that head.
        train_one: trains without these rows, predicts them, into this folder.
    """
    runs = []
    for number in range(config.train.folds):
        part = RunDir(run.path / f"fold-{number}")
        if part.start(run.config() | {"fold": number}):
            train_one(np.flatnonzero(folds == number), part)
        runs.append(part)
    return runs
