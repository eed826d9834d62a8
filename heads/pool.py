"""Many frames to one vector, utterance by utterance."""

import torch
from torch import Tensor, nn

from medusa.cache import Packed


class MeanPool(nn.Module):
    """The mean over an utterance's own frames (published code)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_width = width

    def forward(self, x: Packed) -> Tensor:
        """Map (N, D) to (B, D)."""
        return segment_mean(x)


class AttentionPool(nn.Module):
    """A weighted mean; the weights are the softmax of a learned score over the utterance."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_width = width
        self.score = nn.Linear(width, 1)

    def forward(self, x: Packed) -> Tensor:
        """Map (N, D) to (B, D)."""
        weights = segment_softmax(x.like(self.score(x.values)))
        lengths = x.lengths.to(x.values.device)
        return segment_mean(x.like(weights * x.values)) * lengths[:, None]


class StatisticsPool(nn.Module):
    """The weighted mean and standard deviation, weighted as in `AttentionPool`, side by side.

    Source: attentive statistics pooling, Okabe et al. 2018, with a linear score.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_width = 2 * width
        self.score = nn.Linear(width, 1)

    def forward(self, x: Packed) -> Tensor:
        """Map (N, D) to (B, 2 D)."""
        values = x.values.float()
        weights = segment_softmax(x.like(self.score(x.values)))
        lengths = x.lengths.to(values.device)[:, None]
        mean = segment_mean(x.like(weights * values)) * lengths
        apart = values - mean[x.owners.to(values.device)]
        variance = segment_mean(x.like(weights * apart.square())) * lengths
        return torch.cat([mean, variance.clamp_min(1e-8).sqrt()], dim=1)


def segment_mean(x: Packed) -> Tensor:
    """Average (N, D) over each utterance: (B, D)."""
    lengths = x.lengths.to(x.values.device)
    return torch.segment_reduce(x.values.float(), "mean", lengths=lengths, axis=0)


def segment_softmax(scores: Packed) -> Tensor:
    """Return the softmax of (N, 1) scores over each utterance."""
    owners = scores.owners.to(scores.values.device)
    lengths = scores.lengths.to(scores.values.device)
    values = scores.values.float()
    highest = torch.segment_reduce(values.detach(), "max", lengths=lengths, axis=0)
    odds = (values - highest[owners]).exp()
    return odds / torch.segment_reduce(odds, "sum", lengths=lengths, axis=0)[owners]


# name -> class taking the width D and telling `out_width`
POOLS: dict[str, type[MeanPool] | type[AttentionPool] | type[StatisticsPool]] = {
    "mean": MeanPool,
    "attention": AttentionPool,
    "statistics": StatisticsPool,
}
