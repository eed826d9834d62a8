"""A batch is halved until its parts fit into memory."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import torch

from medusa.console import say
from medusa.errors import DeviceError, MedusaError
from medusa.extract.inputs.batches import Utterance

Result = TypeVar("Result")
Prepared = Sequence[tuple[Utterance, Any]]


class BatchSplitter(Generic[Result]):
    """Halve a batch when memory runs out, and keep later batches that small.

    Args:
        encode: turns prepared items into as many results.

    Attributes:
        limit_seconds: the padded length above which a batch is halved before it is tried.
    """

    def __init__(self, encode: Callable[[Sequence[Any]], Sequence[Result]]) -> None:
        self.encode = encode
        self.limit_seconds = math.inf

    def __call__(self, batch: Prepared) -> list[tuple[Utterance, Result | MedusaError]]:
        """Return each utterance with its result, or with the error that explains its absence."""
        if len(batch) > 1 and padded_s(batch) > self.limit_seconds:
            return self._halves(batch)
        try:
            results = self.encode([item for _, item in batch])
        except RuntimeError as problem:
            if not out_of_memory(problem):
                raise
        else:
            return [(one, result) for (one, _), result in zip(batch, results, strict=True)]
        # This comes after the except block, because a live traceback would keep the memory.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) == 1:
            return [(batch[0][0], _too_long(batch[0][0]))]
        self._shrink(batch)
        return self._halves(batch)

    def _halves(self, batch: Prepared) -> list[tuple[Utterance, Result | MedusaError]]:
        """Encode both halves of a batch, one after the other."""
        middle = (len(batch) + 1) // 2
        return [*self(batch[:middle]), *self(batch[middle:])]

    def _shrink(self, batch: Prepared) -> None:
        """Lower the limit to half of this batch, and report it."""
        self.limit_seconds = padded_s(batch) / 2
        longest = max((one for one, _ in batch), key=lambda one: one.seconds)
        say(
            f"{len(batch)} utterances do not fit into memory; the longest is {longest.label} with "
            f"{longest.seconds:.1f} s; the work goes on with "
            f"batch_seconds={self.limit_seconds:.0f}"
        )


def padded_s(batch: Prepared) -> float:
    """Return the padded seconds of a batch: its utterances times the longest of them."""
    return len(batch) * max((one.seconds for one, _ in batch), default=0.0)


def _too_long(one: Utterance) -> DeviceError:
    """Return the error for an utterance that does not fit into memory by itself."""
    return DeviceError(
        f"this utterance alone ({one.seconds:.1f} s) does not fit into memory; use a device with "
        "more memory, or cut it into shorter rows (start_s, duration_s)"
    )


def out_of_memory(problem: BaseException | None) -> bool:
    """Return whether an error means that a device, or the machine, had no memory left."""
    return isinstance(problem, torch.OutOfMemoryError) or "allocate memory" in str(problem)
