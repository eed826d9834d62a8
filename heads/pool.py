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
        return torch.stack([frames.mean(0) for frames in x.split()])


class AttentionPool(nn.Module):
    """A weighted mean; the weights are the softmax of a learned score over the utterance."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_width = width
        self.score = nn.Linear(width, 1)

    def forward(self, x: Packed) -> Tensor:
        """Map (N, D) to (B, D)."""
        scores = x.like(self.score(x.values)).split()
        pairs = zip(x.split(), scores, strict=True)
        return torch.stack([(score.softmax(0) * frames).sum(0) for frames, score in pairs])


# name -> class taking the width D and telling `out_width`
POOLS: dict[str, type[MeanPool] | type[AttentionPool]] = {
    "mean": MeanPool,
    "attention": AttentionPool,
}
