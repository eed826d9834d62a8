"""Where in an utterance classes are told apart: the weights of a positional pool in closed form."""

import torch
from torch import Tensor, nn

from medusa.cache import Packed
from medusa.heads.pool import KNOTS, PositionalPool, near_knots, segment_mean

RIDGE = 0.01  # of the average variance: for knots that few utterances have frames at
LEAST = 1e-3  # of the largest weight: none is below zero


class Positions:
    """Sums over utterances of what each knot adds to an utterance's average scores.

    Args:
        scores: S of a modality (S, D), linear in a frame.
        classes: C.
    """

    def __init__(self, scores: Tensor, classes: int) -> None:
        self.scores = scores
        none = torch.zeros(classes, KNOTS, len(scores), dtype=torch.float64, device=scores.device)
        self.counts, self.sums = none[:, 0, 0].clone(), none
        self.squares = none.new_zeros(KNOTS, KNOTS)

    def add(self, x: Packed, labels: Tensor) -> None:
        """Count utterances.

        Args:
            x: the modality, (N, D).
            labels: (B,) class numbers.
        """
        labels = labels.to(self.scores.device)
        z = at_knots(x, self.scores).double()
        self.counts += torch.bincount(labels, minlength=len(self.counts))
        self.sums.index_add_(0, labels, z)
        self.squares += torch.einsum("bks,bls->kl", z, z)

    def best(self) -> Tensor:
        """Return the logarithms (KNOTS,) of the weights under which classes are farthest apart.

        They are the w of the largest w' B w / w' W w (Fisher 1936), B and W the covariances of the
        knots between classes, which count alike, and within them, summed over the scores.
        """
        from scipy.linalg import eigh

        means = self.sums / self.counts[:, None, None]
        within = self.squares - torch.einsum("c,cks,cls->kl", self.counts, means, means)
        within.diagonal().add_(RIDGE * within.trace() / KNOTS)
        apart = means - means.mean(0)
        between = torch.einsum("cks,cls->kl", apart, apart)
        found = torch.from_numpy(eigh(between.cpu().numpy(), within.cpu().numpy())[1][:, -1])
        found = found * found.sum().sign()
        return (found / found.max()).clamp_min(LEAST).log()


def weights_of(head: nn.Module) -> list[list[float]]:
    """Return each modality's weights by position, M times KNOTS, or [] if all count alike."""
    pools = [one for one in head.modules() if isinstance(one, PositionalPool)]
    return [pool.weights.tolist() for pool in pools]


def at_knots(x: Packed, scores: Tensor) -> Tensor:
    """Return what each knot adds to an utterance's average of S scores (S, D), (B, KNOTS, S)."""
    said = x.values.float() @ scores.T
    parts = near_knots(x)[:, :, None] * said[:, None, :]
    return segment_mean(x.like(parts.flatten(1))).view(len(x), KNOTS, len(scores))
