"""The waste of a store: utterances that no manifest uses, and files that belong to no commit."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medusa.atomic import remove_tree
from medusa.cache import index
from medusa.cache.exchange.output import PARTIAL, leftovers
from medusa.cache.exchange.raw import Numbers
from medusa.cache.layout import INDEX
from medusa.cache.store import FeatureStore

DAY_S = 24 * 3600.0


@dataclass(frozen=True)
class Waste:
    """The waste of one store.

    Attributes:
        store: the store as it is now.
        keep: index rows of the utterances that are used.
        unused: the contents that no manifest uses.
        unused_bytes: the bytes of these, and of utterances that occur twice.
        orphans: files and folders that belong to no commit and are older than the limit.
        orphan_bytes: the bytes of the orphans.
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
        """The bytes that are free when all waste is removed."""
        return self.unused_bytes + self.orphan_bytes

    @property
    def shards(self) -> list[int]:
        """The committed shards with an utterance that is not kept."""
        entries = self.store.index
        kept = np.isin(np.arange(len(entries.shard)), self.keep)
        return [int(shard) for shard in np.unique(entries.shard[~kept])]


def survey(path: Path, used: set[str], older_than_s: float = DAY_S) -> Waste:
    """Return the waste of a store, without changing the store.

    Args:
        path: the store.
        used: the contents to keep.
        older_than_s: the least age of an orphan; a younger file may belong to a running writer.
    """
    store = FeatureStore.open(path, "pread")
    rows = store.index.rows
    keep = np.array(sorted(row for content, row in rows.items() if content in used), np.int64)
    frames = int(store.index.length.sum()) - int(store.index.length[keep].sum())
    uncommitted = _uncommitted(store)
    old = {shard: files for shard, files in uncommitted.items() if _age_s(files) > older_than_s}
    last = claim_shard(path, highest_shard(path))  # it stays, so that no number is used twice
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


def remains(features: Path, older_than_s: float = DAY_S) -> list[Path]:
    """Return the files that killed exports, imports and merges left in a folder of stores."""
    return [path for path in leftovers(features) if _age_s([path]) > older_than_s]


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def _uncommitted(store: FeatureStore) -> dict[int, list[Path]]:
    """Return the claim and the data of each shard number that has no record."""
    committed = index.committed(store.path)
    found: dict[int, list[Path]] = {}
    for shard, claim in index.claims(store.path).items():
        found.setdefault(shard, []).append(claim)
    for name in store.arrays:
        shards = (store.path / name / "c").glob("[0-9]*")
        for folder in sorted(path for path in shards if path.name.isdecimal()):
            found.setdefault(int(folder.name), []).append(folder)
    return {shard: files for shard, files in sorted(found.items()) if shard not in committed}


def claim_shard(path: Path, shard: int) -> Path:
    """Return the file that reserves the number of a shard."""
    return path / INDEX / f"{shard:06d}.claim"


def highest_shard(path: Path) -> int:
    """Return the highest reserved shard number, or -1."""
    return max(index.claims(path), default=-1)


def _age_s(paths: Sequence[Path]) -> float:
    """Return the seconds since the last change of these files, or of files in these folders."""
    files = [file for path in paths for file in [path, *path.rglob("*")]]
    times = [0.0]
    for file in files:
        with suppress(FileNotFoundError):  # a writer may rename a file at this moment
            times.append(file.stat().st_mtime)
    return time.time() - max(times)
