"""The index of a store: a Parquet record per committed shard gives where each utterance is.

A record's file name contains the crc32c of its bytes, so that every change in it is noticed. Many
small records are merged into one file, which opens faster.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medusa.atomic import reserve
from medusa.cache.layout import INDEX, MOST_SHARDS, SHARD_FRAMES, checksum, write_durably
from medusa.errors import StoreError
from medusa.foreign import foreign

SCHEMA = pa.schema(
    [
        ("content", pa.string()),
        ("shard", pa.int32()),
        ("start", pa.int32()),
        ("length", pa.int32()),
        ("crc32c", pa.list_(pa.uint32())),
        ("flags", pa.list_(pa.string())),
        ("error", pa.float32()),
    ]
)
NUMBERED = "[0-9]" * 6
LARGE = 4_000_000  # the rows of a smaller index are a dictionary, which finds a row faster
MERGE_ABOVE = 32  # this many small files still open fast


@dataclass(frozen=True)
class Index:
    """Every committed utterance, as columns.

    Attributes:
        rows: content -> row of the columns; the first commit of an utterance counts.
        shard, start, length: (R,) the shard of its frames, the first frame, and their number.
        table: the same rows as an Arrow table, with `crc32c`, `flags` and `error`.
    """

    rows: Mapping[str, int]
    shard: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    length: npt.NDArray[np.int32]
    table: pa.Table

    def __len__(self) -> int:
        return len(self.rows)

    def crc32c(self) -> npt.NDArray[np.uint32]:
        """Return the checksums, (R, number of stored arrays)."""
        flat = self.table["crc32c"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        checksums: npt.NDArray[np.uint32] = flat.reshape(max(len(self.shard), 1), -1)
        return checksums

    def flags(self) -> dict[str, int]:
        """Return the number of utterances with each flag."""
        counts: dict[str, int] = {}
        for flag in self.table["flags"].combine_chunks().flatten().to_pylist():
            counts[flag] = counts.get(flag, 0) + 1
        return counts

    def frames_used(self) -> dict[int, int]:
        """Return the number of frames in each committed shard."""
        if not len(self.shard):
            return {}
        used = np.zeros(int(self.shard.max()) + 1, np.int32)
        np.maximum.at(used, self.shard, self.start + self.length)
        return {int(shard): int(used[shard]) for shard in np.flatnonzero(used)}


@dataclass(frozen=True, slots=True)
class Record:
    """One utterance of a shard that is being committed.

    `error` is the rounding error of the stored dtype: a root mean square, in standard deviations of
    the utterance's own values.
    """

    content: str
    start: int
    length: int
    crc32c: Sequence[int]
    flags: Sequence[str]
    error: float


def claim(store: Path) -> int:
    """Reserve the next free shard number for one writer and return it; none is ever used twice."""
    shard = max(claims(store), default=-1) + 1
    while True:
        try:
            path = store / INDEX / f"{shard:06d}.claim"
            reserve(path)
            return shard
        except FileExistsError:
            shard += 1


def write_record(store: Path, shard: int, records: Sequence[Record]) -> None:
    """Write the record of a shard; when this returns, its utterances are in the store."""
    columns = {name: [getattr(record, name) for record in records] for name in Record.__slots__}
    columns["shard"] = [shard] * len(records)
    _write(store, f"{shard:06d}", pa.table(columns, SCHEMA))


def load(store: Path) -> Index:
    """Return every committed utterance.

    Raises:
        StoreError: a record differs from the committed one.
    """
    return of_table(pa.concat_tables([SCHEMA.empty_table(), *_tables(store)]))


def of_table(table: pa.Table) -> Index:
    """Return the index of rows of the schema; of equal contents the first row counts."""
    table = table.combine_chunks()
    if table["content"].num_chunks > 1:
        raise StoreError(
            f"{len(table)} utterances are too many for one store: Arrow holds 2 GB of contents, "
            "which are 67 million; divide the corpus among several stores"
        )
    (contents,) = table["content"].chunks or [pa.array([], pa.string())]
    rows = rows_of(contents)
    shard, start, length = (table[name].to_numpy() for name in ("shard", "start", "length"))
    return Index(rows, shard, start, length, table)


def rows_of(contents: pa.Array) -> Mapping[str, int]:
    """Return content -> its first row.

    Args:
        contents: (R,) the contents, as one Arrow array of strings without nulls.
    """
    if len(contents) >= LARGE:
        from medusa.cache.content_rows import ContentRows, equal_lengths

        if (matrix := equal_lengths(contents)) is not None:
            return ContentRows(matrix)
    rows: dict[str, int] = {}
    for row, content in enumerate(contents.to_pylist()):
        rows.setdefault(content, row)
    return rows


def claims(store: Path) -> dict[int, Path]:
    """Return shard -> the file that reserves its number, in ascending order."""
    paths = sorted((store / INDEX).glob(NUMBERED + ".claim"))
    return {int(path.stem): path for path in paths}


def committed(store: Path) -> dict[int, Path]:
    """Return shard -> record file of the committed shards, in ascending order."""
    paths = sorted((store / INDEX).glob(NUMBERED + "-*.parquet"))
    return {int(path.name[:6]): path for path in paths}


def merged(store: Path) -> list[Path]:
    """Return the files of merged records; there are two only while one replaces the other."""
    return sorted((store / INDEX).glob("merged-*.parquet"))


def merge(store: Path) -> None:
    """Merge many small records into one file that opens fast; the records themselves are kept."""
    old = merged(store)
    if len(committed(store)) > MERGE_ABOVE:
        new = _write(store, "merged", pa.concat_tables(_tables(store)))
        for path in old:
            if path != new:
                path.unlink(missing_ok=True)


def read_record(path: Path) -> pa.Table:
    """Return the rows of one file, after comparing its bytes with the checksum in its name.

    Raises:
        StoreError: they differ.
    """

    def explain(reason: str) -> str:
        return (
            f"{path}: this index record is damaged ({reason}); move it away and extract again, "
            "which computes only the utterances of its shard"
        )

    with foreign(StoreError, explain):
        data = path.read_bytes()
        if path.stem.rpartition("-")[2] != f"{checksum(data):08x}":
            raise ValueError("its checksum differs")
        table = pq.read_table(pa.BufferReader(data), schema=SCHEMA)
        _require_inside_shards(table)
        return table


def _require_inside_shards(table: pa.Table) -> None:
    """Raise a ValueError if utterances are not inside a shard; such rows would take all memory."""
    for name in ("content", "shard", "start", "length"):
        if table[name].null_count:
            raise ValueError(f"the column {name} has nulls")
    shard, start, length = (table[name].to_numpy() for name in ("shard", "start", "length"))
    is_inside = (start >= 0) & (start <= SHARD_FRAMES)
    is_inside &= (length > 0) & (length <= SHARD_FRAMES - start)  # A sum might overflow.
    if not (is_inside & (shard >= 0) & (shard < MOST_SHARDS)).all():
        raise ValueError("utterances are outside their shards")
    if len(pc.unique(pc.list_value_length(table["crc32c"]))) > 1:
        raise ValueError("utterances have different numbers of checksums")


def _tables(store: Path) -> Iterator[pa.Table]:
    """Yield the merged rows, if there are any, and then every record that is not in them."""
    held: set[int] = set()
    for path in merged(store)[-1:]:
        table = read_record(path)
        held = set(table["shard"].unique().to_pylist())
        yield table
    for shard, path in committed(store).items():
        if shard not in held:
            yield read_record(path)


def _write(store: Path, name: str, table: pa.Table) -> Path:
    """Write rows to a file whose name ends with their checksum, and return its path."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    data = sink.getvalue().to_pybytes()
    path = store / INDEX / f"{name}-{checksum(data):08x}.parquet"
    write_durably(path, data)
    return path
