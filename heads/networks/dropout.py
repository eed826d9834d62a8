"""Dropout that costs little on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEVELS = 2**16


class Dropout(nn.Module):
    """Zero each value with probability p and scale the others by 1 / (1 - p), in training only.

    On a CPU torch draws a float for every value, which takes a fifth of a training step. This
    module draws 16 random bits for every value, so p is rounded to a multiple of 1/65,536.

    Args:
        p: the probability that a value is zeroed.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to the same shape."""
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu" or torch.compiler.is_compiling():  # Torch fuses it there.
            return F.dropout(x, self.p)
        dropped = round(self.p * LEVELS)
        # An int64 holds four draws. Without bounds, random_ would leave the sign bit zero.
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        draws = words.view(torch.int16)[: x.numel()].view(x.shape)
        keep = draws >= dropped - LEVELS // 2
        # The mask is a float: torch multiplies booleans more slowly, also in the gradient.
        scale = keep.to(torch.float32).mul_(LEVELS / (LEVELS - dropped))
        return (x * scale).to(x.dtype)
