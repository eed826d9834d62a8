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
POOLS: dict[str, type[MeanPool] | type[AttentionPool]] = {
    "mean": MeanPool,
    "attention": AttentionPool,
}
