"""Per-channel standardisation, fitted on the training split and kept with the weights."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from medusa.cache import Packed


class Standardise(nn.Module):
    """Subtract each channel's mean and divide by its standard deviation.

    Args:
        width: D.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))

    def fit(self, batches: Iterable[Packed]) -> None:
        """Fit mean and deviation on all frames. A constant channel is not divided."""
        count, total, squares = 0, torch.zeros(1), torch.zeros(1)
        for batch in batches:
            frames = batch.to("cpu", torch.float64).values
            count += len(frames)
            total = total + frames.sum(0)
            squares = squares + frames.square().sum(0)
        mean = total / count
        std = (squares / count - mean.square()).clamp_min(0).sqrt()
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > 1e-8, std, torch.ones_like(std)))

    def forward(self, x: Packed) -> Packed:
        """Map (N, D) to (N, D)."""
        return x.like((x.values - self.mean) / self.std)
