"""A store in a bucket is a store: the same features, under kills, faults and several writers.

`MEDUSA_LONG_TESTS=1` makes it 100 kills and 100 faults instead of 2 and 4.
"""

import copy
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import medusa
from medusa.bucket_path import BucketPath, located
from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.buckets.blocks import BLOCK_BYTES, BlockFolder
from medusa.cache.buckets.reader import Remote
from medusa.cache.exchange.convert import export, import_
from medusa.cache.upkeep.gc import clean
from medusa.cache.upkeep.merge import merge
from medusa.cache.upkeep.waste import survey
from medusa.cache.verify import verify
from medusa.errors import MedusaError, StoreError
from medusa.tests.cache.buckets.s3 import Proxy
from medusa.tests.command_line import call

LONG = bool(os.environ.get("MEDUSA_LONG_TESTS"))
KILLS, FAULTS = (100, 100) if LONG else (1, 4)
COUNT = 40
WRITE = """
import sys
from medusa.tests.cache.buckets.test_bucket_store import write
write(sys.argv[1], map(int, sys.argv[2].split(",")), 5)
"""


def spec(dtype: str = "float32") -> FeatureSpec:
    return FeatureSpec(
        "toy", "toy", "local", "1", "audio", (1,), "none", dtype, 64, 0.02, preprocessing={}
    )


def values(number: int) -> np.ndarray:
    rng = np.random.default_rng(number)
    return rng.normal(size=(1, rng.integers(1, 400), 64)).astype(np.float32)


def write(store: str, numbers, every: int, dtype: str = "float32") -> None:
    with StoreWriter(store, spec(dtype)) as writer:
        for count, number in enumerate(numbers):
            if writer.missing([str(number)]):
                writer.append(str(number), values(number))
            if count % every == every - 1:
                writer.commit()


def check_store(store: str, numbers) -> None:
    names = [str(number) for number in numbers]
    opened = FeatureStore.open(store)
    assert sorted(opened.index.rows) == sorted(names)
    expected = np.concatenate([values(int(name))[0] for name in names])
    assert np.array_equal(opened.read(names).values.numpy(), expected)


def start(store: str, numbers) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", WRITE, store, ",".join(map(str, numbers))])


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_store_in_a_bucket_equals_a_local_one(tmp_path: Path, bucket: str, dtype: str) -> None:
    places = [f"{bucket}/a folder/toy.zarr", str(tmp_path / "toy.zarr")]
    for store in places:
        write(store, range(COUNT), 10, dtype)
    there, here = map(FeatureStore.open, places)
    names = [str(number) for number in np.random.default_rng(0).permutation(COUNT)]
    there.prefetch(there.locate(names), "layer_1")
    for _ in range(2):
        found, expected = there.read(names), here.read(names)
        assert np.array_equal(found.to("cpu").values, expected.to("cpu").values)
    assert there.size_bytes() == here.size_bytes()
    assert str(there.path) == places[0] and isinstance(there.path, BucketPath)
    assert len(copy.deepcopy(there)) == COUNT  # By `__reduce__`, as for another process.
    assert verify(there.path) == []
    assert sorted(there.path.sizes()) == sorted(
        str(path.relative_to(here.path)) for path in here.path.rglob("*") if path.is_file()
    )


def test_damage_in_a_bucket_is_found(bucket: str) -> None:
    store = f"{bucket}/toy.zarr"
    write(store, range(COUNT), COUNT)
    shard = located(f"{store}/layer_1/c/0/0")
    assert isinstance(shard, BucketPath)
    data = bytearray(shard.read_bytes())
    data[7] ^= 1
    shard.put(bytes(data))
    (problem,) = verify(located(store))
    assert "the checksum differs in 1 of 40 utterances: 0" in problem
    with pytest.raises(StoreError, match="utterance 0 in shard 0 differs"):
        FeatureStore.open(store).read(["0"])
    shard.put(bytes(data[:-1]))
    with pytest.raises(StoreError, match="cut short"):
        FeatureStore.open(store).read(["1"])
    shard.unlink()
    with pytest.raises(StoreError, match="unreadable"):
        FeatureStore.open(store).read(["1"])


def test_killed_writers_lose_nothing(bucket: str, proxy: Proxy) -> None:
    store, rng = f"{bucket}/toy.zarr", np.random.default_rng(0)
    committed: set[str] = set()
    for _ in range(KILLS):
        writer = start(store, rng.permutation(COUNT))
        while writer.poll() is None and not (located(store) / "checksums.json").exists():
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 0.3))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        if (located(store) / "checksums.json").exists():
            assert verify(located(store)) == []
            now = set(FeatureStore.open(store).index.rows)
            assert committed <= now
            committed = now
    write(store, range(COUNT), 5)
    check_store(store, range(COUNT))
    assert verify(located(store)) == []


def test_two_writers_write_every_utterance_one_time(bucket: str) -> None:
    store = f"{bucket}/toy.zarr"
    with StoreWriter(store, spec()):
        pass
    writers = [start(store, range(first, COUNT, 2)) for first in (0, 1)]
    assert [writer.wait() for writer in writers] == [0, 0]
    check_store(store, range(COUNT))
    opened = FeatureStore.open(store)
    assert len(opened.index.shard) == COUNT  # no utterance has a second row
    assert verify(located(store)) == []


@pytest.mark.parametrize("fault", ["busy", "cut"])
def test_faults_of_the_network_change_nothing(bucket: str, proxy: Proxy, fault: str) -> None:
    store, rng = f"{bucket}/toy.zarr", np.random.default_rng(1)
    before = proxy.injected

    def inject() -> None:
        for _ in range(FAULTS // 2):
            time.sleep(rng.uniform(0.01, 0.1))
            while proxy.faults:  # a burst of faults would be a server that is down
                time.sleep(0.01)
            proxy.faults.append(fault)

    thread = threading.Thread(target=inject)
    thread.start()
    while thread.is_alive() or proxy.faults:
        write(store, range(COUNT), 5)
        check_store(store, range(COUNT))
        located(store).remove_all() if thread.is_alive() else None
    thread.join()
    write(store, range(COUNT), 5)
    assert proxy.injected - before >= FAULTS // 2
    check_store(store, range(COUNT))
    assert verify(located(store)) == []


def test_gc_merge_and_export_of_buckets(tmp_path: Path, bucket: str) -> None:
    one, two = f"{bucket}/one.zarr", f"{bucket}/two.zarr"
    write(one, range(30), 10)
    write(two, range(20, COUNT), 10)
    done = merge([located(one), located(two)], tmp_path, located(f"{bucket}/all.zarr"))
    assert (done.utterances, done.doubles, done.different) == (COUNT, 10, 0)
    check_store(f"{bucket}/all.zarr", range(COUNT))
    kept = {str(number) for number in range(0, 30, 3)}
    waste = survey(located(one), kept)
    assert len(waste.unused) == 20 and waste.busy == []
    clean(waste)
    check_store(one, range(0, 30, 3))
    assert verify(located(one)) == []
    export(located(one), tmp_path / "one.arrow", "arrow")
    check_store(str(import_(tmp_path / "one.arrow", tmp_path)), range(0, 30, 3))


def test_the_copies_take_a_bounded_number_of_bytes(tmp_path: Path, bucket: str) -> None:
    store = f"{bucket}/toy.zarr"
    with StoreWriter(store, spec()) as writer:
        for number in range(6):
            big = np.full((1, 32_000, 64), number, np.float32)
            writer.append(str(number), big)  # 8 MB and a shard of its own
    opened = FeatureStore.open(store)
    blocks = BlockFolder(tmp_path / "few", 3 * BLOCK_BYTES)
    way = Remote(opened.arrays["layer_1"], located(store) / "layer_1" / "c", opened.used, blocks)
    opened._ways["layer_1"] = way
    for number in [0, 1, 2, 3, 4, 5, 0, 5]:
        assert (opened.read([str(number)]).values == number).all()
        taken = sum(path.stat().st_blocks * 512 for path in (tmp_path / "few").glob("*.shard"))
        assert taken <= 3 * BLOCK_BYTES
    assert len(way.copies) < 6


def test_a_second_process_finds_the_blocks_of_the_first(bucket: str, proxy: Proxy) -> None:
    store = f"{bucket}/toy.zarr"
    write(store, range(COUNT), COUNT)
    check_store(store, range(COUNT))
    opened = FeatureStore.open(store)
    opened.gather(opened.locate(["0"]), "layer_1")  # the copy is open now
    proxy.close()
    proxy.faults.extend(["busy"] * 1000)
    assert np.array_equal(opened.read(["7"]).values.numpy(), values(7)[0])


def test_a_workspace_has_its_features_in_a_bucket(tmp_path: Path, bucket: str) -> None:
    call(tmp_path, "simulate", "--utterances", "200")
    (local,) = [path for path in (tmp_path / "features").iterdir() if path.suffix == ".zarr"][:1]
    (tmp_path / "medusa.yaml").write_text(f"features: {bucket}/features\n")
    workspace = medusa.Workspace.open(tmp_path)
    assert merge([local], workspace.features, None).path == workspace.features / local.name
    assert local.name in call(tmp_path, "cache", "ls").stdout
    call(tmp_path, "cache", "verify")
    given = ["--set", "head.name=discriminant", "--device", "cpu", "--name", "h"]
    call(tmp_path, "fit-head", "--config", "small", *given)
    assert (tmp_path / "runs/h/finished").exists()
    call(tmp_path, "cache", "gc", "--dry-run")


def test_only_features_may_be_in_a_bucket(tmp_path: Path) -> None:
    (tmp_path / "medusa.yaml").write_text("runs: s3://speech/runs\n")
    with pytest.raises(MedusaError, match="only features may be in a bucket"):
        medusa.Workspace.open(tmp_path)
    with pytest.raises(MedusaError, match="expected SCHEME://BUCKET/FOLDER"):
        located("s3://")
    assert located("file:///tmp/a") == Path("/tmp/a")
    assert located("plain/s3:/x") == Path("plain/s3:/x")
