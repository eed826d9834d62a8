"""Removal of the utterances that no manifest uses, without touching those in use.

Shards are never rewritten. If a shard has unused utterances, its other utterances are written to a
new shard. When the new shard is committed and read back, the old record is removed, and then the
old data. A kill between any two steps leaves a whole store, in which an utterance may occur twice;
the first occurrence counts.
"""

import os
from collections.abc import Iterator, Sequence

import numpy as np

from medusa.atomic import sync
from medusa.bucket_path import BucketPath
from medusa.cache import index
from medusa.cache.exchange.raw import Numbers, stored
from medusa.cache.exchange.shards import append
from medusa.cache.layout import (
    INDEX,
    SHARD_FRAMES,
    is_archive,
    shard_path,
    stored_arrays,
)
from medusa.cache.store import FeatureStore
from medusa.cache.upkeep.waste import Waste, claim_shard, highest_shard, remove
from medusa.cache.writer import finish
from medusa.console import progress
from medusa.errors import StoreError, listed
from medusa.workspace import refuse_links


def clean(waste: Waste) -> int:
    """Remove the waste that a survey found, and return its bytes.

    Raises:
        StoreError: the store is being written, is an archive, or has changed since the survey.
        MedusaError: the store is damaged; the utterances in use stay where they are.
    """
    store = waste.store
    refuse_links(store.path)
    if is_archive(store.path, store.spec):
        raise StoreError(f"{store.path}: this is an archive; run `medusa cache restore` first")
    if waste.busy:
        raise StoreError(
            f"{store.path}: shard {listed(waste.busy)} is being written; wait for the extraction "
            "to end; if it was killed, give a smaller --older-than"
        )
    for path in waste.orphans:
        remove(path)
    if not waste.shards:
        return waste.bytes
    _records_alone(store)
    gone: set[int] = set()
    with progress(f"gc {store.path.name}", len(waste.shards), "shard") as advance:
        for shards, rows in _batches(waste):
            append(store.path, store.spec, stored(store, rows))
            _read_back(store, shards, rows)
            gone |= set(shards)
            for shard in shards:
                _drop(store, shard)
                advance()
    _settle(store, gone)
    return waste.bytes


def _records_alone(store: FeatureStore) -> None:
    """Check that every shard has a record of its own, and remove the merged records."""
    records = index.committed(store.path)
    for path in records.values():
        index.read_record(path)
    without = sorted(set(store.used) - set(records))
    if without:
        raise StoreError(f"{store.path}: shard {listed(without)} has no record of its own")
    for path in index.merged(store.path):
        path.unlink()


def _batches(waste: Waste) -> Iterator[tuple[list[int], Numbers]]:
    """Yield shards to remove, and their rows to keep, as many as fit into one new shard."""
    entries = waste.store.index
    shards: list[int] = []
    rows: list[Numbers] = []
    frames = 0
    for shard in waste.shards:
        kept = waste.keep[entries.shard[waste.keep] == shard]
        length = int(entries.length[kept].sum())
        if shards and frames + length > SHARD_FRAMES:
            yield shards, np.concatenate(rows)
            shards, rows, frames = [], [], 0
        shards, rows, frames = [*shards, shard], [*rows, kept], frames + length
    if shards:
        yield shards, np.concatenate(rows)


def _read_back(store: FeatureStore, shards: Sequence[int], rows: Numbers) -> None:
    """Check that these utterances are whole in other shards than the ones to remove."""
    contents = store.index.table["content"].take(rows).to_pylist()
    now = FeatureStore.open(store.path, "pread")
    table = now.index.table["content"].to_pylist()
    elsewhere = np.flatnonzero(~np.isin(now.index.shard, shards))
    places = {table[row]: int(row) for row in elsewhere}
    for _ in stored(now, np.array([places[content] for content in contents], np.int64)):
        pass


def _drop(store: FeatureStore, shard: int) -> None:
    """Remove a shard: its record, then its data, and then its number unless it is the highest."""
    claim = claim_shard(store.path, shard)
    if claim.is_file() and not isinstance(claim, BucketPath):
        os.utime(claim, (0, 0))  # an old claim has no writer
    index.committed(store.path)[shard].unlink()
    for merged in index.merged(store.path):  # a writer that ended meanwhile made these
        merged.unlink(missing_ok=True)
    sync(store.path / INDEX)
    for array in stored_arrays(store.spec):
        remove(shard_path(store.path, array.name, shard).parent)
    if shard < highest_shard(store.path):
        claim.unlink(missing_ok=True)


def _settle(store: FeatureStore, gone: set[int]) -> None:
    """Merge the records again, without removed shards that another writer merged meanwhile."""
    if gone & set(index.load(store.path).frames_used()):
        for merged in index.merged(store.path):
            merged.unlink()
    finish(store.path, store.spec)
