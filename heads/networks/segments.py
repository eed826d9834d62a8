"""Statistics over the frames of each utterance, for utterances that are laid end to end."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from medusa.cache import Packed


def segment_mean(x: Packed) -> Float[Tensor, "B D"]:
    """Average (N, D) over each utterance: (B, D)."""
    return _reduce("mean", x.values.float(), x.lengths)


def segment_softmax(scores: Packed) -> Float[Tensor, "N 1"]:
    """Return the softmax of (N, 1) scores over each utterance."""
    values = scores.values.float()
    owners = scores.owners.to(values.device, non_blocking=True)
    highest = _reduce("max", values.detach(), scores.lengths)
    exp = (values - highest[owners]).exp()
    return exp / _reduce("sum", exp, scores.lengths)[owners]


def segment_deviation(x: Packed) -> Float[Tensor, "B D"]:
    """Return the standard deviation of (N, D) over each utterance: (B, D)."""
    values, owners = x.values.float(), x.owners.to(x.values.device, non_blocking=True)
    apart = values - segment_mean(x)[owners]
    return _root(segment_mean(x.like(apart.square())))


def segment_delta_mean(x: Packed) -> Float[Tensor, "B D"]:
    """Return the mean absolute difference of consecutive frames, 0 for a single frame: (B, D)."""
    deltas, _, counts = _deltas(x)
    return _reduce("sum", deltas.abs(), x.lengths) / counts


def segment_delta_deviation(x: Packed) -> Float[Tensor, "B D"]:
    """Return the deviation of the differences of consecutive frames, 0 for one frame: (B, D)."""
    deltas, inside, counts = _deltas(x)
    means = _reduce("sum", deltas, x.lengths) / counts
    apart = (deltas - means[x.owners.to(deltas.device, non_blocking=True)]) * inside
    return _root(_reduce("sum", apart.square(), x.lengths) / counts)


def segment_quantiles(x: Packed, shares: Sequence[float]) -> list[Float[Tensor, "B D"]]:
    """Return quantiles of (N, D) over each utterance, interpolated linearly between frames.

    Args:
        x: the frames.
        shares: numbers from 0 to 1; 0.5 is the median.

    Returns:
        One (B, D) for each share.
    """
    columns, order = x.values.float().T.sort(dim=1)
    owners = x.owners.to(columns.device, non_blocking=True)
    # A stable sort by utterance keeps the frames of each utterance in the order of their values.
    ordered = columns.gather(1, owners[order].argsort(dim=1, stable=True))
    last = (x.lengths - 1).to(columns.device, non_blocking=True)
    starts = x.offsets[:-1].to(columns.device, non_blocking=True)
    found = []
    for share in shares:
        at = share * last.double()
        low = at.floor().long()
        high = torch.minimum(low + 1, last)
        lower, upper = ordered[:, starts + low], ordered[:, starts + high]
        found.append((lower + (at - low).float() * (upper - lower)).T)
    return found


def _deltas(x: Packed) -> tuple[Float[Tensor, "N D"], Bool[Tensor, "N 1"], Float[Tensor, "B 1"]]:
    """Return each frame minus the frame before, and how many differences an utterance has.

    The first frame of an utterance has no frame before: its difference is 0, and it is marked
    false in the second result. The count of a single frame is 1 in place of 0.
    """
    values, owners = x.values.float(), x.owners.to(x.values.device, non_blocking=True)
    before = values.roll(1, 0)
    inside = torch.cat([owners.new_ones(1) == 0, owners[1:] == owners[:-1]])[:, None]
    deltas = torch.where(inside, values - before, torch.zeros_like(values))
    counts = (x.lengths - 1).clamp_min(1).to(values.device, non_blocking=True)[:, None]
    return deltas, inside, counts.float()


def _root(variance: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """Return the square root, whose gradient at 0 is 0 in place of infinity."""
    varies = variance > 0
    return torch.where(varies, variance, torch.ones_like(variance)).sqrt() * varies


def _reduce(
    how: str, values: Float[Tensor, "N D"], lengths: Int64[Tensor, "B"]
) -> Float[Tensor, "B D"]:
    """Reduce (N, D) to (B, D) without torch's check of the lengths, which waits for the GPU."""
    on_device = lengths.to(values.device, non_blocking=True)
    return torch.segment_reduce(values, how, lengths=on_device, axis=0, unsafe=True)
