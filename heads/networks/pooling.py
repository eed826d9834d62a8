"""Many frames to one vector, utterance by utterance."""

import torch
from torch import Tensor, nn

from medusa.cache import Packed

KNOTS = 8  # of the weights by position
LEAST_LOG = -10.0  # of a weight, the largest being 0: no utterance is left without any


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
        lengths = x.lengths.to(x.values.device, non_blocking=True)
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
        lengths = x.lengths.to(values.device, non_blocking=True)[:, None]
        mean = segment_mean(x.like(weights * values)) * lengths
        apart = values - mean[x.owners.to(values.device, non_blocking=True)]
        variance = segment_mean(x.like(weights * apart.square())) * lengths
        return torch.cat([mean, variance.clamp_min(1e-8).sqrt()], dim=1)


class PositionalPool(nn.Module):
    """A weighted mean; the weights say where in an utterance to listen, whatever a frame holds.

    DeepSER has no positional encoding: to it and to the mean, frames come in no order. Here KNOTS
    positive weights stand in the middles of as many equal parts of the utterance, linear in
    between. They start alike, as the mean.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_width = width
        self.position = nn.Parameter(torch.zeros(KNOTS))  # logarithms of the weights

    @property
    def weights(self) -> Tensor:
        """(KNOTS,), the largest 1."""
        logs = self.position.float()
        return (logs - logs.max().detach()).clamp_min(LEAST_LOG).exp()

    def forward(self, x: Packed) -> Tensor:
        """Map (N, D) to (B, D)."""
        # no matrix product: under autocast that would be rounded
        weights = (near_knots(x) * self.weights).sum(1, keepdim=True)
        return segment_mean(x.like(weights * x.values.float())) / segment_mean(x.like(weights))


def near_knots(x: Packed) -> Tensor:
    """Return how near each frame's middle is to each knot, (N, KNOTS), rows summing to one."""
    device = x.values.device
    owners = x.owners.to(device, non_blocking=True)
    starts = x.offsets[:-1].to(device, non_blocking=True)
    lengths = x.lengths.to(device, non_blocking=True)
    frame = torch.arange(len(x.values), device=device) - starts[owners]
    at = ((frame + 0.5) / lengths[owners] * KNOTS - 0.5).clamp(0, KNOTS - 1)
    return (1 - (at[:, None] - torch.arange(KNOTS, device=device)).abs()).clamp_min(0)


def joined(pooling: str) -> str:
    """Return the pool of streams joined over time, where a position has no one meaning."""
    return "mean" if pooling == "positional" else pooling


def segment_mean(x: Packed) -> Tensor:
    """Average (N, D) over each utterance: (B, D)."""
    return _reduce("mean", x.values.float(), x.lengths)


def segment_softmax(scores: Packed) -> Tensor:
    """Return the softmax of (N, 1) scores over each utterance."""
    values = scores.values.float()
    owners = scores.owners.to(values.device, non_blocking=True)
    highest = _reduce("max", values.detach(), scores.lengths)
    exp = (values - highest[owners]).exp()
    return exp / _reduce("sum", exp, scores.lengths)[owners]


def _reduce(how: str, values: Tensor, lengths: Tensor) -> Tensor:
    """Reduce (N, D) to (B, D); torch's check of the lengths would wait for the GPU."""
    on_device = lengths.to(values.device, non_blocking=True)
    return torch.segment_reduce(values, how, lengths=on_device, axis=0, unsafe=True)


# name -> class taking the width D and telling `out_width`
POOLS: dict[str, type[MeanPool | AttentionPool | StatisticsPool | PositionalPool]] = {
    "mean": MeanPool,
    "attention": AttentionPool,
    "statistics": StatisticsPool,
    "positional": PositionalPool,
}
