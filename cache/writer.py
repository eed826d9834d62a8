"""Appending features: a shard is filled in memory, written, and then committed by its record."""

import errno
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from medusa.bucket_path import located
from medusa.cache import index
from medusa.cache.layout import (
    SHARD_FRAMES,
    checksum,
    create,
    grow,
    shard_path,
    shard_tail,
    stored_arrays,
    write_durably,
)
from medusa.cache.spec import FeatureSpec
from medusa.errors import MedusaError, WriteError

CLAMPED = float(np.finfo(np.float16).max)  # the value that replaces an infinite one in int8
COMMIT_EVERY_S = 20.0  # a kill loses at most the work of this time
Frames = npt.NDArray[np.generic]


class StoreWriter:
    """Add utterances to a store; several writers may work on one store at the same time.

    A committed shard is never rewritten: a kill at any moment loses at most the shard in memory.

    Args:
        store: the folder, which is made if it does not exist.
        spec: the spec of the features; an existing store must have the same one.
        provenance: library versions and the like, which are stored beside the spec.
        non_finite: the treatment of a value that is not finite in the stored dtype. `refuse`
            refuses the utterance. `clamp` replaces the value by the largest finite one (for int8
            that of float16; NaN by 0) and flags the utterance `clamped`.

    Raises:
        StoreError: the folder holds features of another spec.
    """

    def __init__(
        self,
        store: Path | str,
        spec: FeatureSpec,
        provenance: dict[str, object] | None = None,
        non_finite: str = "refuse",
    ) -> None:
        store = located(store)
        create(store, spec, provenance or {})
        self.store, self.spec, self.non_finite = store, spec, non_finite
        self.done = set(index.load(store).rows)
        # One buffer is filled again and again: separate pieces of a shard would fragment memory.
        dtype = np.dtype("float32" if spec.dtype == "int8" else spec.dtype)
        self.values = [np.empty((SHARD_FRAMES, spec.width), dtype) for _ in spec.arrays]
        self._begin_shard()

    def _begin_shard(self) -> None:
        """Begin an empty shard in memory."""
        self.filled = 0
        self.records: list[index.Record] = []
        self.since = time.monotonic()

    def missing(self, contents: Iterable[str]) -> list[str]:
        """Return the contents that the store lacks, in the given order and without doubles."""
        return [content for content in dict.fromkeys(contents) if content not in self.done]

    def append(
        self, content: str, values: npt.NDArray[np.floating], flags: Sequence[str] = ()
    ) -> None:
        """Add one utterance, unless the store already has it.

        Args:
            content: the digest of the utterance's audio or text.
            values: (K, T, D), where K is the number of arrays of the spec and T is at least 1.
            flags: words for everything unusual about it (`padded`, `truncated`, ...).

        Raises:
            WriteError: the shape is wrong, T is above 32,768, or a value is not finite in the
                stored dtype.
            MedusaError: the disk is full.
        """
        if content in self.done:
            return
        self._check_shape(content, values)
        kept, clamped = finite_values(content, values, self.spec.dtype, self.non_finite)
        length = kept.shape[1]
        if self.filled + length > SHARD_FRAMES:
            self.commit()
        all_flags = (*flags, *(["clamped"] if clamped else []))
        error = rounding(values, kept)
        self.records.append(index.Record(content, self.filled, length, (), all_flags, error))
        for array, buffer in zip(kept, self.values, strict=True):
            buffer[self.filled : self.filled + length] = array
        self.filled += length
        self.done.add(content)
        if time.monotonic() - self.since > COMMIT_EVERY_S:
            self.commit()

    def _check_shape(self, content: str, values: npt.NDArray[np.floating]) -> None:
        arrays, width = len(self.spec.arrays), self.spec.width
        if values.ndim != 3 or values.shape != (arrays, max(values.shape[1], 1), width):
            raise WriteError(
                f"{content}: the features have shape {values.shape}; expected ({arrays} arrays, "
                f"1 or more frames, width {width})"
            )
        if values.shape[1] > SHARD_FRAMES:
            raise WriteError(
                f"{content}: the utterance has {values.shape[1]} frames; expected at most "
                f"{SHARD_FRAMES} (about 10 minutes); cut it into segments (start_s, duration_s)"
            )

    def commit(self) -> None:
        """Write the shard in memory and make its utterances part of the store.

        Raises:
            MedusaError: the disk is full; all earlier commits are safe.
        """
        if not self.records:
            return
        frames: list[Frames] = [buffer[: self.filled] for buffer in self.values]
        records = self.records
        # The buffers keep their values until the next append. After a failure, the lost shard is
        # extracted again instead of being written twice.
        self._begin_shard()
        try:
            stored, seal = self._to_stored_dtype(frames)
            shard = index.claim(self.store)
            self._write(shard, stored)
            sealed = [self._seal(record, frames, stored, seal) for record in records]
            index.write_record(self.store, shard, sealed)
        except OSError as problem:
            self.done -= {record.content for record in records}
            room = "the disk is full" if problem.errno == errno.ENOSPC else str(problem)
            raise MedusaError(
                f"{self.store}: {room}; {len(records)} utterances were not written, and all "
                "earlier ones are safe; make room and run the same command again"
            ) from problem

    def _to_stored_dtype(self, frames: list[Frames]) -> tuple[list[Frames], list[int]]:
        """Return the arrays for the disk, and for int8 the checksum of the channel scales."""
        if self.spec.dtype != "int8":
            return frames, []
        from medusa.cache.quantise import CHANNELS, agree_on_channels, channels, quantise

        floats = [array.astype(np.float32, copy=False) for array in frames]
        names = self.spec.arrays
        mine = {name: channels(array) for name, array in zip(names, floats, strict=True)}
        for array in floats:  # these are the writer's own buffers
            np.nan_to_num(array, copy=False, posinf=CLAMPED, neginf=-CLAMPED)
        agreed = agree_on_channels(self.store, self.spec, mine)
        pairs = [quantise(a, agreed[name]) for name, a in zip(names, floats, strict=True)]
        seal = checksum((self.store / CHANNELS).read_bytes())
        return [values for values, _ in pairs] + [scales for _, scales in pairs], [seal]

    def _write(self, shard: int, stored: list[Frames]) -> None:
        """Write the shard file of every stored array."""
        for array, rows in zip(stored_arrays(self.spec), stored, strict=True):
            path = shard_path(self.store, array.name, shard)
            path.parent.mkdir(parents=True)
            write_durably(path, rows, *shard_tail(len(rows), array.row_bytes))

    def _seal(
        self, record: index.Record, frames: list[Frames], stored: list[Frames], seal: list[int]
    ) -> index.Record:
        """Return the record of an utterance with its checksums, and for int8 with its error."""
        rows = slice(record.start, record.start + record.length)
        checksums = [checksum(array[rows]) for array in stored] + seal
        error = record.error
        if self.spec.dtype == "int8":
            error = int8_error(self.store, self.spec, [a[rows] for a in frames + stored])
        return replace(record, crc32c=checksums, error=error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commit the shard in memory, after an error, too: every appended utterance is complete."""
        self.commit()
        finish(self.store, self.spec)


def finite_values(
    content: str, values: npt.NDArray[np.floating], stored: str, non_finite: str = "refuse"
) -> tuple[npt.NDArray[np.floating], bool]:
    """Return values in the dtype in which they are stored, and whether any of them was clamped.

    Args:
        content: the name of the utterance, for errors.
        values: the features of one utterance, of any shape.
        stored: the dtype of the specification. Values for int8 are returned as float32.
        non_finite: the argument of `StoreWriter`.

    Raises:
        WriteError: a value is not finite in the dtype, and `non_finite` is `refuse`.
    """
    dtype = np.dtype("float32" if stored == "int8" else stored)
    with np.errstate(over="ignore"):  # an overflow becomes inf, which is searched for below
        kept = np.ascontiguousarray(values, dtype)
    finite = np.isfinite(kept)
    if finite.all():
        return kept, False
    if non_finite == "clamp":
        # int8 first measures its channels on the shard, and ignores values that are not finite.
        return kept if stored == "int8" else np.nan_to_num(kept), True
    largest = np.abs(values).max(where=np.isfinite(values), initial=0.0)
    raise WriteError(
        f"{content}: {(~finite).sum()} values are not finite as {dtype} "
        f"(the largest finite one is {largest:.3g}); extract with "
        "--set dtype=float32 or --set non_finite=clamp"
    )


def finish(store: Path, spec: FeatureSpec) -> None:
    """Make all shards visible to readers of Zarr, and merge the records so that they open fast."""
    shards = index.committed(store)
    if shards:
        grow(store, spec, max(shards) + 1)
        index.merge(store)


def rounding(given: npt.NDArray[np.floating], kept: npt.NDArray[np.floating]) -> float:
    """Return the root mean square of kept - given, in standard deviations of the given values."""
    if given.dtype == kept.dtype:
        return 0.0
    with np.errstate(all="ignore"):  # the deviation of a clamped utterance is not finite
        difference = kept.astype(np.float32) - given.astype(np.float32)
        spread = float(given.astype(np.float32).std())
        error = float(np.sqrt(np.square(difference).mean())) / (spread or 1.0)
    return error if np.isfinite(error) else 0.0


def int8_error(store: Path, spec: FeatureSpec, rows: list[Frames]) -> float:
    """Return the rounding error of one utterance's int8 values, in channel deviations.

    Args:
        store, spec: the store and its spec.
        rows: the utterance's K float arrays, its K int8 arrays and its K arrays of scales.
    """
    from medusa.cache.quantise import dequantise, read_channels

    agreed, count = read_channels(store, spec), len(spec.arrays)
    squares = []
    for k, name in enumerate(spec.arrays):
        wide = dequantise(rows[count + k], rows[2 * count + k], agreed[name])  # type: ignore[arg-type]
        squares.append(np.square((wide - rows[k]) / agreed[name][1]).mean())  # type: ignore[operator]
    return float(np.sqrt(np.mean(squares)))
