"""Training within the memory there is."""

import re
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recomputed

from medusa.cache import Packed
from medusa.errors import MedusaError
from medusa.heads.fusion import Head


class TooLarge(MedusaError):
    """One utterance for which the device has no room.

    Args:
        inputs: M packed modalities of the batch.
        device: where.
        problem: what was raised there.
    """

    def __init__(self, inputs: Sequence[Packed], device: torch.device, problem: Exception) -> None:
        longest = max(int(one.lengths.max()) for one in inputs)
        super().__init__(
            f"out of memory with one utterance on {device} at once (the longest of the batch has "
            f"{longest} frames); use a narrower head (--set head.width) or average frames (--set "
            f"head.stride): {problem}"
        )


def embed(head: Head, inputs: Sequence[Packed], micro: int) -> Tensor:
    """Return x (B, D) as `head.embed`, with the activations of `micro` utterances at a time.

    The others' are computed again in the backward pass, with the same dropout, so that MixUp and
    losses over the whole batch are exact.
    """
    count = len(inputs[0])
    if micro >= count:
        return head.embed(inputs)
    apart = [one.split() for one in inputs]
    parts = [
        [Packed.of(utterances[start : start + micro]) for utterances in apart]
        for start in range(0, count, micro)
    ]
    return torch.cat([recomputed(head.embed, part, use_reentrant=False) for part in parts])


def answers(head: Head, inputs: Sequence[Packed], most: int) -> tuple[Tensor, Tensor, int]:
    """Return logits (B, C) and attributes (B, 3), with so many utterances on the device at once.

    Returns:
        The two, and `most`, halved as often as memory ran out.

    Raises:
        TooLarge: there is no room for one.
    """
    apart, count = [one.split() for one in inputs], len(inputs[0])
    while True:
        starts = range(0, count, most) if most < count else ()
        parts = [[Packed.of(one[start : start + most]) for one in apart] for start in starts]
        parts = parts or [list(inputs)]
        try:
            logits, attributes = zip(*(head(part) for part in parts), strict=True)
            return torch.cat(logits), torch.cat(attributes), most
        except torch.OutOfMemoryError as problem:
            device = inputs[0].values.device
            if most == 1:
                raise TooLarge(inputs, device, problem) from problem
            most = max(1, min(most, count) // 2)
        if device.type == "cuda":
            torch.cuda.empty_cache()


def peak_memory_gb(device: torch.device) -> float:
    """Return the most memory this process has held: of the GPU, else of the machine."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    status = Path("/proc/self/status")
    if status.exists():  # on Linux getrusage would also count the process that started this one
        highest = re.search(r"VmHWM:\s+(\d+)", status.read_text(encoding="utf-8"))
        if highest:
            return int(highest[1]) * 1024 / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9
