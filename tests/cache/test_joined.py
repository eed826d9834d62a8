"""Stores of one spec in several folders, read as one store."""

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter, Stream, load, open_all, open_places
from medusa.cache.joined import JoinedStore
from medusa.cache.upkeep.archive import archive
from medusa.cache.upkeep.merge import merge
from medusa.errors import StoreError

SPEC = FeatureSpec(
    "toy", "toy", "local", "1", "audio", (1, 2), "none", "float16", 4, 0.02, preprocessing={}
)
COUNT, SHORT = 40, 20


def write(folder: Path, names: range, dtype: str = "float16", shift: float = 0.0) -> Path:
    """Write utterances whose values depend on their names and on `shift`."""
    spec = replace(SPEC, dtype=dtype)
    path = folder / spec.folder
    with StoreWriter(path, spec) as writer:
        for name in names:
            values = np.random.default_rng(name).normal(size=(2, 3 + name % 5, 4)) + shift
            writer.append(f"{name:032x}", values.astype(np.float32))
    return path


def three(folder: Path) -> list[Path]:
    """Write three overlapping stores; the second has other values of what the first has, too."""
    paths = [write(folder / "a", range(15))]
    paths.append(write(folder / "b", range(10, 30), shift=1.0))
    paths.append(write(folder / "c", range(28, COUNT)))
    return paths


@pytest.mark.parametrize("array", ["layer_1", "layer_1+layer_2"])
@pytest.mark.parametrize("compressed", [False, True])
def test_joined_stores_are_read_as_their_merged_copy(
    tmp_path: Path, array: str, compressed: bool
) -> None:
    paths = three(tmp_path)
    merged = FeatureStore.open(merge(paths, tmp_path, tmp_path / "merged.zarr").path)
    if compressed:
        archive(paths[1], tmp_path / "d" / paths[1].name)
        paths[1] = tmp_path / "d" / paths[1].name
    joined = open_places(paths)
    assert isinstance(joined, JoinedStore) and len(joined) == len(merged) == COUNT
    names = [f"{name:032x}" for name in np.random.default_rng(0).permutation(COUNT)]
    assert joined.missing([*names, "absent"]) == ["absent"]
    assert (joined.lengths(names) == merged.lengths(names)).all()
    batches = [np.arange(first, first + 8) for first in range(0, COUNT, 8)]
    streams = [Stream.of(store, names, array) for store in (joined, merged)]
    for one, other in load(streams, batches):
        assert np.array_equal(one.values.numpy(), other.values.numpy())
        assert np.array_equal(one.lengths.numpy(), other.lengths.numpy())
    again = pickle.loads(pickle.dumps(joined)).read(names[:5], array)
    assert np.array_equal(again.values.numpy(), merged.read(names[:5], array).values.numpy())
    assert joined.size_bytes() == sum(FeatureStore.open(path).size_bytes() for path in paths)


def test_the_first_store_counts_for_what_several_have(tmp_path: Path) -> None:
    paths = three(tmp_path)
    both = [f"{12:032x}"]
    first, second = (FeatureStore.open(path).read(both, "layer_1").values for path in paths[:2])
    assert not np.array_equal(first, second)
    assert np.array_equal(open_places(paths).read(both, "layer_1").values, first)
    assert np.array_equal(open_places(paths[::-1]).read(both, "layer_1").values, second)


def test_folders_of_stores_are_joined_by_the_names_of_the_stores(tmp_path: Path) -> None:
    three(tmp_path)
    other = write(tmp_path / "c", range(3), "float32")
    write(tmp_path / "empty", range(0))
    stores = open_all(tmp_path / "empty", tmp_path / "a", tmp_path / "c")
    assert {len(one) for one in stores} == {3, 15 + 12}
    assert {one.places for one in stores if len(one) == 3} == {(other,)}


def test_int8_stores_with_other_scales_are_left_out(
    tmp_path: Path, shown: None, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [write(tmp_path / "a", range(9), "int8"), write(tmp_path / "b", range(9, 18), "int8")]
    copy = tmp_path / "c" / paths[0].name
    shutil.copytree(paths[0], copy)
    alone = FeatureStore.open(paths[0])
    found = open_places([write(tmp_path / "empty", range(0), "int8"), paths[0], paths[1], copy])
    assert sorted(found.index.rows) == sorted(alone.index.rows)
    assert found.places == (paths[0], copy)
    assert f"{paths[1]}: left out" in capsys.readouterr().err
    names = list(alone.index.rows)
    one, other = (store.read(names, "layer_2").to("cpu") for store in (found, alone))
    assert np.array_equal(one.values, other.values)
    assert len(open_places([write(tmp_path / "empty", range(0), "int8")] * 2)) == 0


def test_a_further_folder_without_stores_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a", range(3))
    (tmp_path / "none").mkdir()
    assert len(open_all(tmp_path / "none")) == 0
    with pytest.raises(StoreError, match=r"none: no feature stores are here; .*also_features"):
        open_all(tmp_path / "a", tmp_path / "none")


def test_stores_of_two_specs_are_refused(tmp_path: Path) -> None:
    paths = [write(tmp_path, range(3)), write(tmp_path, range(3), "float32")]
    with pytest.raises(StoreError, match="its spec is not that of"):
        open_places(paths)


def test_damage_is_found_at_the_first_read_and_names_the_store(tmp_path: Path) -> None:
    paths = three(tmp_path)
    shard = paths[2] / "layer_1/c/0/0"
    damaged = bytearray(shard.read_bytes())
    damaged[SHORT * 8] ^= 1  # a frame has 8 bytes
    shard.write_bytes(damaged)
    joined = open_places(paths)
    joined.read([f"{name:032x}" for name in range(28)], "layer_1")
    with pytest.raises(StoreError, match=f"{paths[2]}.*differs from its checksum"):
        joined.read([f"{name:032x}" for name in range(30, COUNT)], "layer_1")
