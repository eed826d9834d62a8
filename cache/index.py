"""Which utterance lies where: Parquet records, one per committed shard, merged when many."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from medusa.cache.layout import INDEX, MERGED, record_path, sync_folder
from medusa.errors import MedusaError

SCHEMA = pa.schema(
    [
        ("content", pa.string()),
        ("shard", pa.int32()),
        ("start", pa.int32()),
        ("length", pa.int32()),
        ("crc32c", pa.list_(pa.uint32())),
        ("flags", pa.list_(pa.string())),
    ]
)
MERGE_ABOVE = 32  # opening this many small files is still fast


class IndexDamaged(MedusaError):
    """An index record that cannot be read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One utterance: frames `start` to `start + length` of a shard, a checksum per array."""

    shard: int
    start: int
    length: int
    crc32c: tuple[int, ...]
    flags: tuple[str, ...]


def commit(store: Path, shard: int, entries: list[tuple[str, Entry]]) -> None:
    """Write the record of a shard; once this returns, its utterances are in the store."""
    columns = {
        "content": [content for content, _ in entries],
        "shard": [shard] * len(entries),
        "start": [entry.start for _, entry in entries],
        "length": [entry.length for _, entry in entries],
        "crc32c": [list(entry.crc32c) for _, entry in entries],
        "flags": [list(entry.flags) for _, entry in entries],
    }
    _write(record_path(store, shard), pa.table(columns, SCHEMA))


def load(store: Path) -> dict[str, Entry]:
    """Return every committed utterance by content; the first commit of an utterance wins.

    Raises:
        IndexDamaged: a record is damaged.
    """
    index: dict[str, Entry] = {}
    for table in _tables(store):
        for row in table.to_pylist():
            entry = Entry(
                row["shard"], row["start"], row["length"], tuple(row["crc32c"]), tuple(row["flags"])
            )
            index.setdefault(row["content"], entry)
    return index


def committed_shards(store: Path) -> list[int]:
    """Return the numbers of the committed shards, ascending."""
    return sorted(int(path.stem) for path in (store / INDEX).glob("[0-9]*.parquet"))


def merge(store: Path) -> None:
    """Put many small records into one file that opens fast; the records stay as they are."""
    if len(committed_shards(store)) > MERGE_ABOVE:
        _write(store / INDEX / MERGED, pa.concat_tables(_tables(store)))


def _tables(store: Path) -> Iterator[pa.Table]:
    """Yield the merged table, if any, then every record that it does not hold yet."""
    merged = store / INDEX / MERGED
    held: set[int] = set()
    if merged.exists():
        table = _read(merged)
        held = set(table["shard"].unique().to_pylist())
        yield table
    for shard in committed_shards(store):
        if shard not in held:
            yield _read(record_path(store, shard))


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, schema=SCHEMA)
    except (pa.ArrowInvalid, OSError) as problem:
        raise IndexDamaged(
            f"{path}: index record damaged ({problem}); move it away and extract again: "
            "only its shard's utterances are computed anew"
        ) from problem


def _write(path: Path, table: pa.Table) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        pq.write_table(table, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)
