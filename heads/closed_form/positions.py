"""The weights of positional pooling in closed form: large where classes are easily separated."""

from collections.abc import Sequence
from itertools import chain, combinations

import torch
from torch import Tensor

from medusa.cache import Packed
from medusa.heads.closed_form.moments import ROUNDING
from medusa.heads.networks.pooling import KNOTS, near_knots
from medusa.heads.networks.segments import segment_mean

RIDGE = 0.01  # A share of the average variance is added, for knots with frames in few utterances.
LEAST = 1e-3  # Every weight is at least this share of the largest weight.


class Positions:
    """Sums over utterances of each knot's contribution to an utterance's average scores.

    Args:
        scores: (S, D) the S linear scores of a modality. They come from a discriminant that was
            fitted on other utterances, since it may separate its own utterances completely.
        classes: C.
        where: the device of the sums, which are in double precision.
    """

    def __init__(self, scores: Tensor, classes: int, where: torch.device) -> None:
        self.scores, self.where = scores, where
        self.counts = torch.zeros(classes, dtype=torch.float64, device=where)
        self.sums = self.counts.new_zeros(classes, KNOTS, len(scores))
        self.squares = self.counts.new_zeros(KNOTS, KNOTS)

    def add(self, x: Packed, labels: Tensor) -> None:
        """Add utterances to the sums.

        Args:
            x: the modality, (N, D).
            labels: (B,) the class numbers.
        """
        labels = labels.to(self.where)
        z = at_knots(x, self.scores).to(self.where).double()
        self.counts += torch.bincount(labels, minlength=len(self.counts))
        self.sums.index_add_(0, labels, z)
        self.squares += torch.einsum("bks,bls->kl", z, z)

    def covariances(self) -> tuple[Tensor, Tensor]:
        """Return the covariances of the knots between classes of equal weight and within classes.

        Both are (KNOTS, KNOTS) and are summed over the scores. If a knot never varies, its diagonal
        entry within classes is 0.
        """
        means, total = self.sums / self.counts[:, None, None], self.counts.sum()
        within = self.squares - torch.einsum("c,cks,cls->kl", self.counts, means, means)
        varies = within.diagonal() > ROUNDING * self.squares.diagonal()
        apart = means - means.mean(0)
        return torch.einsum("cks,cls->kl", apart, apart), within * varies / total


def best_positions(parts: Sequence[Positions]) -> Tensor:
    """Return the logarithms (KNOTS,) of the weights that separate the classes best.

    The weights w >= 0 maximise w' B w / w' W w (Fisher 1936). B and W are the covariances between
    and within classes, summed over the parts. If a knot never varies, all weights are equal. This
    happens for constants and for streams of single frames.
    """
    both = [torch.stack(one.covariances()) for one in parts]
    between, within = torch.stack(both).sum(0)
    if not (within.diagonal() > 0).all():
        return torch.zeros(KNOTS)
    within = within + RIDGE * within.diagonal().mean() * torch.eye(KNOTS, device=within.device)
    found = _largest_ratio(between.cpu(), within.cpu())
    return (found / found.max()).clamp_min(LEAST).log()


def _largest_ratio(between: Tensor, within: Tensor) -> Tensor:
    """Return the w >= 0 that maximises w' B w / w' W w.

    Restricted to the knots where w is above zero, w also maximises the ratio without bounds, since
    the ratio has no other maximum. Therefore every subset of knots is tried.
    """
    from scipy.linalg import eigh

    best, ratio = torch.ones(KNOTS, dtype=torch.float64), -1.0
    choices = chain(*(combinations(range(KNOTS), size) for size in range(1, KNOTS + 1)))
    for chosen in map(list, choices):
        values, vectors = eigh(between[chosen][:, chosen], within[chosen][:, chosen])
        weights = torch.from_numpy(vectors[:, -1])
        weights = weights * weights.sum().sign()
        if (weights > 0).all() and values[-1] > ratio:
            best, ratio = torch.zeros(KNOTS, dtype=torch.float64), float(values[-1])
            best[chosen] = weights
    return best


def at_knots(x: Packed, scores: Tensor) -> Tensor:
    """Return each knot's contribution (B, KNOTS, S) to the average of S scores (S, D)."""
    frame_scores = x.values.float() @ scores.T
    parts = near_knots(x)[:, :, None] * frame_scores[:, None, :]
    return segment_mean(x.like(parts.flatten(1))).view(len(x), KNOTS, len(scores))
