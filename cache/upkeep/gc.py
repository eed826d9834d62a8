"""Taking out of a store what no manifest uses, without ever touching what is used.

Shards are never rewritten. What is still used in a shard with unused utterances goes into a new
shard; once that is committed and read back, the old record is removed, then the old data. A kill
between any two steps leaves a whole store (an utterance may be there twice: the first wins).
"""

import os
import shutil
from collections.abc import Iterator, Sequence

import numpy as np

from medusa.atomic import sync
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


def clean(waste: Waste) -> int:
    """Remove what a survey found, and return how many bytes that was.

    Raises:
        StoreError: something is writing to the store, or it changed since the survey.
        MedusaError: it is damaged; what is used stays where it is.
    """
    store = waste.store
    if is_archive(store.path, store.spec):
        raise StoreError(f"{store.path}: an archive; `medusa cache restore` it first")
    if waste.busy:
        raise StoreError(
            f"{store.path}: shard {listed(waste.busy)} is being written; wait for the extraction "
            "to end (or, if it was killed, give a smaller --older-than)"
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
    """Check that the shards' own records say everything, then do without the merged one."""
    records = index.committed(store.path)
    for path in records.values():
        index.read_record(path)
    without = sorted(set(store.used) - set(records))
    if without:
        raise StoreError(f"{store.path}: shard {listed(without)} has no record of its own")
    for path in index.merged(store.path):
        path.unlink()


def _batches(waste: Waste) -> Iterator[tuple[list[int], Numbers]]:
    """Yield shards to give up, and their rows to keep, as many as fit into one new shard."""
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
    """Check that these utterances are, whole, somewhere else than in the shards to give up."""
    contents = store.index.table["content"].take(rows).to_pylist()
    now = FeatureStore.open(store.path, "pread")
    table = now.index.table["content"].to_pylist()
    elsewhere = np.flatnonzero(~np.isin(now.index.shard, shards))
    places = {table[row]: int(row) for row in elsewhere}
    for _ in stored(now, np.array([places[content] for content in contents], np.int64)):
        pass


def _drop(store: FeatureStore, shard: int) -> None:
    """Give up a shard: its record, then its data, last its number unless the highest."""
    claim = claim_shard(store.path, shard)
    if claim.exists():
        os.utime(claim, (0, 0))  # no writer is at work on it
    index.committed(store.path)[shard].unlink()
    for merged in index.merged(store.path):  # of a writer that ended meanwhile
        merged.unlink(missing_ok=True)
    sync(store.path / INDEX)
    for array in stored_arrays(store.spec):
        shutil.rmtree(shard_path(store.path, array.name, shard).parent)
    if shard < highest_shard(store.path):
        claim.unlink(missing_ok=True)


def _settle(store: FeatureStore, gone: set[int]) -> None:
    """Merge the records again; also where a writer that ended meanwhile merged what is gone."""
    if gone & set(index.load(store.path).frames_used()):
        for merged in index.merged(store.path):
            merged.unlink()
    finish(store.path, store.spec)
