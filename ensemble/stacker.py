"""The interface of a stacker: its settings, the arrays that it reads and returns, its functions.

This module and `stackers` import no numeric library, so that `medusa stack --help` and the check
of a recipe take no time.
"""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from medusa.errors import plural

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    Floats = npt.NDArray[np.float32]

INPUTS = ("posteriors", "logits")
OUT_OF_FOLD = "out-of-fold"
STEPS = 1000

Weights = dict[str, "npt.NDArray[Any]"]


@dataclass(frozen=True)
class Training:
    """The training settings of the linear map. They are the paper's (section 4) where it has them.

    Attributes:
        epochs: a fixed number, since nothing is held out to stop at. With None, there are as many
            epochs as make 1,000 optimiser steps, whatever the size of the corpus. After far fewer
            steps the random start still shows; after far more, a small split is learnt by heart.
        batch: the rows of an optimiser step.
        lr: the learning rate.
        weight_decay: PyTorch's default.
        ce_weight, mse_weight: the weights of the two parts of the loss.
    """

    epochs: int | None = None
    batch: int = 128
    lr: float = 1e-3
    weight_decay: float = 0.01
    ce_weight: float = 1.5
    mse_weight: float = 0.4

    def resolved(self, labels: Iterable[int]) -> "Training":
        """Return the same settings with `epochs` as a number, for n training labels."""
        counts = Counter(labels).values()
        steps = math.ceil(min(counts) * len(counts) / self.batch)
        return replace(self, epochs=self.epochs or math.ceil(STEPS / steps))


@dataclass(frozen=True)
class StackConfig:
    """The settings of a stack. A stacker reads those of its `options`.

    Attributes:
        method: a name in `STACKERS`.
        fit_on: the split from which a stacker learns, or `out-of-fold`: the training split,
            predicted by heads that were not trained on the row.
        in_sample: allow a split on which the members were trained.
        inputs: the class scores that are read from every member: `posteriors` (the paper) or
            `logits`.
        with_attributes: also read the attributes of the members that predict them.
        seeds: the number of maps that go into the soup (the paper's 6), or of networks.
        soup: a name in `SOUPS`: how the maps of the seeds become one. The paper has `uniform`.
        training: how a map is trained.
        prior: how much the frequencies of the classes count in the decision. They are those of the
            rows that the stacker learns from. 0 treats all classes alike, as the unweighted recall
            does. 1 chooses the most probable class. Between them, macro-F1 may gain.
    """

    method: str = "shrunken"
    fit_on: str = "dev"
    in_sample: bool = False
    inputs: str = "posteriors"
    with_attributes: bool = False
    seeds: int = 6
    soup: str = "uniform"
    training: Training = field(default_factory=Training)
    prior: float = 0.0


@dataclass(frozen=True)
class StackInputs:
    """The predictions of M members for B utterances.

    Attributes:
        posteriors: (M, B, C).
        attributes: (A, B, 3) of the A members that predict attributes. A may be 0.
        matrix: (B, I) the class scores of all members side by side, then their attributes if the
            configuration has `with_attributes`.
    """

    posteriors: "Floats"
    attributes: "Floats"
    matrix: "Array"

    def rows(self, mask: "npt.NDArray[np.bool_]") -> "StackInputs":
        """Return the utterances for which `mask` (B,) is true."""
        return StackInputs(self.posteriors[:, mask], self.attributes[:, mask], self.matrix[mask])


@dataclass(frozen=True)
class StackOutput:
    """The predictions of a stacker for B utterances.

    Attributes:
        logits: (B, C).
        attributes: (B, 3), or None.
        per_seed_logits: (S, B, C) the logits of each map that went into a soup; S is 0 without
            a soup.
    """

    logits: "Array"
    attributes: "Array | None"
    per_seed_logits: "Sequence[Array]" = ()


@dataclass(frozen=True)
class TrainSet:
    """The n labelled utterances on which a stacker is fitted.

    Attributes:
        inputs: (n, I) the matrix of `StackInputs`.
        labels: (n,) consensus classes.
        soft: (n, C) soft labels, whose rows add up to one.
        attributes: (n, 3), NaN where unknown; None if all of them are unknown.
        posteriors: (M, n, C) of the members.
        dev: the labelled utterances of dev, or None if it has none. A stacker may choose on them
            between several fits.
        speakers: (n,) the speakers, None where unknown. Without them, all are unknown.
    """

    inputs: "Array"
    labels: "npt.NDArray[np.int64]"
    soft: "Floats"
    attributes: "Floats | None"
    posteriors: "Floats"
    dev: "TrainSet | None" = None
    speakers: "Sequence[str | None] | None" = None

    @property
    def n_classes(self) -> int:
        """C."""
        return int(self.soft.shape[1])

    @property
    def speaker_numbers(self) -> "npt.NDArray[np.int64]":
        """The number (n,) of the speaker of every utterance; an unknown one counts as its own."""
        import numpy as np

        names = self.speakers or [None] * len(self.labels)
        keys = [row if name is None else name for row, name in enumerate(names)]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return np.array([numbers[key] for key in keys], np.int64)

    def described(self, split: str, classes: Sequence[str]) -> str:
        """Return a sentence with the number of rows and speakers, and the rows of rare classes."""
        counts = Counter(self.labels.tolist())
        rarest, fewest = min(counts.items(), key=lambda one: one[1])
        speakers = len(set(self.speaker_numbers.tolist()))
        absent = [name for number, name in enumerate(classes) if number not in counts]
        without = f"; {', '.join(absent)}: no row" if absent else ""
        return (
            f"{split} has {len(self.labels)} labelled rows of {speakers} speakers; the rarest "
            f"class, {classes[rarest]}, has {plural(fewest, 'row')}{without}"
        )


@dataclass(frozen=True)
class Fitted:
    """The result of fitting a stacker.

    Attributes:
        weights: the arrays from which it predicts, by name. They are stored with the run.
        losses: the loss of every epoch, for the training curve of the report.
    """

    weights: Weights
    losses: Sequence[float] = ()


class Stacker(ABC):
    """A method that combines the predictions of several members into one prediction.

    `medusa stack` calls `fit` and `predict`; `medusa evaluate --on` calls `predict` with the stored
    weights.

    Attributes:
        summary: a phrase that completes "combined by ...", for `--help` and the report.
        options: the fields of `StackConfig` that it reads. A value for any other one is refused.
        stored: the type of number in which the weights are stored; None keeps their types.
    """

    summary: str
    options: tuple[str, ...] = ()
    stored: str | None = None

    @property
    def learns(self) -> bool:
        """Whether it is fitted on a split. A vote is not."""
        return "fit_on" in self.options

    def fit(self, train: TrainSet, config: StackConfig) -> Fitted:
        """Learn from labelled utterances. A stacker that learns nothing keeps this function."""
        return Fitted({})

    @abstractmethod
    def predict(self, weights: Weights, inputs: StackInputs) -> StackOutput:
        """Combine the predictions of B utterances, with the weights that `fit` returned."""

    def title(self, config: StackConfig) -> tuple[str, str]:
        """Return the name and the kind of its row in the comparison with the members."""
        return config.method, "stacker"
