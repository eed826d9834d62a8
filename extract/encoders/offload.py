"""Features from the device to the CPU: reduced on the device, copied while it works, timed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from medusa.extract.encoders.encoder import Encoded
from medusa.extract.encoders.layers import average_frames, reduced

Encode = Callable[[Sequence[Any]], list[Encoded]]
TIMER_LOCK = Lock()


class ComputeTimer:
    """The time for which the model ran: by the clock on a CPU, by events on a GPU.

    Attributes:
        concurrent: how many batches may run at the same time; each counts for its share.
    """

    def __init__(self) -> None:
        self.known_s = 0.0
        self.concurrent = 1
        self.events: list[tuple[Any, Any]] = []

    @property
    def seconds(self) -> float:
        """The seconds so far; on a GPU, those of the batches that have ended."""
        through = [pair for pair in self.events if pair[1].query()]
        self.known_s += sum(start.elapsed_time(end) / 1000 for start, end in through)
        self.events = [pair for pair in self.events if pair not in through]
        return self.known_s

    def run(self, work: Callable[[], list[Encoded]], cuda: bool) -> list[Encoded]:
        """Encode one batch and add its time; on a GPU the work may still go on after this."""
        if not cuda:
            began = time.perf_counter()
            encoded = work()
            took = time.perf_counter() - began
            with TIMER_LOCK:
                self.known_s += took / self.concurrent
            return encoded
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        encoded = work()
        end.record()
        self.events.append((start, end))
        return [replace(one, ready=end.synchronize) for one in encoded]


def reduce_and_offload(
    encode: Encode, reduce: str, device: str, timer: ComputeTimer, frames: int = 1
) -> Encode:
    """Return `encode` with its features reduced in float32 and copied to the CPU.

    On a GPU the copies are under way when it returns: call an `Encoded`'s `ready` before use.

    Args:
        encode: items to features (K, T, D) on the device.
        reduce: as in `FeatureSpec`.
        device: of the model.
        timer: the timer to which the time is added.
        frames: how many consecutive frames are averaged into one.
    """
    cuda = device.startswith("cuda")

    def encode_on_device(items: Sequence[Any]) -> list[Encoded]:
        # The values are rounded to the stored dtype only after they were reduced in float32.
        return [
            replace(
                one,
                values=_copied(average_frames(reduced(one.values.float(), reduce), frames), cuda),
            )
            for one in encode(items)
        ]

    return lambda items: timer.run(lambda: encode_on_device(items), cuda)


def _copied(values: Tensor, cuda: bool) -> Tensor:
    if not cuda:
        return values.cpu()
    pinned = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    return pinned.copy_(values, non_blocking=True)
