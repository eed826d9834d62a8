"""Pooling of each utterance's frames into one vector."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.cache import Packed
from medusa.heads.config import HeadConfig
from medusa.heads.networks.segments import (
    segment_delta_deviation,
    segment_delta_mean,
    segment_deviation,
    segment_mean,
    segment_quantiles,
    segment_softmax,
)

KNOTS = 8  # The weights by position have this many knots.
LEAST_LOG = -10.0  # The smallest log weight; the largest is 0. So every utterance has some weight.


class Pooling(nn.Module):
    """Map the frames (N, D) of B utterances to one vector each, (B, out_width).

    A subclass is built from the width D, and it is an entry of `POOLS`.

    Attributes:
        out_width: the width of the vectors, which `__init__` sets.
        needs_training: whether it is of use only with trained parameters.
        by_position: whether the weight of a frame depends on its position in the utterance.
    """

    needs_training: ClassVar[bool] = True
    by_position: ClassVar[bool] = False
    out_width: int

    def __init__(self, width: int) -> None:
        super().__init__()

    @classmethod
    def with_settings(cls, width: int, config: HeadConfig) -> "Pooling":
        """Build it for frames of this width. A subclass may read settings of its own."""
        return cls(width)


class MeanPool(Pooling):
    """Compute the mean over the frames of each utterance (published code)."""

    needs_training = False

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.out_width = width

    def forward(self, x: Packed) -> Float[Tensor, "B D"]:
        """Map (N, D) to (B, D)."""
        return segment_mean(x)


class AttentionPool(Pooling):
    """Compute a weighted mean whose weights are the softmax of a learned score per frame."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.out_width = width
        self.score = nn.Linear(width, 1)

    def forward(self, x: Packed) -> Float[Tensor, "B D"]:
        """Map (N, D) to (B, D)."""
        weights = segment_softmax(x.like(self.score(x.values)))
        lengths = x.lengths.to(x.values.device, non_blocking=True)
        return segment_mean(x.like(weights * x.values)) * lengths[:, None]


class StatisticsPool(Pooling):
    """Join the weighted mean and standard deviation, with the weights of `AttentionPool`.

    Source: attentive statistics pooling, Okabe et al. 2018, with a linear score.
    """

    needs_training = False  # Without training, all frames have the same weight.

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.out_width = 2 * width
        self.score: nn.Module = nn.Linear(width, 1)

    def forward(self, x: Packed) -> Float[Tensor, "B E"]:
        """Map (N, D) to (B, 2 D)."""
        values = x.values.float()
        weights = segment_softmax(x.like(self.score(x.values)))
        lengths = x.lengths.to(values.device, non_blocking=True)[:, None]
        mean = segment_mean(x.like(weights * values)) * lengths
        apart = values - mean[x.owners.to(values.device, non_blocking=True)]
        variance = segment_mean(x.like(weights * apart.square())) * lengths
        return torch.cat([mean, variance.clamp_min(1e-8).sqrt()], dim=1)


class AttentiveStatisticsPool(StatisticsPool):
    """Join the weighted mean and standard deviation, with a score of two layers, v . tanh(W x + b).

    Source: Okabe et al. 2018; the challenge baseline of 2025 has D hidden units as well.
    """

    needs_training = True  # A random W gives the frames different weights.

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.score = nn.Sequential(
            nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False)
        )


class PositionalPool(Pooling):
    """Compute a weighted mean whose weights depend on a frame's position alone, not on its values.

    DeepSER has no positional encoding, so it ignores the order of frames, like the mean. Here an
    utterance is divided into KNOTS equal parts with one positive weight at each part's middle. The
    weights of other positions are interpolated linearly. All weights are equal initially.
    """

    needs_training = False  # `closed_form.positions` computes the weights.
    by_position = True

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.out_width = width
        self.position = nn.Parameter(torch.zeros(KNOTS))  # These are the log weights.

    @property
    def weights(self) -> Float[Tensor, "K"]:
        """Return the weights (KNOTS,), of which the largest is 1."""
        logs = self.position.float()
        return (logs - logs.max().detach()).clamp_min(LEAST_LOG).exp()

    def forward(self, x: Packed) -> Float[Tensor, "B D"]:
        """Map (N, D) to (B, D)."""
        # Autocast would round a matrix product, so the weights are summed element by element.
        weights = (near_knots(x) * self.weights).sum(1, keepdim=True)
        return segment_mean(x.like(weights * x.values.float())) / segment_mean(x.like(weights))


class FunctionalsPool(Pooling):
    """Join statistics over time, as classical systems do (openSMILE, Eyben et al. 2010).

    Args:
        width: D.
        names: the F statistics: keys of `FUNCTIONALS`, or quantiles such as `q25`.
    """

    needs_training = False

    def __init__(self, width: int, names: Sequence[str] = HeadConfig().functionals) -> None:
        super().__init__(width)
        self.names = tuple(names)
        self.out_width = len(self.names) * width

    @classmethod
    def with_settings(cls, width: int, config: HeadConfig) -> "Pooling":
        return cls(width, config.functionals)

    def forward(self, x: Packed) -> Float[Tensor, "B E"]:
        """Map (N, D) to (B, F D), one statistic after the other."""
        quantiles = [name for name in self.names if name not in FUNCTIONALS]
        shares = [int(name.removeprefix("q")) / 100 for name in quantiles]
        by_name = dict(zip(quantiles, segment_quantiles(x, shares) if shares else (), strict=True))
        parts = [by_name[n] if n in by_name else FUNCTIONALS[n](x) for n in self.names]
        return torch.cat(parts, dim=1)


def near_knots(x: Packed) -> Float[Tensor, "N K"]:
    """Return each frame's interpolation weights at the knots, (N, KNOTS). Rows sum to one."""
    device = x.values.device
    owners = x.owners.to(device, non_blocking=True)
    starts = x.offsets[:-1].to(device, non_blocking=True)
    lengths = x.lengths.to(device, non_blocking=True)
    frame = torch.arange(len(x.values), device=device) - starts[owners]
    at = ((frame + 0.5) / lengths[owners] * KNOTS - 0.5).clamp(0, KNOTS - 1)
    return (1 - (at[:, None] - torch.arange(KNOTS, device=device)).abs()).clamp_min(0)


def pooling_of_joined(pooling: str) -> str:
    """Return the pooling for streams joined over time, in which positions are ambiguous."""
    return "mean" if POOLS[pooling].by_position else pooling


def position_weights(head: nn.Module) -> list[list[float]]:
    """Return each modality's weights by position, M times KNOTS, or [] for other poolings."""
    pools = [module for module in head.modules() if isinstance(module, PositionalPool)]
    return [pool.weights.tolist() for pool in pools]


# These are the poolings by name.
POOLS: dict[str, type[Pooling]] = {
    "mean": MeanPool,
    "attention": AttentionPool,
    "statistics": StatisticsPool,
    "attentive_statistics": AttentiveStatisticsPool,
    "positional": PositionalPool,
    "functionals": FunctionalsPool,
}

# These are the statistics over time by name, besides the quantiles.
FUNCTIONALS: dict[str, Callable[[Packed], Tensor]] = {
    "mean": segment_mean,
    "deviation": segment_deviation,
    "delta_mean": segment_delta_mean,
    "delta_deviation": segment_delta_deviation,
}
