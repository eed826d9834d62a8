"""How good each run of a recipe is, and whether two differ, on the same utterances."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.scoring.metrics import accuracy_of, macro_f1_of
from medusa.scoring.resampling import FEW_BLOCKS
from medusa.scoring.truth import UNLABELLED, Truth, truth_of

DRAWS, SEED = 2000, 0
Floats = npt.NDArray[np.float64]


class ScoreError(MedusaError):
    """Runs that cannot be judged together."""


@dataclass(frozen=True)
class Judged:
    """What runs said about the utterances of one split, counted speaker by speaker.

    Attributes:
        counts: run -> (K, C, C) confusion matrices of the K blocks (speakers, or utterances).
        split, utterances: where.
        times: (draws, K) how often each block is in each resample, the same for all runs.
    """

    counts: dict[str, npt.NDArray[np.int64]]
    split: str
    utterances: int
    times: Floats

    def scores(self, run: str) -> dict[str, float]:
        """Return `macro_f1`, `accuracy` on the split as it is, and `balanced`."""
        matrix = self.counts[run].sum(0)
        return {name: float(score(matrix)) for name, score in SCORES.items()}

    def resampled(self, run: str, name: str) -> Floats:
        """Return a score of every resample, (draws,)."""
        counts = self.counts[run]
        flat = self.times @ counts.reshape(len(counts), -1)
        return SCORES[name](flat.reshape(-1, *counts.shape[1:]))


def balanced_macro_f1(matrix: npt.NDArray[np.integer | np.floating]) -> Floats:
    """Macro-F1 of confusion matrices (..., C, C) in which every class counts alike.

    What macro-F1 over balanced draws of a split tends to as the draws become many and large.
    """
    support = matrix.sum(-1, keepdims=True)
    shares = np.divide(matrix, support, out=np.zeros(matrix.shape), where=support > 0)
    return macro_f1_of(shares)


SCORES = {"balanced": balanced_macro_f1, "macro_f1": macro_f1_of, "accuracy": accuracy_of}


def judge(runs: Sequence[RunDir], manifest: Manifest) -> Judged:
    """Count what runs of one manifest said on `test`, or on `dev` where test has no labels.

    Raises:
        ScoreError: there are no runs, or they predict different utterances of the split.
    """
    if not runs:
        raise ScoreError("nothing to judge yet; bring the recipe about with `medusa run`")
    counts, ids, split = {}, None, ""
    blocks, times = np.zeros(0, np.int64), np.zeros((0, 0))
    for run in runs:
        said = run.predictions()
        truth = truth_of(manifest, said.ids, said.frame["split"].tolist(), said.classes)
        split, rows = _judging(said.frame["split"].to_numpy(str), truth)
        known = np.array(said.ids)
        order = rows[np.argsort(known[rows])]
        here = known[order].tolist()
        if ids is None:
            ids = here
            blocks, times = _times(_blocks(truth, order))
        if here != ids:
            raise ScoreError(f"{run.name}: predicts other utterances of {split} than the others")
        counts[run.name] = _per_block(
            truth.labels[order], said.logits()[order].argmax(1), blocks, len(said.classes)
        )
    return Judged(counts, split, len(ids or ()), times)


def _judging(splits: npt.NDArray[np.str_], truth: Truth) -> tuple[str, npt.NDArray[np.int64]]:
    for split in ("test", "dev"):
        rows = np.flatnonzero((splits == split) & (truth.labels != UNLABELLED))
        if len(rows):
            return split, rows
    raise ScoreError("neither test nor dev has a label to judge by")


def _blocks(truth: Truth, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return each utterance's block: its speaker, or itself where speakers are unknown."""
    names = truth.blocks
    if names is None:
        return np.arange(len(rows))
    return np.unique([names[row] for row in rows], return_inverse=True)[1]


def _per_block(
    truth: npt.NDArray[np.int64],
    said: npt.NDArray[np.int64],
    blocks: npt.NDArray[np.int64],
    classes: int,
) -> npt.NDArray[np.int64]:
    cells = (blocks * classes + truth) * classes + said
    count = int(blocks.max()) + 1
    return np.bincount(cells, minlength=count * classes**2).reshape(count, classes, classes)


def _times(blocks: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the blocks to count by (B,) and how often each resample has each of them.

    Of fewer than 10 speakers the utterances are drawn as well, within each, as in `bootstrap`.
    """
    rng, sizes = np.random.default_rng(SEED), np.bincount(blocks)
    count = len(sizes)
    times = rng.multinomial(count, np.full(count, 1 / count), DRAWS)
    if count >= FEW_BLOCKS:
        return blocks, times.astype(np.float64)
    each = np.zeros((DRAWS, len(blocks)))
    for block, size in enumerate(sizes):
        share = np.full(size, 1 / size)
        each[:, blocks == block] = rng.multinomial(times[:, block] * size, share)
    return np.arange(len(blocks)), each
