"""The training targets of a batch's rows, computed from labels, ratings and raters' votes."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from medusa.errors import ConfigError
from medusa.heads.config import Config
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.training import mixup
from medusa.scoring import NO_CONSENSUS


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

    def mixed(self, partners: Tensor, lam: Tensor) -> "Targets":
        """Return all targets mixed with those of the partners (`mixup.mix`)."""
        return Targets(*(mixup.mix(values, partners, lam) for values in self._all()))

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
