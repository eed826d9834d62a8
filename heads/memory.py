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
from medusa.heads.fusion import Head


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
