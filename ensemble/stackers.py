"""Stackers combine the predictions of many members (paper, sections 3.5 and 3.6)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medusa.ensemble import linear
from medusa.ensemble.forest import apply_forest, fit_forest
from medusa.ensemble.linear import HALF, MIDDLE, Training, TrainSet
from medusa.ensemble.members import Members
from medusa.ensemble.opinion_pool import fit_pool, pooled
from medusa.ensemble.scikit_learn import (
    Apply,
    Fit,
    apply_map,
    apply_mlp,
    balanced_rows,
    fit_logistic,
    fit_mlp,
    fit_svm,
)
from medusa.ensemble.soup import SOUPS
from medusa.ensemble.voting import VOTES, Vote, mean_attributes
from medusa.errors import RunError, nearest
from medusa.scoring import Truth, macro_f1

INPUTS = ("posteriors", "logits")
OUT_OF_FOLD = (
    "out-of-fold"  # the training split, as predicted by heads that were not trained on the row
)

Array = npt.NDArray[np.float64]
EachEpoch = Callable[[float], None]


@dataclass(frozen=True)
class StackConfig:
    """The settings of a stack.

    Attributes:
        method: a name in `STACKERS`.
        fit_on: the split that a learning stacker learns from, or `out-of-fold`: the training split
            as the members' folds predict it.
        in_sample: allow a split that the members were trained on.
        inputs: what it reads of every member: `posteriors` (the paper) or `logits`.
        with_attributes: let it also read the attributes of the members that predict them.
        seeds: how many runs of linear go into the soup (the paper's 6), or of mlp are averaged.
        soup: `uniform` (the paper), `greedy` or `none`: of the seeds of linear.
        training: epochs, rates and weights of linear.
    """

    method: str = "linear"
    fit_on: str = "dev"
    in_sample: bool = False
    inputs: str = "posteriors"
    with_attributes: bool = False
    seeds: int = 6
    soup: str = "uniform"
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        for name, known in (("method", STACKERS), ("inputs", INPUTS), ("soup", SOUPS)):
            value = getattr(self, name)
            if value not in known:
                hint = nearest(value, known)
                raise RunError(f"{name} {value!r}: expected one of {', '.join(known)}{hint}")
        for name, number in (("seeds", self.seeds), ("epochs", self.training.epochs)):
            if number is not None and number < 1:
                raise RunError(f"{name} {number}: expected at least 1")

    @property
    def learns(self) -> bool:
        """Whether a split is fitted on; votes learn nothing."""
        return self.method not in VOTES

    def record(self) -> dict[str, Any]:
        """Return what belongs into a run's configuration: nothing that the method ignores."""
        unread = ignored(self.method)
        return {key: value for key, value in asdict(self).items() if key not in unread}


def ignored(method: str) -> tuple[str, ...]:
    """Return the fields of `StackConfig` that a stacker does not read."""
    if method in VOTES:
        return tuple(one.name for one in fields(StackConfig) if one.name != "method")
    unread: tuple[str, ...] = () if method == "linear" else ("training", "soup")
    unread += () if method in ("linear", "mlp") else ("seeds",)
    return unread + (("inputs", "with_attributes") if method == "opinion-pool" else ())


@dataclass(frozen=True)
class StackOutput:
    """The predictions of a stacker about all B utterances of the members.

    Attributes:
        logits: (B, C).
        attributes: (B, 3) or None.
        weights: tensors to keep, by name.
        per_seed_logits: (S, B, C) logits of the runs that went into the soup; S is 0 for votes.
    """

    logits: Array
    attributes: Array | None
    weights: dict[str, Tensor]
    per_seed_logits: Array


def weighted_pool(
    members: Members, truth: Truth, config: StackConfig, each_epoch: EachEpoch
) -> StackOutput:
    """Weigh the members' log-posteriors (`opinion_pool.fit_pool`); attributes are averaged."""
    rows = train_rows(members, truth, config)
    learnt = fit_pool(members.posteriors[:, rows], truth.labels[rows])
    logits = pooled(learnt, members.posteriors)
    count, tensor = len(members.names), torch.from_numpy(learnt)
    weights = {"weights": tensor[:count].clone(), "bias": tensor[count:].clone()}
    return _averaging(members, logits, weights)


def linear_soup(
    members: Members, truth: Truth, config: StackConfig, each_epoch: EachEpoch
) -> StackOutput:
    """Train the linear meta-classifier from several seeds and average its weights.

    Args:
        members: all their utterances.
        truth: the same utterances; those of `config.fit_on` with a consensus are learnt from.
        config: what to read, how many seeds, how to train.
        each_epoch: called with every epoch's loss.
    """
    inputs, classes = inputs_of(members, config), len(members.classes)
    learnt = train_set_of(inputs, truth, train_rows(members, truth, config))
    states = linear.train(learnt, range(config.seeds), config.training, each_epoch)
    judged = train_set_of(inputs, truth, selection_rows(members, truth, config))
    return souped(states, inputs, judged, classes, config)


def souped(
    states: Sequence[dict[str, Tensor]],
    inputs: Array,
    judged: TrainSet,
    classes: int,
    config: StackConfig,
) -> StackOutput:
    """Make one soup of maps, one per seed, and apply it to inputs (B, I).

    A greedy soup is chosen on `judged`.
    """
    mean = SOUPS[config.soup](states, lambda state: _score(state, judged, classes))
    logits, attributes = linear.apply(mean, inputs, classes)
    named = {"soup": mean} | {f"seed_{seed}": state for seed, state in enumerate(states)}
    weights = {f"{run}.{key}": state[key].float() for run, state in named.items() for key in state}
    per_seed_logits = np.stack([linear.apply(state, inputs, classes)[0] for state in states])
    return StackOutput(logits, attributes, weights, per_seed_logits)


Stacker = Callable[[Members, Truth, StackConfig, EachEpoch], StackOutput]


def voting(vote: Vote) -> Stacker:
    """Return a stacker that learns nothing (`voting.VOTES`); attributes are averaged."""

    def voted(
        members: Members, truth: Truth, config: StackConfig, each_epoch: EachEpoch
    ) -> StackOutput:
        return _averaging(members, vote(members.posteriors), {})

    return voted


def classical(fit: Fit, use: Apply) -> Stacker:
    """Return a stacker of `scikit_learn` or `forest`; attributes are averaged as in a vote."""

    def fitted(
        members: Members, truth: Truth, config: StackConfig, each_epoch: EachEpoch
    ) -> StackOutput:
        inputs, classes = inputs_of(members, config), len(members.classes)
        learnt = train_set_of(inputs, truth, train_rows(members, truth, config))
        weights = fit(learnt, classes, config.seeds)
        return _averaging(members, use(weights, inputs, classes), weights)

    return fitted


def _averaging(members: Members, logits: Array, weights: dict[str, Tensor]) -> StackOutput:
    attributes = mean_attributes(members.attributes)
    return StackOutput(logits, attributes, weights, np.empty((0, *logits.shape)))


def train_rows(members: Members, truth: Truth, config: StackConfig) -> npt.NDArray[np.bool_]:
    """Return the mask (B,) of utterances that are learnt from.

    Raises:
        RunError: there are none.
    """
    inside = members.folds >= 0 if config.fit_on == OUT_OF_FOLD else members.splits == config.fit_on
    rows: npt.NDArray[np.bool_] = inside & truth.labelled
    if not inside.any() and config.fit_on == OUT_OF_FOLD:
        raise RunError(
            f"--fit-on out-of-fold: {members.foldless}; train all members with the same "
            "`medusa fit-head --folds K`"
        )
    if not inside.any():
        present = ", ".join(sorted(set(members.splits.tolist())))
        raise RunError(f"the members predict no split {config.fit_on!r}; there is {present}")
    if not rows.any():
        raise RunError(f"no row of split {config.fit_on!r} has a label to fit a stacker on")
    return rows


def selection_rows(members: Members, truth: Truth, config: StackConfig) -> npt.NDArray[np.bool_]:
    """Return the mask (B,) of the rows that a greedy soup is chosen on.

    They are the labelled rows of dev, or the training rows where dev has none.
    """
    rows: npt.NDArray[np.bool_] = (members.splits == "dev") & truth.labelled
    return rows if rows.any() else train_rows(members, truth, config)


def inputs_of(members: Members, config: StackConfig) -> Array:
    """Return (B, I): the members' class scores side by side, then their attributes if asked.

    Attributes enter as (a - 4) / 3, so that they are as large as posteriors.

    Raises:
        RunError: attributes are asked and no member predicts any.
    """
    parts = [*(members.posteriors if config.inputs == "posteriors" else members.logits)]
    if config.with_attributes:
        if not len(members.attributes):
            raise RunError("--with-attributes: none of the members predicts attributes")
        parts += [*((members.attributes - MIDDLE) / HALF)]
    return np.concatenate(parts, axis=1).astype(np.float64)


def train_set_of(inputs: Array, truth: Truth, rows: npt.NDArray[np.bool_]) -> TrainSet:
    """Return the chosen rows (B,) of inputs (B, I) and truth, without attributes if all unknown."""
    attributes = truth.attributes[rows]
    known = None if np.isnan(attributes).all() else attributes
    return TrainSet(inputs[rows], truth.labels[rows], truth.soft[rows], known)


def _score(state: dict[str, Tensor], judged: TrainSet, classes: int) -> float:
    """Return the macro-F1 of a map on one class-balanced draw."""
    predicted = linear.apply(state, judged.inputs, classes)[0].argmax(1)
    rows = balanced_rows(judged.labels)
    return macro_f1(judged.labels[rows], predicted[rows], classes)


# The stackers that scikit-learn fits: the function that fits, and the one that applies.
CLASSICAL: dict[str, tuple[Fit, Apply]] = {
    "logreg": (fit_logistic, apply_map),
    "svm": (fit_svm, apply_map),
    "mlp": (fit_mlp, apply_mlp),
    "forest": (fit_forest, apply_forest),
}
STACKERS: dict[str, Stacker] = {"linear": linear_soup, "opinion-pool": weighted_pool}
STACKERS |= {name: voting(vote) for name, vote in VOTES.items()}  # no split is fitted on
STACKERS |= {name: classical(fit, use) for name, (fit, use) in CLASSICAL.items()}
