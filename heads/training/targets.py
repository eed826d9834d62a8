"""What the rows of a batch should be answered with, and how raters' votes enter it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from medusa.errors import MedusaError
from medusa.heads.config import Config
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.training import mixup
from medusa.scoring import NO_CONSENSUS


class TargetError(MedusaError):
    """Votes that a setting of the training needs and the manifest does not have."""


@dataclass(frozen=True)
class Targets:
    """The answers to B utterances.

    Attributes:
        soft: (B, C) soft labels.
        ratings: (B, 3) attributes, NaN where unrated.
        secondary: (B, C) share of the raters who named the class second, NaN where nobody voted.
        votes: (B, C) number of raters whose first choice the class was.
    """

    soft: Tensor
    ratings: Tensor
    secondary: Tensor
    votes: Tensor

    def __len__(self) -> int:
        return len(self.soft)

    def rows(self, rows: Rows) -> "Targets":
        """Return the answers to these rows."""
        return Targets(*(values[rows] for values in self._all()))

    def to(self, device: torch.device) -> "Targets":
        """Move everything to a device."""
        return Targets(*(values.to(device, non_blocking=True) for values in self._all()))

    def mixed(self, partners: Tensor, lam: Tensor) -> "Targets":
        """Mix everything as `mixup.mix` does."""
        return Targets(*(mixup.mix(values, partners, lam) for values in self._all()))

    def smoothed(self, share: float) -> "Targets":
        """Return (1 - share) of the soft labels and `share` spread evenly over the classes."""
        soft = (1 - share) * self.soft + share / self.soft.shape[1]
        return Targets(soft, self.ratings, self.secondary, self.votes)

    def thinned(self, share: float, rng: np.random.Generator) -> "Targets":
        """Leave out each rater with this probability and count the others' votes again.

        An utterance that would lose all its raters keeps them (annotator dropout, SAILER).
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
    """Refuse settings that need votes which are not there.

    Args:
        targets: of all training rows.
        share: annotator dropout.
        secondary: whether second choices are to be learnt.

    Raises:
        TargetError: no votes, no second choices, or soft labels that are not shares of votes.
    """
    if secondary and not bool((targets.secondary > 0).any()):
        raise TargetError(
            "loss.secondary_weight: no rater of the training rows named a second emotion; set it "
            "to 0, or import a corpus with secondary votes"
        )
    if not share:
        return
    total = targets.votes.sum(1, keepdim=True)
    voted = total[:, 0] > 0
    if not bool(voted.any()):
        raise TargetError("train.annotator_dropout: the training rows have no votes; set it to 0")
    counted = targets.votes[voted] / total[voted]
    if not torch.allclose(counted, targets.soft[voted], atol=1e-4):
        raise TargetError(
            "train.annotator_dropout: the soft labels are not shares of first choices (labels: "
            "hard, or votes counted otherwise); set it to 0, or count them with `medusa manifest "
            "relabel --soft primary`"
        )


def training_rows(examples: Examples, config: Config) -> tuple[Rows, Targets]:
    """Return the rows that train a head and their targets.

    Soft: every training row with a soft label, or, of these, those with a consensus. Hard: every
    one with a consensus, as one-hot.
    """
    rows, soft = examples.rows("train"), examples.soft
    if config.train.labels == "hard":
        labels = torch.from_numpy(examples.labels).clamp_min(0)
        soft = torch.nn.functional.one_hot(labels, len(examples.classes)).float()
    if config.train.labels == "hard" or config.train.rows == "consensus":
        rows = rows[examples.labels[rows] != NO_CONSENSUS]
    rows = rows[~soft[rows].isnan().any(1).numpy()]
    known = (soft, examples.ratings, examples.secondary, examples.votes)
    return rows, Targets(*known).rows(rows)
