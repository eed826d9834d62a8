"""Utterances exactly as they are stored, for transfer between stores and other formats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from medusa.cache.index import SCHEMA, Record
from medusa.cache.layout import StoredArray, checksum, read_provenance, stored_arrays
from medusa.cache.quantise import CHANNELS, Quantised
from medusa.cache.spec import FeatureSpec
from medusa.cache.store import FeatureStore
from medusa.errors import StoreError, listed
from medusa.strict import quoted

FORMAT = "medusa features 1"
GROUP_BYTES = 64 << 20  # the most bytes in memory, whatever the size of the store
RECORDS = pa.schema([field for field in SCHEMA if field.name not in ("shard", "start")])

Rows = npt.NDArray[np.generic]
Numbers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Header:
    """The description of a store, without its utterances.

    Attributes:
        spec, provenance: those of the store.
        channels: the bytes of the file with the channel scales of int8 features.
        utterances, frames: their numbers.
    """

    spec: FeatureSpec
    provenance: dict[str, object]
    channels: bytes | None
    utterances: int
    frames: int

    @property
    def arrays(self) -> list[StoredArray]:
        """The arrays of every group, in order."""
        return stored_arrays(self.spec)

    def to_dict(self) -> dict[str, Any]:
        """Return the header as plain JSON values, without the channels."""
        return {
            "format": FORMAT,
            "spec": self.spec.to_dict(),
            "provenance": self.provenance,
            "utterances": self.utterances,
            "frames": self.frames,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any], channels: bytes | None) -> "Header":
        """Return the header of the JSON values of `to_dict`.

        Raises:
            StoreError: the values are not those of `to_dict`.
        """
        if values.get("format") != FORMAT:
            raise StoreError(f"the format is {quoted(values.get('format'))}; expected {FORMAT!r}")
        spec = FeatureSpec.from_dict(values["spec"])
        counts = int(values["utterances"]), int(values["frames"])
        return cls(spec, values["provenance"], channels, *counts)


@dataclass(frozen=True)
class Group:
    """Some utterances, end to end.

    Attributes:
        records: a table with one row per utterance and the columns `RECORDS`.
        arrays: the frames (N, width) of each stored array.
    """

    records: pa.Table
    arrays: list[Rows]

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """(B + 1,): utterance b is rows offsets[b] to offsets[b + 1]."""
        lengths = self.records["length"].to_numpy().astype(np.int64)
        return np.concatenate([[0], np.cumsum(lengths)])

    def each(self) -> Iterator[tuple[Record, list[Rows]]]:
        """Yield each utterance's record, with a start of 0, and its rows of every array."""
        offsets = self.offsets
        for number, values in enumerate(self.records.to_pylist()):
            first, last = offsets[number : number + 2]
            yield Record(start=0, **values), [array[first:last] for array in self.arrays]


def first_commits(store: FeatureStore) -> Numbers:
    """Return the index rows of the utterances in a store without doubles, in the order on disk."""
    rows = np.fromiter(store.index.rows.values(), np.int64, len(store))
    return rows[np.lexsort((store.index.start[rows], store.index.shard[rows]))]


def header_of(store: FeatureStore, rows: Numbers) -> Header:
    """Return the header for these index rows of a store."""
    channels = store.path / CHANNELS
    return Header(
        spec=store.spec,
        provenance=read_provenance(store.path),
        channels=channels.read_bytes() if store.spec.dtype == "int8" else None,
        utterances=len(rows),
        frames=int(store.index.length[rows].sum()),
    )


def stored(store: FeatureStore, rows: Numbers) -> Iterator[Group]:
    """Yield utterances as they are stored, after comparing them with their checksums.

    Args:
        store: a store that is opened with access `pread`, so that memory does not fill up.
        rows: index rows.

    Raises:
        StoreError: a checksum differs, or a shard is missing or cut short.
    """
    header = header_of(store, rows)
    records = store.index.table.select(RECORDS.names)
    for part in batches(store.index.length[rows], header):
        chosen = rows[part]
        group = Group(records.take(chosen), _arrays(store, chosen))
        yield check(header, group, str(store.path))


def batches(lengths: Numbers, header: Header, most: int = 0) -> Iterator[slice]:
    """Cut utterances of these lengths into runs of at most `most` bytes (default `GROUP_BYTES`)."""
    row_bytes = sum(array.row_bytes for array in header.arrays)
    frames = (most or GROUP_BYTES) // row_bytes
    first = taken = 0
    for number, length in enumerate(lengths.tolist()):
        if taken and taken + length > frames:
            yield slice(first, number)
            first, taken = number, 0
        taken += length
    if taken:
        yield slice(first, len(lengths))


def check(header: Header, group: Group, where: str) -> Group:
    """Return a group unchanged after comparing it with its header and its checksums.

    Raises:
        StoreError: its shape, its dtype or a checksum differs.
    """
    frames = int(group.offsets[-1])
    for array, rows in zip(header.arrays, group.arrays, strict=True):
        if rows.shape != (frames, array.width) or rows.dtype != np.dtype(array.dtype):
            raise StoreError(
                f"{where}: {array.name} is {rows.dtype} {rows.shape}; "
                f"expected {array.dtype} {(frames, array.width)}"
            )
    seal = [] if header.channels is None else [checksum(header.channels)]
    wrong = [
        record.content
        for record, rows in group.each()
        if [*map(checksum, rows), *seal] != list(record.crc32c)
    ]
    if wrong:
        raise StoreError(
            f"{where}: the checksum differs for utterance {listed(wrong)}; extract or export the "
            "features again"
        )
    return group


def table_of(records: Sequence[Record]) -> pa.Table:
    """Return the table of some records."""
    columns = {name: [getattr(record, name) for record in records] for name in RECORDS.names}
    return pa.table(columns, RECORDS)


def open_plain(path: Path) -> FeatureStore:
    """Open a store for one pass over it, with memory that does not grow with its size.

    Raises:
        StoreError: the store has no committed utterance.
    """
    store = FeatureStore.open(path, "pread")
    if not len(store):
        raise StoreError(f"{path}: this store has no committed utterance")
    return store


def _arrays(store: FeatureStore, rows: Numbers) -> list[Rows]:
    """Return the frames of these index rows, (N, width) for every stored array."""
    packed = [store.gather(rows, name) for name in store.spec.arrays]
    values: list[Rows] = [one.values.numpy() for one in packed]
    return values + [one.scales.numpy() for one in packed if isinstance(one, Quantised)]
