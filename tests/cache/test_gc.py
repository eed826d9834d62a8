"""What no manifest uses goes; what is used stays, whatever happens on the way."""

import multiprocessing
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import zarr

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter, index
from medusa.cache.layout import SHARD_FRAMES
from medusa.cache.upkeep.archive import archive
from medusa.cache.upkeep.gc import clean
from medusa.cache.upkeep.waste import remains, survey
from medusa.cache.verify import verify
from medusa.errors import MedusaError

NAMES = [f"c{i}" for i in range(60)]


def make(path: Path, dtype: str = "float16", every: int = 10) -> None:
    spec = FeatureSpec(
        "toy", "toy", "local", "1", "audio", (3, 4), "none", dtype, 4, 0.02, preprocessing={}
    )
    rng = np.random.default_rng(0)
    with StoreWriter(path, spec) as writer:
        for number, content in enumerate(NAMES):
            values = rng.normal(size=(2, rng.integers(1, 90), 4)).astype(np.float32)
            writer.append(content, values, ["padded"] if number % 7 == 0 else [])
            if number % every == every - 1:
                writer.commit()


def bits(path: Path, contents) -> list[bytes]:
    store = FeatureStore.open(path)
    packed = [store.read([c], name) for c in contents for name in store.spec.arrays]
    return [p.values.numpy().tobytes() for p in packed]


def files(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("every", [1, 10])
@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_only_what_is_unused_goes(tmp_path, dtype, every):
    path = tmp_path / "s.zarr"
    make(path, dtype, every)  # six shards, or sixty with a merged index
    used = {f"c{i}" for i in range(20)} | {"c33", "c59", "elsewhere"}
    kept = sorted(used - {"elsewhere"})
    before, untouched = bits(path, kept), files(path)
    waste = survey(path, used)
    frames = FeatureStore.open(path).lengths([c for c in NAMES if c not in used]).sum()
    row_bytes = 2 * 4 * 2 if dtype == "float16" else 2 * (4 + 4)
    assert sorted(waste.unused) == sorted(set(NAMES) - used)
    assert waste.unused_bytes == frames * row_bytes
    assert files(path) == untouched  # looking changes nothing
    clean(waste)
    store = FeatureStore.open(path)
    assert sorted(store.index.rows) == kept
    assert bits(path, kept) == before and verify(path) == []
    assert store.index.flags() == {"padded": len([c for c in kept if int(c[1:]) % 7 == 0])}
    assert sum(store.used.values()) == store.lengths(kept).sum()
    data = sorted(int(p.name) for p in (path / "layer_3" / "c").iterdir())
    assert data == sorted(store.used) and max(data) == (6 if every == 10 else 59)
    array = zarr.open_group(path, mode="r")["layer_4"]
    row = store.index.rows["c59"]
    first = int(store.index.shard[row]) * SHARD_FRAMES + int(store.index.start[row])
    again = array[first : first + int(store.index.length[row])]
    assert np.asarray(again).tobytes() == store.read(["c59"], "layer_4").values.numpy().tobytes()
    after = files(path)
    waste = survey(path, used)  # a rerun does nothing
    assert not waste.unused and not waste.orphans and not waste.busy and not waste.shards
    clean(waste)
    assert files(path) == after


def test_whole_shards_that_are_used_are_not_touched(tmp_path):
    path = tmp_path / "s.zarr"
    make(path)
    old = files(path)
    clean(survey(path, set(NAMES) - {"c25"}))
    new = files(path)
    same = {name for name in old if new.get(name) == old[name]}
    assert {name for name in old if "/c/" in name} - same == {
        "layer_3/c/2/0",
        "layer_4/c/2/0",
    }


def test_an_empty_store_stays_one_and_is_filled_again(tmp_path):
    path = tmp_path / "s.zarr"
    make(path)
    before = bits(path, NAMES)
    clean(survey(path, set()))
    assert len(FeatureStore.open(path)) == 0 and verify(path) == []
    assert not survey(path, set()).busy
    make(path)
    assert bits(path, NAMES) == before and verify(path) == []
    assert min(FeatureStore.open(path).used) == 6  # numbers are never used twice


def clean_and_die(path: Path, used: set[str], step: int) -> None:
    """Clean a store, but be gone before change number `step` to the folder."""
    count = [0]

    def before(change):
        def counted(*args, **kwargs):
            count[0] += 1
            if count[0] == step:
                os._exit(9)
            return change(*args, **kwargs)

        return counted

    Path.unlink, Path.replace = before(Path.unlink), before(Path.replace)
    os.fsync, os.rmdir, os.open = before(os.fsync), before(os.rmdir), before(os.open)
    clean(survey(path, used))
    os._exit(0)


@pytest.mark.parametrize("every", [1, 10])
def test_killed_at_any_step_nothing_is_lost(tmp_path, every):
    make(tmp_path / "whole", every=every)
    used = {c for i, c in enumerate(NAMES) if i % 3}
    before = bits(tmp_path / "whole", sorted(used))
    fork = multiprocessing.get_context("fork")
    path, step, stride = tmp_path / "s", 1, 5 if every == 10 else 67  # all steps: minutes
    while True:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(tmp_path / "whole", path)
        child = fork.Process(target=clean_and_die, args=(path, used, step))
        child.start()
        child.join()
        assert verify(path) == []
        assert bits(path, sorted(used)) == before
        clean(survey(path, used, older_than_s=-1))  # the next run goes on
        assert sorted(FeatureStore.open(path).index.rows) == sorted(used)
        assert bits(path, sorted(used)) == before and verify(path) == []
        shards = set(FeatureStore.open(path).used)
        assert {int(p.name) for p in (path / "layer_3" / "c").iterdir()} == shards
        if child.exitcode == 0:
            break
        step += stride
    assert step > 30


def test_a_running_writer_is_left_alone_and_old_remains_go(tmp_path):
    path = tmp_path / "s.zarr"
    make(path)
    index.committed(path)[2].unlink()  # as if it had not been committed yet
    (path / "index" / ".000009-1.parquet.77.partial").write_text("half")
    waste = survey(path, set(NAMES))
    assert waste.busy == [2] and waste.orphans == []
    with pytest.raises(MedusaError, match="shard 2 is being written"):
        clean(waste)
    for file in path.rglob("*"):
        os.utime(file, (time.time() - 90000, time.time() - 90000))
    waste = survey(path, set(NAMES))
    assert waste.busy == []
    assert [str(p.relative_to(path)) for p in waste.orphans] == [
        "index/000002.claim",
        "layer_3/c/2",
        "layer_4/c/2",
        "index/.000009-1.parquet.77.partial",
    ]
    assert waste.orphan_bytes > 1000
    clean(waste)
    assert not (path / "layer_3" / "c" / "2").exists() and verify(path) == []
    assert len(FeatureStore.open(path)) == 50
    assert survey(path, set(NAMES)).orphans == []


def test_the_highest_number_stays_taken(tmp_path):
    path = tmp_path / "s.zarr"
    make(path)
    (path / "index" / "000009.claim").write_text("")
    waste = survey(path, set(NAMES), older_than_s=-1)
    assert waste.orphans == [] and waste.busy == []


def test_damage_stops_it_before_anything_is_given_up(tmp_path):
    path = tmp_path / "s.zarr"
    make(path)
    shard = path / "layer_4" / "c" / "3" / "0"
    data = bytearray(shard.read_bytes())
    data[0] ^= 1  # c30, which is used
    shard.write_bytes(data)
    with pytest.raises(MedusaError, match="c30"):
        clean(survey(path, set(NAMES) - {"c31"}))
    store = FeatureStore.open(path)
    assert sorted(store.index.rows) == sorted(NAMES)
    assert {int(p.name) for p in (path / "layer_3" / "c").iterdir()} == set(store.used)


def test_an_archive_is_not_cleaned(tmp_path):
    make(tmp_path / "s.zarr")
    archive(tmp_path / "s.zarr", tmp_path / "cold")
    with pytest.raises(MedusaError, match="restore"):
        clean(survey(tmp_path / "cold", {"c1"}, older_than_s=-1))


@pytest.mark.parametrize("name", [".x.zarr.host-1.partial", ".x.zarr.1.removed"])
def test_what_killed_exports_and_removals_left_is_found_when_old(tmp_path, name):
    left = tmp_path / name
    left.mkdir()
    (left / "file").write_text("1")
    assert remains(tmp_path) == []
    for file in (left / "file", left):
        os.utime(file, (0, 0))
    assert remains(tmp_path) == [left]
