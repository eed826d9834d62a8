"""Objects arrive part by part; near blocks of a shard are one request."""

from pathlib import Path

import numpy as np
import pytest

from medusa.bucket_path import BucketPath, located
from medusa.cache import FeatureStore
from medusa.cache.buckets import blocks, reader
from medusa.cache.buckets.reader import MOST_BLOCKS, MOST_GAP, _runs
from medusa.tests.cache.buckets.s3 import Proxy
from medusa.tests.cache.buckets.test_bucket_store import COUNT, check_store, write

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
