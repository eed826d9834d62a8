"""Dropout that costs little on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEVELS = 2**16


class Dropout(nn.Module):
    """Zero each value with probability p and scale the others by 1 / (1 - p), in training only.

    On a CPU torch draws a float for every value, a fifth of a training step; here 16 random bits
    decide, so p is rounded to 1/65,536.

    Args:
        p: the probability.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to the same shape."""
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu" or torch.compiler.is_compiling():  # there it is fused
            return F.dropout(x, self.p)
        dropped = round(self.p * LEVELS)
        # an int64 holds four draws; random_ without bounds would leave its sign bit zero
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        draws = words.view(torch.int16)[: x.numel()].view(x.shape)
        keep = draws >= dropped - LEVELS // 2
        # as floats: products with truth values take torch longer, here and in the gradient
        scale = keep.to(torch.float32).mul_(LEVELS / (LEVELS - dropped))
        return (x * scale).to(x.dtype)
