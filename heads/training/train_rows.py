"""The rows that train a head: their targets, the batches of an epoch, and their statistics."""

from dataclasses import dataclass

import numpy as np
import torch

from medusa.heads.config import Config, StageConfig
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.examples.sampling import SAMPLERS, Draw
from medusa.heads.training.loss import TrainStatistics, class_weights
from medusa.heads.training.targets import Targets, check_votes, training_rows


@dataclass(frozen=True)
class TrainRows:
    """The training rows of a head.

    Attributes:
        rows: (N,) their row numbers in the examples.
        labels: (N,) the consensus class numbers, -1 without consensus.
        targets: the targets of all N rows.
        neutral: the number of the class `neutral`, or None if there is no such class.
    """

    rows: Rows
    labels: Rows
    targets: Targets
    neutral: int | None

    @classmethod
    def of(cls, examples: Examples, config: Config) -> "TrainRows":
        """Return the rows that the settings choose.

        Raises:
            ConfigError: a setting needs votes that the manifest does not have.
        """
        rows, targets = training_rows(examples, config)
        dropout, secondary = config.train.annotator_dropout, config.loss.secondary_weight
        check_votes(targets, dropout, bool(secondary))
        return cls(rows, examples.labels[rows], targets, examples.neutral)

    def batches(self, stage: StageConfig, size: int, rng: np.random.Generator) -> list[Rows]:
        """Return the batches of an epoch, each an array of numbers into these rows."""
        draw = Draw(stage.no_consensus, self.neutral)
        order = SAMPLERS[stage.sampler](self.labels, rng, draw)
        return [order[start : start + size] for start in range(0, len(order), size)]

    def statistics(self, stage: StageConfig, device: torch.device) -> TrainStatistics:
        """Return the statistics of all rows that a stage's losses need."""
        soft = self.targets.soft
        return TrainStatistics(
            weights=class_weights(soft, stage.class_weights).to(device),
            prior=(soft.sum(0) / soft.sum()).to(device),
            neutral=self.neutral,
        )
