"""Appending features: a shard is filled in memory, written whole, then committed by its record."""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from medusa.cache import index
from medusa.cache.layout import (
    INDEX,
    SHARD_FRAMES,
    checksum,
    create,
    grow,
    pack_shard,
    shard_path,
    write_durably,
)
from medusa.cache.spec import FeatureSpec
from medusa.errors import MedusaError

COMMIT_EVERY_S = 20.0  # what a kill may cost, at most


class WriteError(MedusaError):
    """Features that a store does not take."""


class StoreWriter:
    """Add utterances to a store; several writers may work on one store at the same time.

    What is committed is never rewritten: a kill at any moment costs at most the shard in memory.

    Args:
        store: the folder; made if it is not there.
        spec: what the features are; an existing store must be of the same spec.
        provenance: library versions and the like, kept beside the spec.

    Raises:
        SpecError: the folder holds features of another spec.
    """

    def __init__(
        self, store: Path, spec: FeatureSpec, provenance: dict[str, object] | None = None
    ) -> None:
        create(store, spec, provenance or {})
        self.store, self.spec = store, spec
        self.done = set(index.load(store))
        self._begin()

    def _begin(self) -> None:
        self.frames = 0
        self.values: list[list[npt.NDArray[np.floating]]] = [[] for _ in self.spec.arrays]
        self.entries: list[tuple[str, index.Entry]] = []
        self.since = time.monotonic()

    def missing(self, contents: Iterable[str]) -> list[str]:
        """Return the contents that are not in the store, in order, each once."""
        return [content for content in dict.fromkeys(contents) if content not in self.done]

    def append(
        self, content: str, values: npt.NDArray[np.floating], flags: Sequence[str] = ()
    ) -> None:
        """Add one utterance; one that is already there is left as it is.

        Args:
            content: the digest of the utterance's audio or text.
            values: (K, T, D), K the number of arrays of the spec, T at least 1.
            flags: what is unusual about it (`padded`, `truncated`, ...).

        Raises:
            WriteError: wrong shape, more than 32,768 frames, or a value that is not finite in the
                stored dtype.
        """
        if content in self.done:
            return
        stored = self._checked(content, values)
        length = stored.shape[1]
        if self.frames + length > SHARD_FRAMES:
            self.commit()
        checksums = tuple(checksum(array) for array in stored)
        # the shard's number is known when it is committed
        entry = index.Entry(-1, self.frames, length, checksums, tuple(flags))
        for array, buffer in zip(stored, self.values, strict=True):
            buffer.append(array)
        self.entries.append((content, entry))
        self.frames += length
        self.done.add(content)
        if time.monotonic() - self.since > COMMIT_EVERY_S:
            self.commit()

    def _checked(self, content: str, values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        expected = (len(self.spec.arrays), self.spec.width)
        if (
            values.ndim != 3
            or (values.shape[0], values.shape[2]) != expected
            or not values.shape[1]
        ):
            raise WriteError(
                f"{content}: features of shape {values.shape}; expected ({expected[0]} arrays, "
                f"frames, width {expected[1]})"
            )
        if values.shape[1] > SHARD_FRAMES:
            raise WriteError(
                f"{content}: {values.shape[1]} frames in one utterance; at most {SHARD_FRAMES} "
                "(about 10 minutes): give longer recordings as segments (start_s, duration_s)"
            )
        with np.errstate(over="ignore"):  # overflow becomes inf and is refused below
            stored = np.ascontiguousarray(values, dtype=self.spec.dtype)
        finite = np.isfinite(stored)
        if not finite.all():
            largest = np.abs(values).max(where=np.isfinite(values), initial=0.0)
            raise WriteError(
                f"{content}: {(~finite).sum()} values are not finite as {self.spec.dtype} "
                f"(largest finite one {largest:.3g}); use --dtype float32"
            )
        return stored

    def commit(self) -> None:
        """Write the shard in memory and make its utterances part of the store."""
        if not self.entries:
            return
        shard = self._claim()
        for name, buffer in zip(self.spec.arrays, self.values, strict=True):
            frames = np.concatenate(buffer)
            path = shard_path(self.store, name, shard)
            path.parent.mkdir(parents=True)
            padding, footer = pack_shard(frames)
            write_durably(path, frames, padding, footer)
        index.commit(self.store, shard, self.entries)
        self._begin()

    def _claim(self) -> int:
        """Take the next free shard number for this writer alone; numbers are never used twice."""
        taken = [int(path.stem) for path in (self.store / INDEX).glob("[0-9]*.claim")]
        shard = max(taken, default=-1) + 1
        while True:
            try:
                claim = self.store / INDEX / f"{shard:06d}.claim"
                os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                return shard
            except FileExistsError:
                shard += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit what is in memory, also after an error: every appended utterance is complete."""
        self.commit()
        shards = index.committed_shards(self.store)
        if shards:
            grow(self.store, self.spec, shards[-1] + 1)
            index.merge(self.store)
