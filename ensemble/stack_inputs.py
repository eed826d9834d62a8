"""The arrays that a stacker reads, made of the predictions of the members."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from medusa.ensemble.members import Members
from medusa.ensemble.stacker import OUT_OF_FOLD, StackConfig, StackInputs, TrainSet
from medusa.errors import RunError
from medusa.randomness import random_stream
from medusa.scoring import Truth, balanced_draws

MIDDLE, HALF = 4.0, 3.0  # Attributes are between 1 and 7. Inside a map they are (a - 4) / 3.

Mask = npt.NDArray[np.bool_]


def inputs_of(members: Members, config: StackConfig) -> StackInputs:
    """Return the members' predictions as a stacker reads them.

    Attributes enter the matrix as (a - 4) / 3, so that they are as large as posteriors.

    Raises:
        RunError: the configuration wants attributes, and no member predicts any.
    """
    parts = [*(members.posteriors if config.inputs == "posteriors" else members.logits)]
    if config.with_attributes:
        if not len(members.attributes):
            raise RunError(
                "with_attributes: none of the members predicts attributes; leave the setting out, "
                "or train heads on a manifest with attributes"
            )
        parts += [*((members.attributes - MIDDLE) / HALF)]
    matrix = np.concatenate(parts, axis=1).astype(np.float64)
    return StackInputs(members.posteriors, members.attributes, matrix)


def train_set_of(members: Members, truth: Truth, config: StackConfig) -> TrainSet:
    """Return the utterances of `config.fit_on` that have a label.

    Args:
        members: the predictions of B utterances.
        truth: the truth of the same utterances.
        config: the split, and the inputs.

    Raises:
        RunError: there are no such utterances, or the members predict no attributes.
    """
    rows, inputs = _train_rows(members, truth, config), inputs_of(members, config)
    dev = (members.splits == "dev") & truth.labelled
    chosen = _rows(inputs, truth, dev) if dev.any() else None
    return replace(_rows(inputs, truth, rows), dev=chosen)


def _rows(inputs: StackInputs, truth: Truth, mask: Mask) -> TrainSet:
    """Return the utterances for which `mask` (B,) is true."""
    part, known = inputs.rows(mask), truth.rows(mask)
    attributes = None if np.isnan(known.attributes).all() else known.attributes
    arrays = part.matrix, known.labels, known.soft, attributes, part.posteriors
    return TrainSet(*arrays, speakers=known.speakers)


def _train_rows(members: Members, truth: Truth, config: StackConfig) -> Mask:
    """Return the mask (B,) of the utterances to learn from."""
    inside = members.folds >= 0 if config.fit_on == OUT_OF_FOLD else members.splits == config.fit_on
    rows: Mask = inside & truth.labelled
    if not inside.any() and config.fit_on == OUT_OF_FOLD:
        raise RunError(
            f"--fit-on out-of-fold: {members.foldless}; train all members with the same "
            "`medusa fit-head --folds K`"
        )
    if not inside.any():
        present = ", ".join(sorted(set(members.splits.tolist())))
        raise RunError(
            f"--fit-on {config.fit_on}: the members predict no split {config.fit_on!r}; there is "
            f"{present}; choose one of them"
        )
    if not rows.any():
        raise RunError(
            f"--fit-on {config.fit_on}: no row of split {config.fit_on!r} has a label; fit the "
            "stacker on a split that has labels"
        )
    return rows


def balanced_rows(labels: npt.NDArray[np.int64], seed: int = 0) -> npt.NDArray[np.int64]:
    """Return sorted row numbers: as many rows of every class as the rarest class has."""
    return np.sort(balanced_draws(labels, draws=1, rng=random_stream(seed, "rows of a stacker"))[0])
