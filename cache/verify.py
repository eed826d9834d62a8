"""A check that a store is, byte for byte, as it was committed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from medusa.cache import index
from medusa.cache.layout import (
    CHECKSUMS,
    FIXED,
    ZARR,
    StoredArray,
    array_metadata,
    canonical,
    checksum,
    is_archive,
    read_spec,
    shard_path,
    shard_tail,
    shards_of,
)
from medusa.cache.quantise import CHANNELS, Quantised
from medusa.cache.store import FeatureStore
from medusa.errors import MedusaError, StoreError, listed, plural


def verify(path: Path, names: Mapping[str, str] | None = None) -> list[str]:
    """Return one message for every file of a store that differs from the one that was written.

    Frames are compared with the checksums that were taken when they were computed, index records
    with the checksum in their name, and all other files with the content that the spec prescribes.

    Args:
        path: the store.
        names: content -> the name of the utterance in messages (by default its content).
    """
    names = names or {}
    problems = [*_fixed(path)]
    for record in [*index.committed(path).values(), *index.merged(path)]:
        try:
            index.read_record(record)
        except StoreError as problem:
            problems.append(str(problem))
    if problems:
        return problems
    store = FeatureStore.open(path)
    if is_archive(path, store.spec):
        return [*_contents(store, names)]
    for array in store.arrays.values():
        problems += _metadata(path, array)
    for shard, frames in store.used.items():
        problems += _shard(store, shard, frames, names)
    return problems


def _fixed(path: Path) -> Iterator[str]:
    """Check the files that are written once."""
    try:
        raw = (path / CHECKSUMS).read_bytes()
        sums = json.loads(raw)
        whole = raw == canonical(sums) and set(sums) == set(FIXED)
    except (OSError, ValueError, TypeError, RecursionError):
        whole = False
    if not whole:
        yield f"{path / CHECKSUMS}: this file is missing or altered"
        return
    for name in FIXED:
        try:
            same = checksum((path / name).read_bytes()) == sums[name]
        except OSError:
            same = False
        if not same:
            yield f"{path / name}: this file is missing or altered"
    try:
        read_spec(path)
    except StoreError as problem:
        yield str(problem)


def _metadata(path: Path, array: StoredArray) -> Iterator[str]:
    """Check that an array's zarr.json is the one of some number of shards."""
    file = path / array.name / ZARR
    try:
        same = file.read_bytes() == array_metadata(array, shards_of(file))
    except (OSError, StoreError):
        same = False
    if not same:
        yield f"{file}: this file is missing or altered"


def _contents(store: FeatureStore, names: Mapping[str, str]) -> Iterator[str]:
    """Check the utterances of an archive, read from its compressed shards."""
    checksums = store.index.crc32c()
    differing: dict[str, list[str]] = {name: [] for name in store.spec.arrays}
    for content, row in store.index.rows.items():
        for column, name in enumerate(store.spec.arrays):
            try:
                packed = store.read([content], name)
                same = checksum(packed.values.numpy()) == checksums[row, column]
                if isinstance(packed, Quantised):
                    scales = checksums[row, column + len(store.spec.arrays)]
                    same = same and checksum(packed.scales.numpy()) == scales
            except (MedusaError, ValueError, RuntimeError, OSError):
                same = False
            if not same:
                differing[name].append(names.get(content, content))
    for name, damaged in differing.items():
        if damaged:
            yield f"{store.path / name}: {_differing(damaged, len(store))}"


def _differing(damaged: Sequence[str], utterances: int) -> str:
    """Return the words for the utterances whose checksum differs."""
    of = plural(utterances, "utterance")
    return f"the checksum differs in {len(damaged)} of {of}: {listed(damaged)}"


def _shard(store: FeatureStore, shard: int, frames: int, names: Mapping[str, str]) -> Iterator[str]:
    """Check the size, footer, padding and checksums of one shard of every array."""
    rows = np.flatnonzero(store.index.shard == shard)
    checksums = store.index.crc32c()[rows]
    seal = [] if store.spec.dtype != "int8" else [store.path / CHANNELS]
    for column, array in enumerate(store.arrays.values()):
        path = shard_path(store.path, array.name, shard)
        padding, footer = shard_tail(frames, array.row_bytes)
        try:
            data = path.read_bytes()
        except OSError as problem:
            yield f"{path}: this committed shard is unreadable: {problem}"
            continue
        wrong, damaged = [], []
        if data[frames * array.row_bytes :] != padding + footer:
            wrong.append("its end is missing or altered")
        for row, expected in zip(rows, checksums[:, column], strict=True):
            start = int(store.index.start[row]) * array.row_bytes
            stop = start + int(store.index.length[row]) * array.row_bytes
            if checksum(np.frombuffer(data, np.uint8)[start:stop]) != expected:
                content = store.index.table["content"][int(row)].as_py()
                damaged.append(names.get(content, content))
        wrong += [_differing(damaged, len(rows))] if damaged else []
        if wrong:
            yield f"{path}: {'; '.join(wrong)}"
    for path in seal:
        actual = checksum(path.read_bytes()) if path.exists() else None
        if any(actual != expected for expected in checksums[:, -1]):
            yield f"{path}: this file is missing or altered"
            return
