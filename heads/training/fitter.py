"""The interface of all fitters of a head: training by steps, and a solution in closed form."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch

from medusa.heads.config import Config
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.networks.fusion import Head
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.training.meter import Meter
from medusa.heads.training.predict import BATCH
from medusa.heads.training.selection import DevSelector


@dataclass
class FitState:
    """The best score on dev of a fit so far, and the number of steps that were taken."""

    best: float = -1.0
    best_at: str = ""
    steps: int = 0


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
