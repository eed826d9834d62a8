"""Objects arrive part by part; near blocks of a shard are one request."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from medusa.bucket_path import BucketPath, located
from medusa.cache import FeatureStore, StoreWriter
from medusa.cache.buckets import blocks, reader
from medusa.cache.buckets.reader import MOST_BLOCKS, MOST_GAP, _runs
from medusa.cache.layout import CHUNK_FRAMES
from medusa.errors import StoreError
from medusa.tests.cache.buckets.s3 import Proxy
from medusa.tests.cache.buckets.test_bucket_store import COUNT, check_store, spec, values, write

SIZE = 3 << 20


def object_of(bucket: str) -> tuple[BucketPath, bytes]:
    """Return an object of random bytes."""
    path, data = located(f"{bucket}/folder/object"), np.random.default_rng(0).bytes(SIZE)
    assert isinstance(path, BucketPath)
    path.put(data)
    return path, data


@pytest.mark.parametrize("cuts", [0, 1, 3])
def test_a_stream_is_the_range_of_the_object_even_if_answers_are_cut(
    bucket: str, proxy: Proxy, cuts: int
) -> None:
    path, data = object_of(bucket)
    size, version = path.version()
    assert size == SIZE
    proxy.faults.extend(["cut"] * cuts)
    parts = list(path.stream(1000, SIZE - 7, version, 1 << 16))
    assert b"".join(parts) == data[1000 : SIZE - 7] and len(parts) > 1
    assert proxy.injected == cuts


def test_an_object_that_was_replaced_is_not_read(bucket: str) -> None:
    path, data = object_of(bucket)
    _, version = path.version()
    path.put(data[::-1])
    with pytest.raises(OSError, match="replaced"):
        list(path.stream(0, SIZE, version, 1 << 16))


def test_near_blocks_are_one_request_and_far_ones_are_not() -> None:
    free = set(range(100))
    assert list(_runs(set(), free)) == []
    assert list(_runs({3}, free)) == [range(3, 4)]
    assert list(_runs({0, 1, 2 + MOST_GAP}, free)) == [range(3 + MOST_GAP)]
    assert list(_runs({0, 2 + MOST_GAP}, free)) == [range(1), range(2 + MOST_GAP, 3 + MOST_GAP)]
    assert list(_runs({0, 3}, free - {2})) == [range(1), range(3, 4)]
    whole = list(_runs(free, free))
    assert [len(run) for run in whole[:-1]] == [MOST_BLOCKS] * (len(whole) - 1)
    assert [block for run in whole for block in run] == sorted(free)


def test_a_shard_is_read_with_few_requests(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (blocks, reader):
        monkeypatch.setattr(module, "BLOCK_BYTES", 1 << 16)
    store, asked = f"{bucket}/toy.zarr", []
    write(store, range(COUNT), COUNT)
    real = BucketPath.stream

    def stream(path: BucketPath, start: int, stop: int, version: str, least: int):
        asked.append((start, stop))
        return real(path, start, stop, version, least)

    monkeypatch.setattr(BucketPath, "stream", stream)
    check_store(store, range(COUNT))
    opened = FeatureStore.open(store)
    size = sum(opened.used.values()) * 64 * 4
    assert size > 8 << 16 and len(asked) <= 1 + size // (MOST_BLOCKS << 16)
    assert len({start for start, _ in asked}) == len(asked)


def test_a_shard_is_whole_without_the_block_that_only_has_the_end_of_its_file(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = f"{bucket}/toy.zarr"
    frames = np.random.default_rng(0).normal(size=(1, 2 * CHUNK_FRAMES, 64)).astype(np.float32)
    with StoreWriter(store, spec()) as writer:
        writer.append("u", frames)
    for module in (blocks, reader):
        monkeypatch.setattr(module, "BLOCK_BYTES", frames.nbytes // 2)
    opened = FeatureStore.open(store)
    for _ in range(2):
        assert np.array_equal(opened.read(["u"]).values.numpy(), frames[0])
    way = opened._way("layer_1")
    assert way.copies[0].absent() == {2} and list(way.whole) == [0]


def test_blocks_of_another_process_arrive_at_any_moment(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the second shard is looked at, the first one's blocks arrive through another reader."""
    store = f"{bucket}/toy.zarr"
    write(store, range(COUNT), COUNT // 2)  # two shards
    readers = [FeatureStore.open(store), FeatureStore.open(store)]
    real, looked = BucketPath.version, []

    def version(path: BucketPath) -> tuple[int, str]:
        looked.append(path)
        if len(looked) == 2:
            readers[1].read(["0"])
        return real(path)

    monkeypatch.setattr(BucketPath, "version", version)
    found = readers[0].read([str(number) for number in range(COUNT)])
    monkeypatch.undo()
    expected = np.concatenate([values(number)[0] for number in range(COUNT)])
    assert len(looked) >= 3 and np.array_equal(found.values.numpy(), expected)


def test_a_copy_that_was_removed_lends_nothing_to_the_next_one(tmp_path: Path) -> None:
    folder = blocks.BlockFolder(tmp_path, 1 << 30)
    size = 3 * blocks.BLOCK_BYTES + 5
    first = folder.copy("s3://speech/shard", "1", size)
    next(tmp_path.glob("*.shard")).unlink()  # another process makes room
    first.write(0, memoryview(bytes(10)))
    first.marks[:] = 1
    again = folder.copy("s3://speech/shard", "1", size)
    assert again.absent() == {0, 1, 2, 3} and not first.absent()
    assert folder.copy("s3://speech/shard", "2", size).path != again.path
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".shard", ".shard"]


def test_a_full_disk_names_the_folder_of_the_copies(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = f"{bucket}/toy.zarr"
    write(store, range(3), 3)

    def full(*given: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StoreError, match=r"No space left on device.*MEDUSA_BLOCKS"):
        FeatureStore.open(store).read(["0"])
    monkeypatch.undo()
