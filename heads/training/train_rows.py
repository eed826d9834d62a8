"""The rows that train a head: targets, Manifold MixUp (section 3.7), batches and statistics.

Targets are computed from labels, ratings and raters' votes. MixUp makes convex combinations of
embeddings and of their targets.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from medusa.errors import ConfigError
from medusa.heads.config import Config, MixupConfig, StageConfig
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.examples.sampling import SAMPLERS, Draw
from medusa.scoring import NO_CONSENSUS


def draw_mixup(
    config: MixupConfig, batch: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor] | None:
    """Draw the partners (B,) and the lambdas (B, 1) of a batch, or None if it is not mixed.

    With `within`, each part of so many utterances is drawn for itself, as if it were the batch. The
    lambdas of a part that is not mixed are 1.

    They are drawn on the CPU, so that no step waits for the device.
    """
    size = config.within or batch
    partners, lambdas = np.arange(batch), np.ones((batch, 1), np.float32)
    mixed = False
    for start in range(0, batch, size):
        part = partners[start : start + size]
        if rng.random() < config.p:
            mixed, count = True, len(part) if config.per == "sample" else 1
            lambdas[start : start + size] = rng.beta(config.alpha, config.alpha, size=(count, 1))
            partners[start : start + size] = rng.permutation(part)
    return (torch.from_numpy(partners), torch.from_numpy(lambdas)) if mixed else None


def mix(
    values: Float[Tensor, "B D"], partners: Int64[Tensor, "B"], lambdas: Float[Tensor, "B 1"]
) -> Float[Tensor, "B D"]:
    """Return lambda v_i + (1 - lambda) v_partner(i).

    Args:
        values: (B, anything); NaN (an unrated attribute) in either makes the result NaN.
        partners: (B,) the row numbers of the partners.
        lambdas: (B, 1) the shares of the rows themselves.
    """
    return lambdas * values + (1 - lambdas) * values[partners]


@dataclass(frozen=True)
class Targets:
    """The training targets of B utterances.

    Attributes:
        soft: (B, C) the soft labels.
        ratings: (B, 3) the attributes, NaN where unrated.
        secondary: (B, C) the share of raters who chose the class second, NaN where nobody voted.
        votes: (B, C) the number of raters who chose the class first.
    """

    soft: Float[Tensor, "B C"]
    ratings: Float[Tensor, "B A"]
    secondary: Float[Tensor, "B C"]
    votes: Float[Tensor, "B C"]

    def __len__(self) -> int:
        return len(self.soft)

    def select(self, rows: Rows) -> "Targets":
        """Return the targets of these rows."""
        return Targets(*(values[rows] for values in self._all()))

    def to(self, device: torch.device) -> "Targets":
        """Return the targets on a device."""
        return Targets(*(values.to(device, non_blocking=True) for values in self._all()))

    def mixed(self, partners: Tensor, lambdas: Tensor) -> "Targets":
        """Return all targets mixed with those of the partners (`mix`)."""
        return Targets(*(mix(values, partners, lambdas) for values in self._all()))

    def smoothed(self, share: float) -> "Targets":
        """Return (1 - share) of the soft labels and `share` spread evenly over the classes."""
        soft = (1 - share) * self.soft + share / self.soft.shape[1]
        return Targets(soft, self.ratings, self.secondary, self.votes)

    def thinned(self, share: float, rng: np.random.Generator) -> "Targets":
        """Drop each rater with this probability and recount the votes of the remaining raters.

        An utterance that would lose all its raters keeps all of them (annotator dropout, SAILER).
        """
        if not share:
            return self
        kept = torch.from_numpy(rng.binomial(self.votes.long().numpy(), 1 - share)).float()
        total = kept.sum(1, keepdim=True)
        soft = torch.where(total > 0, kept / total.clamp_min(1), self.soft)
        return Targets(soft, self.ratings, self.secondary, self.votes)

    def _all(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.soft, self.ratings, self.secondary, self.votes


@dataclass(frozen=True)
class TrainStatistics:
    """Statistics of the whole training split that the losses need.

    Attributes:
        weights: (C,) the class weights.
        prior: (C,) the share of each class.
        neutral: the number of the class `neutral`, or None if there is no such class.
    """

    weights: Tensor
    prior: Tensor
    neutral: int | None = None


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


def class_weights(targets: Float[Tensor, "N C"], power: float) -> Float[Tensor, "C"]:
    """Return a_c = (N / (C f_c)) ** power. f_c is the soft-label mass of class c (section 3.8).

    Args:
        targets: (N, C) soft labels of the training rows.
        power: 0.5 in stage 1; 0 gives uniform weights.

    Returns:
        (C,) weights; 0 where no training row has any mass.
    """
    mass = targets.sum(0)
    weights = (len(targets) / (targets.shape[1] * mass.clamp_min(1e-12))) ** power
    return torch.where(mass > 0, weights, torch.zeros_like(weights))


def check_votes(targets: Targets, share: float, secondary: bool) -> None:
    """Refuse settings that need votes which the manifest does not have.

    Args:
        targets: the targets of all training rows.
        share: the probability of annotator dropout.
        secondary: whether second choices are learnt.

    Raises:
        ConfigError: there are no votes or no second choices, or the soft labels are not shares of
            votes.
    """
    if secondary and not bool((targets.secondary > 0).any()):
        raise ConfigError(
            "loss.secondary_weight: no rater of the training rows named a second emotion; set it "
            "to 0, or import a corpus with secondary votes"
        )
    if not share:
        return
    total = targets.votes.sum(1, keepdim=True)
    voted = total[:, 0] > 0
    if not bool(voted.any()):
        raise ConfigError("train.annotator_dropout: the training rows have no votes; set it to 0")
    counted = targets.votes[voted] / total[voted]
    if not torch.allclose(counted, targets.soft[voted], atol=1e-4):
        raise ConfigError(
            "train.annotator_dropout: the soft labels are not shares of first choices (labels: "
            "hard, or votes counted otherwise); set it to 0, or count them with `medusa manifest "
            "relabel --soft primary`"
        )


def training_rows(examples: Examples, config: Config) -> tuple[Rows, Targets]:
    """Return the rows that train a head and their targets.

    With `labels: soft`, the rows are all training rows with a soft label, or only those that have a
    consensus as well. With `labels: hard`, they are the rows with a consensus, as one-hot labels.
    """
    rows, soft = examples.rows("train"), examples.soft
    if config.train.labels == "hard":
        labels = torch.from_numpy(examples.labels).clamp_min(0)
        soft = torch.nn.functional.one_hot(labels, len(examples.classes)).float()
    if config.train.labels == "hard" or config.train.rows == "consensus":
        rows = rows[examples.labels[rows] != NO_CONSENSUS]
    rows = rows[~soft[rows].isnan().any(1).numpy()]
    known = (soft, examples.ratings, examples.secondary, examples.votes)
    return rows, Targets(*known).select(rows)
