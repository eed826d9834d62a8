"""Writing utterances that are already in their stored form, so that nothing is rounded again."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from medusa.atomic import partial_path, publish, remove_tree, sync
from medusa.cache import index
from medusa.cache.exchange.raw import Group, Header, Rows
from medusa.cache.layout import (
    SHARD_FRAMES,
    create,
    shard_path,
    shard_tail,
    stored_arrays,
    write_durably,
)
from medusa.cache.quantise import CHANNELS
from medusa.cache.spec import FeatureSpec
from medusa.cache.writer import finish


class Shard:
    """One new shard, to which each utterance is written at once, so that none stays in memory."""

    def __init__(self, store: Path, spec: FeatureSpec) -> None:
        self.store, self.arrays = store, stored_arrays(spec)
        self.number, self.frames = index.claim(store), 0
        self.records: list[index.Record] = []
        self.files: list[tuple[Path, BinaryIO]] = []
        for array in self.arrays:
            path = shard_path(store, array.name, self.number)
            path.parent.mkdir(parents=True)
            self.files.append((path, partial_path(path).open("wb")))

    def add(self, record: index.Record, rows: list[Rows]) -> None:
        """Append one utterance, given its rows of every stored array."""
        for (_, file), values in zip(self.files, rows, strict=True):
            file.write(values.data)
        self.records.append(replace(record, start=self.frames))
        self.frames += record.length

    def commit(self) -> None:
        """Make the utterances part of the store."""
        for array, (path, file) in zip(self.arrays, self.files, strict=True):
            for part in shard_tail(self.frames, array.row_bytes):
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
            file.close()
            publish(Path(file.name), path)
            sync(path.parent)
        index.write_record(self.store, self.number, self.records)

    def discard(self) -> None:
        """Remove an uncommitted shard; its number stays reserved."""
        for path, file in self.files:
            with suppress(OSError):  # the buffer cannot be written to a full disk
                file.close()
            Path(file.name).unlink(missing_ok=True)
            remove_tree(path.parent)


def append(store: Path, spec: FeatureSpec, groups: Iterable[Group]) -> int:
    """Add utterances to a store in as few shards as possible, and return their number.

    Args:
        store: an existing store, for which the caller calls `finish` afterwards.
        spec: the spec of the store.
        groups: the utterances; of two with the same content, the first is taken.
    """
    done: set[str] = set()
    shard: Shard | None = None
    try:
        for group in groups:
            for record, rows in group.each():
                if record.content in done:
                    continue
                if shard is not None and shard.frames + record.length > SHARD_FRAMES:
                    shard.commit()
                    shard = None
                shard = shard or Shard(store, spec)
                shard.add(record, rows)
                done.add(record.content)
        if shard is not None:
            shard.commit()
    except BaseException:
        if shard is not None and shard.number not in index.committed(store):
            shard.discard()
        raise
    return len(done)


def fill(store: Path, header: Header, groups: Iterable[Group]) -> int:
    """Make a new store of these utterances, and return their number."""
    create(store, header.spec, header.provenance)
    if header.channels is not None:
        write_durably(store / CHANNELS, header.channels)
    count = append(store, header.spec, groups)
    finish(store, header.spec)
    return count
