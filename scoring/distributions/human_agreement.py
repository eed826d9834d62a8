"""The level that rater disagreement sets: every rater is left out and judged by the others.

A system is compared with a rater on equal terms: both choose one class for each utterance, and
both are judged by the raters of the utterance without the one who was left out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.manifests import Manifest
from medusa.manifests.labels.votes import count_votes
from medusa.manifests.manifest import found_in
from medusa.scoring.metrics import SCORES, Floats, Ints
from medusa.scoring.resampling import interval, resampled_sums
from medusa.scoring.truth import Truth

FEWEST_RATERS = 3  # One rater is left out, and two others judge.
Counts = npt.NDArray[np.int64]
AGAINST_OTHERS = ("macro_f1", "uar", "accuracy")


def vote_counts(manifest: Manifest, ids: list[str]) -> Counts | None:
    """Return the number of votes (B, C) for each class, or None if the manifest has no votes.

    Votes for classes outside the label scheme do not count.
    """
    if manifest.votes is None:
        return None
    import pandas as pd

    wanted = pd.Series(ids, dtype="str")
    votes = manifest.votes[found_in(manifest.votes["id"], wanted)]
    return count_votes(votes, wanted, manifest.scheme.classes)[:, :-1]


def human_agreement(truth: Truth, predicted: Ints, votes: Counts | None) -> dict[str, Any] | None:
    """Compare a system with single raters, on the utterances of at least three raters.

    For each of the n raters of an utterance, the other n - 1 judge the rater and the system.
    Agreement is the share of these others who chose the same class. Its mean is the probability
    that two random raters of an utterance agree, or that the system and a rater agree. The
    class scores take the plurality of the others for the truth, and leave out their ties. Every
    utterance has the same weight.

    Args:
        truth: the truth of B utterances, for the speakers.
        predicted: (B,) predicted class numbers.
        votes: (B, C) the number of votes for each class, or None without votes.

    Returns:
        `n`, the number of utterances; `raters`, their mean number of raters; `rater` and `system`,
        for each the `value` and the `interval` of `agreement` and of the class scores; `plurality`,
        the agreement of a system that always chooses the class with most votes, which no
        system exceeds; and `ratio`, the agreement of the system divided by that of a rater, or
        None if no two raters agree. None if no utterance has three raters.
    """
    if votes is None:
        return None
    enough = votes.sum(1) >= FEWEST_RATERS
    if not enough.any():
        return None
    counts = votes[enough].astype(np.float64)
    raters, classes = counts.sum(1), counts.shape[1]
    chosen = predicted[enough]
    agreement = np.stack(
        [
            (counts * (counts - 1)).sum(1) / (raters * (raters - 1)),
            counts[np.arange(len(counts)), chosen] / raters,
            counts.max(1) / raters,
        ],
        1,
    )
    cells = _left_out(counts, chosen)
    rows = np.concatenate([np.ones((len(counts), 1)), agreement, *cells], 1)
    drawn = resampled_sums(rows, truth.rows(enough).blocks)
    sums = np.concatenate([rows.sum(0, keepdims=True), drawn])  # The first row has no resampling.
    size, shares = sums[:, :1], sums[:, 1:4]
    means = shares / size
    matrices = sums[:, 4:].reshape(len(sums), 2, classes, classes)
    return {
        "n": len(counts),
        "raters": float(raters.mean()),
        "rater": _values(means[:, 0], matrices[:, 0]),
        "system": _values(means[:, 1], matrices[:, 1]),
        "plurality": _pair(means[:, 2]),
        "ratio": _pair(means[:, 1] / means[:, 0]) if (means[:, 0] > 0).all() else None,
    }


def agreement_sentence(found: Mapping[str, Any]) -> str:
    """Return one sentence: how close is the system to human agreement?

    Args:
        found: the values of `human_agreement`.
    """
    pairs = (found["rater"]["agreement"], found["system"]["agreement"])
    rater, system = (f"{100 * one['value']:.1f} %" for one in pairs)
    start = (
        f"Two raters of an utterance choose the same class in {rater} of the cases, and the run "
        f"and a rater do so in {system}"
    )
    if found["ratio"] is None:
        return f"{start}."
    low, high = (f"{100 * value:.0f}" for value in found["ratio"]["interval"])
    return (
        f"{start}: the run reaches {100 * found['ratio']['value']:.0f} % of human agreement (95 % "
        f"interval {low} – {high} %; {found['n']:,} utterances with at least {FEWEST_RATERS} "
        "raters)."
    )


def _left_out(counts: Floats, chosen: Ints) -> tuple[Floats, Floats]:
    """Return each utterance's confusion matrices (B, C * C) of a rater and of the system.

    The plurality of the others is in the rows. The cells of an utterance add up to 1, less the
    raters whose leaving makes a tie.
    """
    rows, classes = counts.shape
    rater, system = np.zeros((2, rows, classes, classes))
    everyone = np.arange(rows)
    for left in range(classes):
        others = counts - np.eye(classes)[left]
        others[counts[:, left] == 0] = 0  # Nobody chose the class, so nobody is left out.
        most = others.max(1, keepdims=True)
        single = ((others == most).sum(1) == 1) & (most[:, 0] > 0)
        share = np.where(single, counts[:, left] / counts.sum(1), 0)
        winner = others.argmax(1)
        rater[everyone, winner, left] += share
        system[everyone, winner, chosen] += share
    return rater.reshape(rows, -1), system.reshape(rows, -1)


def _values(agreement: Floats, matrices: Floats) -> dict[str, Any]:
    """Return `agreement` and the class scores; the first row of each argument is the value."""
    scores = {name: _pair(SCORES[name].formula(matrices)) for name in AGAINST_OTHERS}
    return {"agreement": _pair(agreement), **scores}


def _pair(values: Floats) -> dict[str, Any]:
    """Return the first value, and the interval of the other values."""
    return {"value": float(values[0]), "interval": list(interval(values[1:]))}
