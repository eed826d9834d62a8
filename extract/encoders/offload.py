"""From the device to the host: reduced there, copied while the device goes on, and timed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from medusa.extract.encoders.encoder import Encoded
from medusa.extract.encoders.layers import averaged, reduced

Encode = Callable[[Sequence[Any]], list[Encoded]]
ADDING = Lock()


class Busy:
    """How long the model itself was running: by the clock on a CPU, by events on a GPU.

    Attributes:
        at_once: how many batches may run at the same time; each counts for its share.
    """

    def __init__(self) -> None:
        self.known_s = 0.0
        self.at_once = 1
        self.events: list[tuple[Any, Any]] = []

    @property
    def seconds(self) -> float:
        """Seconds so far; of a GPU, of the batches that are through."""
        through = [pair for pair in self.events if pair[1].query()]
        self.known_s += sum(start.elapsed_time(end) / 1000 for start, end in through)
        self.events = [pair for pair in self.events if pair not in through]
        return self.known_s

    def run(self, work: Callable[[], list[Encoded]], cuda: bool) -> list[Encoded]:
        """Do one batch's work and add its time; on a GPU it may still be under way."""
        if not cuda:
            began = time.perf_counter()
            found = work()
            took = time.perf_counter() - began
            with ADDING:
                self.known_s += took / self.at_once
            return found
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        found = work()
        end.record()
        self.events.append((start, end))
        return [replace(one, ready=end.synchronize) for one in found]


def to_host(encode: Encode, reduce: str, device: str, busy: Busy, pool: int = 1) -> Encode:
    """Return `encode` with its features reduced in float32 and on the host.

    On a GPU the copies are under way when it returns: call an `Encoded`'s `ready` before use.

    Args:
        encode: items to features (K, T, D) on the device.
        reduce: as in `FeatureSpec`.
        device: of the model.
        busy: where the time is added.
        pool: frames averaged into one.
    """
    cuda = device.startswith("cuda")

    def run(items: Sequence[Any]) -> list[Encoded]:
        # reduced in float32; rounded to the stored dtype only after that
        return [
            replace(one, values=_copied(averaged(reduced(one.values.float(), reduce), pool), cuda))
            for one in encode(items)
        ]

    return lambda items: busy.run(lambda: run(items), cuda)


def _copied(values: Tensor, cuda: bool) -> Tensor:
    if not cuda:
        return values.cpu()
    there = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    return there.copy_(values, non_blocking=True)
