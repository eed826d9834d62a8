"""The time for which a model runs, measured by the clock on a CPU and by events on a GPU."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import torch

LOCK = Lock()  # all timers share it, because a timer with a lock cannot be sent to a process


class ComputeTimer:
    """Add up the seconds from `start` to `stop`, also of several batches at the same time.

    Attributes:
        concurrent: the number of batches that may run at the same time; each counts for its share.
    """

    def __init__(self, device: str = "cpu", known_s: float = 0.0) -> None:
        self.cuda, self.known_s = device.startswith("cuda"), known_s
        self.concurrent = 1
        self.events: list[tuple[Any, Any]] = []

    @property
    def seconds(self) -> float:
        """The seconds so far; on a GPU, only batches that have ended count."""
        ended = [pair for pair in self.events if pair[1].query()]
        self.known_s += sum(start.elapsed_time(end) / 1000 for start, end in ended)
        self.events = [pair for pair in self.events if pair not in ended]
        return self.known_s

    def start(self) -> Any:
        """Begin a batch; the value returned is the argument of `stop`."""
        return _event() if self.cuda else time.perf_counter()

    def stop(self, started: Any) -> Callable[[], None]:
        """End a batch; the function returned waits until a GPU has finished it."""
        if self.cuda:
            end = _event()
            self.events.append((started, end))
            wait: Callable[[], None] = end.synchronize
            return wait
        with LOCK:
            self.known_s += (time.perf_counter() - started) / self.concurrent
        return lambda: None


def _event() -> Any:
    """Record an event of the GPU's clock."""
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event
