"""The interface of all fitters of a head, by steps or in closed form, and the score on dev."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from medusa.heads.config import Config, TrainConfig
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.networks.head import Head
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.training.meter import Meter
from medusa.heads.training.predict import BATCH
from medusa.scoring import NO_CONSENSUS, balanced_draws, macro_f1, mean_macro_f1_over_draws


@dataclass
class FitState:
    """The best score on dev of a fit so far, and the number of steps that were taken."""

    best: float = -1.0
    best_at: str = ""
    steps: int = 0


class DevSelector:
    """Score logits on the rows of the dev split that have a consensus.

    Args:
        examples: the examples, with a split `dev`.
        config: the settings `selection`, `draws` and `per_class`.

    Attributes:
        rows: (B,) the row numbers in the examples.
        truth: (B,) the class numbers.
    """

    def __init__(self, examples: Examples, config: TrainConfig) -> None:
        dev = examples.rows("dev")
        self.rows = dev[examples.labels[dev] != NO_CONSENSUS]
        self.truth = examples.labels[self.rows]
        self.natural = config.selection == "natural"
        self.draws = balanced_draws(self.truth, config.draws, config.per_class)

    def score(self, logits: npt.NDArray[np.float32]) -> float:
        """Return macro-F1 of logits (B, C) over balanced draws of the split, or on all rows."""
        predicted, classes = logits.argmax(1), logits.shape[1]
        if self.natural:
            return macro_f1(self.truth, predicted, classes)
        return mean_macro_f1_over_draws(self.truth, predicted, classes, self.draws)

    def loss(self, logits: npt.NDArray[np.float32]) -> float:
        """Return the mean cross-entropy of logits (B, C) over the rows of the split."""
        return float(F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(self.truth)))


class HeadFitter(ABC):
    """Fit one head: `fit` leaves the weights with the best score on dev in it.

    Args:
        head: the network, newly initialised.
        examples: the features and labels, with splits `train` and `dev`.
        config: the head's settings.
        run: the run folder for metrics, checkpoints and the best weights.
        device: the device that computes.
        advance: a function that is called with a note after every epoch, or every shrinkage.

    Attributes:
        state: the best score.
        selector, meter: they score the dev split, and count seconds.
        example_rows: the row numbers of the training utterances.
        unit: what is done between two calls of `advance`.
    """

    unit: ClassVar[str] = "epoch"
    state: FitState
    example_rows: Rows

    def __init__(
        self,
        head: Head,
        examples: Examples,
        config: Config,
        run: RunDir,
        device: torch.device,
        advance: Callable[..., None] = lambda amount=1, note="": None,
    ) -> None:
        self.head, self.examples, self.config, self.run = head.to(device), examples, config, run
        self.device, self.advance = device, advance
        self._set_up()
        self.selector = DevSelector(examples, config.train)
        self.meter = Meter(self.head, examples, self.example_rows, device)

    @abstractmethod
    def _set_up(self) -> None:
        """Set `state` and `example_rows`, and refuse rows that cannot be fitted."""

    @abstractmethod
    def fit(self) -> None:
        """Fit the head, or continue an interrupted fit."""

    @property
    def at_once(self) -> int:
        """Return how many utterances are on the device at a time when they are predicted."""
        return self.config.train.micro or BATCH

    @staticmethod
    @abstractmethod
    def calls_at_most(config: Config) -> int:
        """Return how often a fit calls `advance`, at most."""
