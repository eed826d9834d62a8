"""The cost of training (time, waiting for data, share of the peak, memory) and a log of steps."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from medusa.atomic import write_text
from medusa.cache import Packed
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.networks.flops import peak, train_flop
from medusa.heads.networks.head import Head
from medusa.heads.networks.memory import peak_memory_gb

STEPS = "steps.jsonl"
EVERY = 10


class Meter:
    """Measure the cost of epochs.

    Args:
        head, examples, rows: the head that is trained, and its training rows.
        device: the device that computes.
    """

    def __init__(self, head: Head, examples: Examples, rows: Rows, device: torch.device) -> None:
        self.device = device
        self.clock = time.monotonic()
        # The seconds of this epoch, those of it that went into waiting for data, and the seconds
        # of the whole training over all its processes.
        self.seconds = {"epoch": 0.0, "waited": 0.0, "all": 0.0}
        # The operations of one utterance, if the peak of the device is known.
        self.flop = self._flop(head, examples, rows)

    def go_on(self, seconds: Mapping[str, float]) -> None:
        """Begin to count from the seconds that `counted` returned in an earlier process."""
        self.seconds |= seconds
        self.clock = time.monotonic()

    def counted(self) -> dict[str, float]:
        """Return the seconds counted so far."""
        now = time.monotonic()
        self.seconds["epoch"] += now - self.clock
        self.seconds["all"] += now - self.clock
        self.clock = now
        return dict(self.seconds)

    def begin_epoch(self) -> None:
        """Begin to count the seconds of an epoch."""
        self.counted()
        self.seconds |= {"epoch": 0.0, "waited": 0.0}

    def timed(self, feed: Iterator[list[Packed]]) -> Iterator[list[Packed]]:
        """Yield the batches and count the seconds that the loop waits for them."""
        while True:
            began = time.monotonic()
            with torch.profiler.record_function("waiting for data"):
                inputs = next(feed, None)
            self.seconds["waited"] += time.monotonic() - began
            if inputs is None:
                return
            yield inputs

    def epoch(self, utterances: int) -> dict[str, float | None]:
        """Return the cost fields of an epoch's line in metrics.jsonl."""
        counted = self.counted()
        seconds = max(counted["epoch"], 1e-9)
        return {
            "seconds": round(seconds, 2),
            "utterances_per_s": round(utterances / seconds, 1),
            "mfu": self._mfu(seconds, utterances),
            "data_wait_share": round(counted["waited"] / seconds, 4),
            "peak_memory_gb": round(peak_memory_gb(self.device), 3),
        }

    def _mfu(self, seconds: float, utterances: int) -> float | None:
        """Return the counted operations as a share of the device's peak."""
        most = peak(self.device)
        if self.flop is None or most is None:
            return None
        return round(utterances * self.flop / seconds / most, 4)

    def _flop(self, head: Head, examples: Examples, rows: Rows) -> float | None:
        """Return the operations per training utterance, averaged over at most 16 utterances."""
        if peak(self.device) is None:
            return None
        some = rows[np.linspace(0, len(rows) - 1, min(16, len(rows))).astype(int)]
        lengths = np.stack([packed.lengths for packed in next(examples.read_batches([some]))], 1)
        widths = [n * d for n, d in zip(examples.layers, examples.widths, strict=True)]
        total = train_flop(head, lengths.tolist(), widths)
        return None if total is None else total / len(some)


class StepLog:
    """Write steps.jsonl: losses, learning rate and gradient norm of every tenth step.

    Values stay on the device until they are written, so that no step waits for them.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / STEPS
        self.kept: list[tuple[int, float, dict[str, Tensor]]] = []

    def add(self, step: int, rate: float, parts: dict[str, Tensor]) -> None:
        """Keep the values of every tenth step."""
        if step % EVERY == 0:
            self.kept.append((step, rate, parts))

    def write(self) -> None:
        """Append the kept values to the file."""
        if not self.kept:
            return
        with self.path.open("a", encoding="utf-8") as file:
            for step, rate, parts in self.kept:
                values = {name: float(value) for name, value in parts.items()}
                file.write(json.dumps({"step": step, "lr": rate, **values}) + "\n")
        self.kept = []

    def forget_after(self, step: int) -> None:
        """Drop the lines of later steps, because those steps are run again."""
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n")]
            kept = [line for line in whole if json.loads(line)["step"] <= step]
            write_text(self.path, "".join(kept), durable=False)
