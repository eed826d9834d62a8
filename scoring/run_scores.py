"""Scores of several runs on the same utterances, with the same resamples for all of them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medusa.errors import RunError
from medusa.manifests import Manifest
from medusa.scoring.metrics import SCORES, Floats
from medusa.scoring.predictions import Predictions
from medusa.scoring.resampling import block_weights
from medusa.scoring.truth import Truth, judging_split, truth_of


@dataclass(frozen=True)
class RunScores:
    """The predictions of several runs on one split, counted for each block.

    The bootstrap draws blocks: a block is a speaker or an utterance.

    Attributes:
        counts: the confusion matrices (K, C, C) of the K blocks, for each run.
        split: the split on which the runs are judged.
        utterances: the number of labelled utterances of that split.
        weights: (draws, K) how often each resample contains each block. All runs share them.
    """

    counts: dict[str, npt.NDArray[np.int64]]
    split: str
    utterances: int
    weights: Floats

    def scores(self, run: str) -> dict[str, float]:
        """Return every score of `SCORES` on the split."""
        matrix = self.counts[run].sum(0)
        return {name: float(score.formula(matrix)) for name, score in SCORES.items()}

    def resampled(self, run: str, name: str) -> Floats:
        """Return the score with this name of every resample, (draws,)."""
        return SCORES[name].formula(np.tensordot(self.weights, self.counts[run], 1))


def score_runs(runs: Iterable[tuple[str, Predictions]], manifest: Manifest) -> RunScores:
    """Count the predictions of several runs on `test`, or on `dev` if `test` has no labels.

    Args:
        runs: the name and the predictions of each run. They are read one after the other.
        manifest: the manifest on which the runs were trained.

    Raises:
        RunError: there are no runs, they predict different utterances of the split, predictions
            and manifest do not fit together, or neither split has a label.
    """
    counts: dict[str, npt.NDArray[np.int64]] = {}
    ids: list[str] = []
    blocks: npt.NDArray[np.int64] = np.zeros(0, np.int64)
    weights, split = np.zeros((0, 0)), ""
    for name, predictions in runs:
        splits = predictions.frame["split"].to_numpy(str)
        truth = truth_of(manifest, predictions.ids, splits.tolist(), predictions.classes)
        split = judging_split(splits, truth)
        order, judged_ids = _sorted_rows(predictions, (splits == split) & truth.labelled)
        if not counts:
            ids = judged_ids
            blocks, weights = block_weights(_blocks(truth, order))
        if judged_ids != ids:
            raise RunError(
                f"{name}: expected predictions of the same utterances of {split} as in the other "
                "runs; train it again on the present manifest"
            )
        predicted = predictions.logits()[order].argmax(1)
        counts[name] = _per_block(truth.labels[order], predicted, blocks, len(predictions.classes))
    if not counts:
        raise RunError("there are no runs to judge; make some first, with `medusa run`")
    return RunScores(counts, split, len(ids), weights)


def _sorted_rows(
    predictions: Predictions, mask: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return the row numbers where `mask` (B,) is true, sorted by id, and their ids."""
    rows, ids = np.flatnonzero(mask), np.array(predictions.ids)
    order = rows[np.argsort(ids[rows])]
    return order, ids[order].tolist()


def _blocks(truth: Truth, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the block of each utterance: its speaker, or itself if speakers are unknown."""
    names = truth.blocks
    if names is None:
        return np.arange(len(rows))
    return np.unique([names[row] for row in rows], return_inverse=True)[1]


def _per_block(
    truth: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    blocks: npt.NDArray[np.int64],
    classes: int,
) -> npt.NDArray[np.int64]:
    """Return the confusion matrix of every block, (K, C, C)."""
    cells = (blocks * classes + truth) * classes + predicted
    count = int(blocks.max()) + 1
    return np.bincount(cells, minlength=count * classes**2).reshape(count, classes, classes)
