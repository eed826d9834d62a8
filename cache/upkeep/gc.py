"""Taking out of a store what no manifest uses, without ever touching what is used.

Shards are never rewritten. What is still used in a shard with unused utterances goes into a new
shard; once that is committed and read back, the old record is removed, then the old data. A kill
between any two steps leaves a whole store (an utterance may be there twice: the first wins).
"""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medusa.atomic import sync_folder
from medusa.cache import index
from medusa.cache.exchange.output import PARTIAL, leftovers
from medusa.cache.exchange.raw import Numbers, stored
from medusa.cache.exchange.shards import append
from medusa.cache.layout import (
    INDEX,
    SHARD_FRAMES,
    is_archive,
    shard_path,
    stored_arrays,
)
from medusa.cache.store import FeatureStore, StoreError
from medusa.cache.writer import finish
from medusa.console import progress
from medusa.errors import listed

DAY_S = 24 * 3600.0


@dataclass(frozen=True)
class Waste:
    """What a store could do without.

    Attributes:
        store: as it is now.
        keep: index rows of the utterances that are used.
        unused: contents that no manifest uses.
        unused_bytes: what they take, with utterances that are there twice.
        orphans: files and folders that no commit knows, older than the limit.
        orphan_bytes: what those take.
        busy: shards that are being written now.
    """

    store: FeatureStore
    keep: Numbers
    unused: list[str]
    unused_bytes: int
    orphans: list[Path]
    orphan_bytes: int
    busy: list[int]

    @property
    def bytes(self) -> int:
        """What removing it all gives back."""
        return self.unused_bytes + self.orphan_bytes

    @property
    def shards(self) -> list[int]:
        """The committed shards with something in them that is not kept."""
        entries = self.store.index
        kept = np.isin(np.arange(len(entries.shard)), self.keep)
        return [int(shard) for shard in np.unique(entries.shard[~kept])]


def survey(path: Path, used: set[str], older_than_s: float = DAY_S) -> Waste:
    """Look what a store could do without; changes nothing.

    Args:
        path: the store.
        used: the contents to keep.
        older_than_s: younger files without a record may belong to a writer that is running.
    """
    store = FeatureStore.open(path, "pread")
    rows = store.index.rows
    keep = np.array(sorted(row for content, row in rows.items() if content in used), np.int64)
    frames = int(store.index.length.sum()) - int(store.index.length[keep].sum())
    uncommitted = _uncommitted(store)
    old = {shard: files for shard, files in uncommitted.items() if _age_s(files) > older_than_s}
    last = _claim(path, _highest(path))  # stays, so that no number comes twice
    orphans = [file for files in old.values() for file in files if file != last]
    partials = [file for file in sorted(path.rglob(f".*.{PARTIAL}")) if file.is_file()]
    within = [file for file in partials if not any(file.is_relative_to(o) for o in orphans)]
    orphans += [file for file in within if _age_s([file]) > older_than_s]
    return Waste(
        store,
        keep,
        [content for content in rows if content not in used],
        frames * sum(array.row_bytes for array in store.arrays.values()),
        orphans,
        sum(map(size_of, orphans)),
        sorted(set(uncommitted) - set(old)),
    )


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


def remains(features: Path, older_than_s: float = DAY_S) -> list[Path]:
    """Return what killed exports, imports and merges left in a folder of stores."""
    return [path for path in leftovers(features) if _age_s([path]) > older_than_s]


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _uncommitted(store: FeatureStore) -> dict[int, list[Path]]:
    """Return the claim and the data of each shard number that has no record."""
    committed = index.committed(store.path)
    found: dict[int, list[Path]] = {}
    for claim in sorted((store.path / INDEX).glob("[0-9]*.claim")):
        found.setdefault(int(claim.stem), []).append(claim)
    for name in store.arrays:
        for folder in sorted((store.path / name / "c").glob("[0-9]*")):
            found.setdefault(int(folder.name), []).append(folder)
    return {shard: files for shard, files in sorted(found.items()) if shard not in committed}


def _claim(path: Path, shard: int) -> Path:
    return path / INDEX / f"{shard:06d}.claim"


def _highest(path: Path) -> int:
    return max((int(claim.stem) for claim in (path / INDEX).glob("[0-9]*.claim")), default=-1)


def _age_s(paths: Sequence[Path]) -> float:
    """Return how long ago the last of these files, or of the files in these folders, changed."""
    files = [file for path in paths for file in [path, *path.rglob("*")]]
    times = [0.0]
    for file in files:
        with suppress(FileNotFoundError):  # a writer renamed it just now
            times.append(file.stat().st_mtime)
    return time.time() - max(times)


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
    claim = _claim(store.path, shard)
    if claim.exists():
        os.utime(claim, (0, 0))  # no writer is at work on it
    index.committed(store.path)[shard].unlink()
    for merged in index.merged(store.path):  # of a writer that ended meanwhile
        merged.unlink(missing_ok=True)
    sync_folder(store.path / INDEX)
    for array in stored_arrays(store.spec):
        shutil.rmtree(shard_path(store.path, array.name, shard).parent)
    if shard < _highest(store.path):
        claim.unlink(missing_ok=True)


def _settle(store: FeatureStore, gone: set[int]) -> None:
    """Merge the records again; also where a writer that ended meanwhile merged what is gone."""
    if gone & set(index.load(store.path).frames_used()):
        for merged in index.merged(store.path):
            merged.unlink()
    finish(store.path, store.spec)
