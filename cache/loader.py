"""A stream of batches from several stores: the next batch is read while one is used."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medusa.cache.packed import Packed
from medusa.cache.store import Buffers, FeatureStore, layers_of

Rows = npt.NDArray[np.integer]
PREFETCHED = 6  # this many batches are requested from the disk in advance
# Sets of reused buffers: one is in use, one is being filled, and the device may still copy two.
RING = 4


@dataclass(frozen=True)
class Stream:
    """One modality of N utterances.

    Attributes:
        store: the store with its features.
        array: the layer, or several layers joined by `+`.
        rows: (N,) index rows of the utterances, from `store.locate`.
    """

    store: FeatureStore
    array: str
    rows: Rows

    @property
    def layers(self) -> int:
        """The number of layers that lie side by side in each frame."""
        return len(layers_of(self.array))

    @classmethod
    def of(cls, store: FeatureStore, contents: Sequence[str], array: str | None = None) -> "Stream":
        """Find the utterances of these contents in a store."""
        return cls(store, store.array(array), store.locate(contents))

    def read(self, batch: Rows, buffers: Buffers | None = None) -> Packed:
        """Return the utterances whose numbers are in `batch`, (B,), packed."""
        return self.store.gather(self.rows[batch], self.array, buffers)


def load(
    streams: Sequence[Stream],
    batches: Sequence[Rows],
    pin: bool = False,
    change: Callable[[int, Packed], Packed] = lambda stream, packed: packed,
) -> Iterator[list[Packed]]:
    """Yield, for every batch of utterance numbers, one `Packed` per stream.

    The memory is reused: a batch stays valid until the second one after it is requested.

    Args:
        streams: M modalities of the same N utterances.
        batches: arrays of utterance numbers, from 0 to N - 1.
        pin: whether to fill page-locked memory, from which a GPU copies faster.
        change: a function that the reading thread applies to each modality, given its number.
    """
    rings = [[Buffers(pin) for _ in streams] for _ in range(RING)]

    def make(number: int) -> list[Packed]:
        # Every batch is requested once: the first ones together, then the one furthest ahead.
        upcoming = batches[number + PREFETCHED if number else 0 : number + 1 + PREFETCHED]
        for stream in streams if upcoming else ():
            stream.store.prefetch(stream.rows[np.concatenate(upcoming)], stream.array)
        ring = rings[number % RING]
        parts = zip(streams, ring, strict=True)
        return [change(i, stream.read(batches[number], b)) for i, (stream, b) in enumerate(parts)]

    with ThreadPoolExecutor(1) as thread:
        waiting: Future[list[Packed]] | None = None
        for number in range(len(batches) + 1):
            upcoming = thread.submit(make, number) if number < len(batches) else None
            if waiting is not None:
                yield waiting.result()
            waiting = upcoming
