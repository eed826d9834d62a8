"""Training and prediction within the available memory."""

import re
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recomputed

from medusa.cache import Packed
from medusa.errors import DeviceError
from medusa.heads.networks.head import Head


def embed_in_parts(head: Head, inputs: Sequence[Packed], micro: int) -> Tensor:
    """Return x (B, D) like `head.embed`, but keep the activations of `micro` utterances at a time.

    The other activations are recomputed in the backward pass with the same dropout. MixUp and
    losses over the whole batch are therefore exact.
    """
    if micro >= len(inputs[0]):
        return head.embed(inputs)
    parts = _parts(inputs, micro)
    return torch.cat([recomputed(head.embed, part, use_reentrant=False) for part in parts])


def predict_in_parts(head: Head, inputs: Sequence[Packed], most: int) -> tuple[Tensor, Tensor, int]:
    """Return logits (B, C) and attributes (B, 3) with at most `most` utterances on the device.

    Returns:
        The logits, the attributes, and `most` halved as often as memory ran out.

    Raises:
        DeviceError: a single utterance does not fit.
    """
    while True:
        try:
            parts = [inputs] if most >= len(inputs[0]) else _parts(inputs, most)
            logits, attributes = zip(*(head(part) for part in parts), strict=True)
            return torch.cat(logits), torch.cat(attributes), most
        except torch.OutOfMemoryError as problem:
            most = halved(most, inputs, problem)


def halved(micro: int, inputs: Sequence[Packed], problem: Exception) -> int:
    """Return half of how many utterances were on the device at once when memory ran out.

    Raises:
        DeviceError: a single utterance was on the device.
    """
    if micro == 1:
        raise _too_large(inputs, problem) from problem
    if inputs[0].values.is_cuda:
        torch.cuda.empty_cache()
    return -(-min(micro, len(inputs[0])) // 2)


def _too_large(inputs: Sequence[Packed], problem: Exception) -> DeviceError:
    """Return the error for one utterance that does not fit into the device's memory."""
    longest = max(int(one.lengths.max()) for one in inputs)
    return DeviceError(
        f"out of memory with one utterance on {inputs[0].values.device} at once (the longest "
        f"of the batch has {longest} frames); use a narrower head (--set head.width) or "
        f"average frames (--set head.average_frames): {problem}"
    )


def _parts(inputs: Sequence[Packed], micro: int) -> list[list[Packed]]:
    """Cut a batch into parts of `micro` utterances."""
    apart = [one.split() for one in inputs]
    starts = range(0, len(inputs[0]), micro)
    return [[Packed.of(one[start : start + micro]) for one in apart] for start in starts]


def peak_memory_gb(device: torch.device) -> float:
    """Return the peak memory of this process in GB: on the GPU if there is one, else in RAM."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    status = Path("/proc/self/status")
    if status.exists():  # On Linux getrusage would also count the parent process.
        highest = re.search(r"VmHWM:\s+(\d+)", status.read_text(encoding="utf-8"))
        if highest:
            return int(highest[1]) * 1024 / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9
