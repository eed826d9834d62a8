"""Encoding a batch in as many pieces as memory allows."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from medusa.console import say
from medusa.errors import MedusaError
from medusa.extract.encoder import Encoded, Encoder
from medusa.extract.plan import Utterance

Prepared = Sequence[tuple[Utterance, Any]]
Answer = tuple[Utterance, Encoded | MedusaError]


class MemoryShort(MedusaError):
    """An utterance that does not fit into memory even alone."""


class Fitting:
    """An encoder that halves a batch when memory runs out, and keeps later ones that small.

    Attributes:
        limit_s: the padded length above which a batch is halved before it is tried.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.limit_s = math.inf

    def __call__(self, batch: Prepared) -> list[Answer]:
        """Return each utterance with its features, or with the reason why there are none."""
        if len(batch) > 1 and padded_s(batch) > self.limit_s:
            return self._halves(batch)
        try:
            encoded: Sequence[Encoded] = self.encoder.encode([item for _, item in batch])
        except RuntimeError as problem:
            if not _out_of_memory(problem):
                raise
        else:
            return [(one, values) for (one, _), values in zip(batch, encoded, strict=True)]
        # outside the except block: a live traceback would keep the batch's memory
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) == 1:
            return [(batch[0][0], _too_long(batch[0][0]))]
        self._shrink(batch)
        return self._halves(batch)

    def _halves(self, batch: Prepared) -> list[Answer]:
        middle = (len(batch) + 1) // 2
        return [*self(batch[:middle]), *self(batch[middle:])]

    def _shrink(self, batch: Prepared) -> None:
        self.limit_s = padded_s(batch) / 2
        longest = max((one for one, _ in batch), key=lambda one: one.seconds)
        say(
            f"out of memory on {len(batch)} utterances, the longest {longest.place} with "
            f"{longest.seconds:.1f} s: continuing with --batch-seconds {self.limit_s:.0f}"
        )


def padded_s(batch: Prepared) -> float:
    """Return the utterances of a batch times the longest of them, in seconds."""
    return len(batch) * max((one.seconds for one, _ in batch), default=0.0)


def _too_long(one: Utterance) -> MemoryShort:
    return MemoryShort(
        f"out of memory on this utterance alone ({one.seconds:.1f} s): use a device with more "
        "memory, or give it as shorter rows (start_s, duration_s)"
    )


def _out_of_memory(problem: RuntimeError) -> bool:
    return isinstance(problem, torch.OutOfMemoryError) or "allocate memory" in str(problem)
