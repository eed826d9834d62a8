"""Where in an utterance classes are told apart: the weights of a positional pool in closed form."""

from collections.abc import Sequence
from itertools import chain, combinations

import torch
from torch import Tensor, nn

from medusa.cache import Packed
from medusa.heads.closed_form.moments import ROUNDING
from medusa.heads.networks.pooling import KNOTS, PositionalPool, near_knots, segment_mean

RIDGE = 0.01  # of the average variance: for knots that few utterances have frames at
LEAST = 1e-3  # of the largest weight: no position is without any


class Positions:
    """Sums over utterances of what each knot adds to an utterance's average scores.

    Args:
        scores: S of a modality (S, D), linear in a frame; of a discriminant that was fitted on
            other utterances, since on its own even the plain mean may tell all apart.
        classes: C.
        where: to sum, in double precision.
    """

    def __init__(self, scores: Tensor, classes: int, where: torch.device) -> None:
        self.scores, self.where = scores, where
        self.counts = torch.zeros(classes, dtype=torch.float64, device=where)
        self.sums = self.counts.new_zeros(classes, KNOTS, len(scores))
        self.squares = self.counts.new_zeros(KNOTS, KNOTS)

    def add(self, x: Packed, labels: Tensor) -> None:
        """Count utterances.

        Args:
            x: the modality, (N, D).
            labels: (B,) class numbers.
        """
        labels = labels.to(self.where)
        z = at_knots(x, self.scores).to(self.where).double()
        self.counts += torch.bincount(labels, minlength=len(self.counts))
        self.sums.index_add_(0, labels, z)
        self.squares += torch.einsum("bks,bls->kl", z, z)

    def covariances(self) -> tuple[Tensor, Tensor]:
        """Return those of the knots between classes, which count alike, and within them.

        (KNOTS, KNOTS), summed over the scores; of knots that never vary 0 in the diagonal within.
        """
        means, total = self.sums / self.counts[:, None, None], self.counts.sum()
        within = self.squares - torch.einsum("c,cks,cls->kl", self.counts, means, means)
        varies = within.diagonal() > ROUNDING * self.squares.diagonal()
        apart = means - means.mean(0)
        return torch.einsum("cks,cls->kl", apart, apart), within * varies / total


def best_positions(parts: Sequence[Positions]) -> Tensor:
    """Return the logarithms (KNOTS,) of the weights under which classes are farthest apart.

    Of all w that are nowhere below zero the one of the largest w' B w / w' W w (Fisher 1936), B and
    W the covariances between and within classes, added up over the parts. Alike where a knot never
    varies: of a constant, and of streams of single frames.
    """
    both = [torch.stack(one.covariances()) for one in parts]
    between, within = torch.stack(both).sum(0)
    if not (within.diagonal() > 0).all():
        return torch.zeros(KNOTS)
    within = within + RIDGE * within.diagonal().mean() * torch.eye(KNOTS, device=within.device)
    found = _largest_ratio(between.cpu(), within.cpu())
    return (found / found.max()).clamp_min(LEAST).log()


def _largest_ratio(between: Tensor, within: Tensor) -> Tensor:
    """Return the w >= 0 of the largest w' B w / w' W w.

    Among the knots where it is above zero it is the largest without bounds, too, since the ratio
    has no other maximum: so every choice of knots is tried.
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


def weights_of(head: nn.Module) -> list[list[float]]:
    """Return each modality's weights by position, M times KNOTS; [] of other pools."""
    pools = [one for one in head.modules() if isinstance(one, PositionalPool)]
    return [pool.weights.tolist() for pool in pools]


def at_knots(x: Packed, scores: Tensor) -> Tensor:
    """Return what each knot adds to an utterance's average of S scores (S, D), (B, KNOTS, S)."""
    frame_scores = x.values.float() @ scores.T
    parts = near_knots(x)[:, :, None] * frame_scores[:, None, :]
    return segment_mean(x.like(parts.flatten(1))).view(len(x), KNOTS, len(scores))
