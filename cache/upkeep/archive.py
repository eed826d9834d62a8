"""Compressed copies of stores for cold storage, and their restoration.

An archive is a store with the same index whose shards are compressed. `FeatureStore` reads it
slowly, through zarr-python. `restore` makes the original files again, byte for byte.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from medusa.cache.access import NotFlat, open_shard
from medusa.cache.exchange.output import fresh
from medusa.cache.exchange.raw import Rows, open_plain
from medusa.cache.layout import (
    CHECKSUMS,
    CHUNK_FRAMES,
    FIXED,
    INDEX,
    SHARD_FRAMES,
    ZARR,
    StoredArray,
    array_metadata,
    checksum,
    shard_path,
    shard_tail,
    shards_of,
    stored_arrays,
    write_durably,
)
from medusa.cache.quantise import CHANNELS
from medusa.cache.store import FeatureStore
from medusa.cache.verify import verify
from medusa.console import progress
from medusa.errors import StoreError, listed
from medusa.foreign import foreign
from medusa.workspace import refuse_links


def archive(path: Path, out: Path, force: bool = False) -> tuple[int, int]:
    """Write a compressed copy of a store; every shard is read back and compared.

    Args:
        path: the store.
        out: the folder to make.
        force: whether to replace `out` if it exists.

    Returns:
        The bytes of the frames in the store, and of the compressed shards.

    Raises:
        MedusaError: the store is damaged or an archive itself, or `out` exists.
    """
    with fresh(out, force) as new:
        _copy_index(path, new)  # this comes first: later commits are not part of the copy
        store = open_plain(new)
        arrays = _compressed_arrays(store, new, _extent(path, store))
        for shard, array in _shards(store, "archive"):
            rows = _flat(path, store, shard, array)
            _check(store, shard, array, rows, path)
            first = shard * SHARD_FRAMES
            whole = np.zeros((SHARD_FRAMES, array.width), rows.dtype)
            whole[: len(rows)] = rows
            target = arrays[array.name]
            target[first : first + SHARD_FRAMES] = whole
            back = np.asarray(target[first : first + len(rows)])
            _check(store, shard, array, back, new)
        sizes = store_bytes(store), store.size_bytes()
    return sizes


def restore(path: Path, into: Path, force: bool = False) -> Path:
    """Make the flat store of an archive, byte for byte as it was archived.

    Raises:
        MedusaError: the archive is damaged, or `into` exists.
    """
    store = open_plain(path)
    with fresh(into, force) as new:
        _copy_index(path, new)
        for array in stored_arrays(store.spec):
            (new / array.name).mkdir()
            metadata = array_metadata(array, _extent(path, store))
            write_durably(new / array.name / ZARR, metadata)
        for shard, array in _shards(store, "restore"):
            rows = _decoded(store, shard, array)
            _check(store, shard, array, rows, path)
            target = shard_path(new, array.name, shard)
            target.parent.mkdir(parents=True)
            write_durably(target, rows, *shard_tail(len(rows), array.row_bytes))
        problems = verify(new)
        if problems:
            raise StoreError(
                "\n  ".join(
                    [f"{path}: this archive is damaged; use another copy of it:", *problems]
                )
            )
    return into


def store_bytes(store: FeatureStore) -> int:
    """Return the bytes of all frames of a store, uncompressed."""
    return sum(store.used.values()) * sum(array.row_bytes for array in store.arrays.values())


def _copy_index(path: Path, new: Path) -> None:
    """Copy everything but the arrays and half-written files."""
    refuse_links(path)
    new.mkdir()
    shutil.copytree(path / INDEX, new / INDEX, ignore=shutil.ignore_patterns(".*"))
    for name in (*FIXED, CHECKSUMS, CHANNELS):
        if (path / name).exists():
            shutil.copy2(path / name, new / name)


def _compressed_arrays(store: FeatureStore, new: Path, extent: int) -> dict[str, zarr.Array[Any]]:
    """Make the empty compressed arrays of an archive, each `extent` shards long."""
    arrays = {}
    for array in store.arrays.values():
        size = np.dtype(array.dtype).itemsize
        made = zarr.create_array(
            new / array.name,
            shape=(extent * SHARD_FRAMES, array.width),
            shards=(SHARD_FRAMES, array.width),
            chunks=(CHUNK_FRAMES, array.width),
            dtype=array.dtype,
            compressors=BloscCodec(cname="zstd", shuffle="bitshuffle", typesize=size),
            fill_value=0,
        )
        arrays[array.name] = made.with_config({"write_empty_chunks": True})  # zeros are data
    return arrays


def _extent(path: Path, store: FeatureStore) -> int:
    """Return the number of shards that the shapes of the arrays must cover."""
    file = path / store.spec.arrays[0] / ZARR
    return max(shards_of(file), max(store.used) + 1)


def _shards(store: FeatureStore, label: str) -> Iterator[tuple[int, StoredArray]]:
    """Yield every shard of every array, and show the progress."""
    arrays = list(store.arrays.values())
    with progress(f"{label} {store.path.name}", len(store.used) * len(arrays), "shard") as advance:
        for shard in store.used:
            for array in arrays:
                yield shard, array
                advance()


def _flat(path: Path, store: FeatureStore, shard: int, array: StoredArray) -> Rows:
    """Return the frames of an uncompressed shard."""
    frames = store.used[shard]
    try:
        opened = open_shard(path / array.name / "c", shard, frames, array)
        with open(opened, "rb", closefd=False) as file:
            rows: Rows = np.fromfile(file, array.dtype, frames * array.width)
    except NotFlat as problem:
        raise StoreError(f"{path}: this is an archive already; copy it as it is") from problem
    return rows.reshape(frames, array.width)


def _decoded(store: FeatureStore, shard: int, array: StoredArray) -> Rows:
    """Return the frames of a compressed shard."""
    path = shard_path(store.path, array.name, shard)
    if not path.exists():  # zarr-python would read zeros
        raise StoreError(f"{path}: this committed shard is missing")
    first = shard * SHARD_FRAMES
    with foreign(StoreError, lambda reason: f"{path}: this shard is damaged: {reason}"):
        source = zarr.open_array(store.path / array.name, mode="r")
        return np.asarray(source[first : first + store.used[shard]])


def _check(store: FeatureStore, shard: int, array: StoredArray, rows: Rows, where: Path) -> None:
    """Compare the frames of a shard with the checksums of its utterances."""
    chosen = np.flatnonzero(store.index.shard == shard)
    column = list(store.arrays).index(array.name)
    expected = store.index.crc32c()[chosen, column]
    wrong = []
    for row, stored in zip(chosen, expected, strict=True):
        start, length = int(store.index.start[row]), int(store.index.length[row])
        if checksum(rows[start : start + length]) != stored:
            wrong.append(store.index.table["content"][int(row)].as_py())
    if wrong:
        raise StoreError(
            f"{shard_path(where, array.name, shard)}: this shard is damaged: the checksum differs "
            f"for utterance {listed(wrong)}"
        )
