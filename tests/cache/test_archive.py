"""A compressed copy reads the same, and becomes byte for byte the store that it was."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.layout import SHARD_FRAMES, is_archive, read_spec, shard_path
from medusa.cache.upkeep.archive import archive, restore
from medusa.cache.verify import verify
from medusa.errors import MedusaError, StoreError


def make(path: Path, dtype: str) -> list[str]:
    spec = FeatureSpec(
        "toy", "toy", "local", "1", "audio", (3, 4), "none", dtype, 4, 0.02, preprocessing={}
    )
    rng = np.random.default_rng(0)
    names = [f"c{i}" for i in range(40)]
    with StoreWriter(path, spec, {"torch": "2"}) as writer:
        for number, content in enumerate(names):
            length = SHARD_FRAMES if number == 7 else rng.integers(1, 400)  # one full shard
            values = rng.normal(size=(2, length, 4)).astype(np.float32)
            values[:, ::3] = 0 if number > 30 else values[:, ::3]
            writer.append(content, np.zeros_like(values) if number == 7 else values)
    return names


def files(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8"])
def test_an_archive_reads_the_same_and_comes_back_byte_for_byte(tmp_path, dtype):
    names = make(tmp_path / "s.zarr", dtype)
    before, after = archive(tmp_path / "s.zarr", tmp_path / "cold")
    assert after < before
    spec = read_spec(tmp_path / "cold")
    assert is_archive(tmp_path / "cold", spec) and not is_archive(tmp_path / "s.zarr", spec)
    assert verify(tmp_path / "cold") == []
    with pytest.raises(StoreError, match="cache restore"):
        StoreWriter(tmp_path / "cold", spec)
    warm, cold = FeatureStore.open(tmp_path / "s.zarr"), FeatureStore.open(tmp_path / "cold")
    order = np.random.default_rng(1).permutation(names).tolist()
    for name in warm.spec.arrays:
        one, other = warm.read(order, name), cold.read(order, name)
        assert one.values.numpy().tobytes() == other.values.numpy().tobytes()
        assert one.to("cpu").values.equal(other.to("cpu").values)
    restore(tmp_path / "cold", tmp_path / "back.zarr")
    assert files(tmp_path / "back.zarr") == files(tmp_path / "s.zarr")


def test_a_damaged_archive_is_not_restored(tmp_path):
    make(tmp_path / "s.zarr", "float16")
    archive(tmp_path / "s.zarr", tmp_path / "cold")
    path = shard_path(tmp_path / "cold", "layer_4", 2)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(len(whole), size=6):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        try:
            restore(tmp_path / "cold", tmp_path / "back.zarr")
        except MedusaError:
            assert not (tmp_path / "back.zarr").exists()
        else:  # padding that holds no utterance
            assert files(tmp_path / "back.zarr") == files(tmp_path / "s.zarr")
            shutil.rmtree(tmp_path / "back.zarr")
    for cut in (0, len(whole) // 2):
        path.write_bytes(whole[:cut])
        with pytest.raises(MedusaError):
            restore(tmp_path / "cold", tmp_path / "back.zarr")
    path.unlink()
    with pytest.raises(MedusaError, match="missing"):
        restore(tmp_path / "cold", tmp_path / "back.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cold", "s.zarr"]


def test_a_damaged_store_is_not_archived(tmp_path):
    make(tmp_path / "s.zarr", "float16")
    path = shard_path(tmp_path / "s.zarr", "layer_3", 0)
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    with pytest.raises(MedusaError, match="checksum differs for utterance c0"):
        archive(tmp_path / "s.zarr", tmp_path / "cold")
    assert [p.name for p in tmp_path.iterdir()] == ["s.zarr"]


def test_an_archive_is_not_archived_twice_nor_replaced(tmp_path):
    make(tmp_path / "s.zarr", "float16")
    archive(tmp_path / "s.zarr", tmp_path / "cold")
    with pytest.raises(MedusaError, match="an archive already"):
        archive(tmp_path / "cold", tmp_path / "colder")
    with pytest.raises(MedusaError, match="--force"):
        archive(tmp_path / "s.zarr", tmp_path / "cold")
    archive(tmp_path / "s.zarr", tmp_path / "cold", force=True)
