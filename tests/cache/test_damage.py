"""Whatever byte of a store changes, `verify` says so; and no damage kills the process."""

from pathlib import Path

import numpy as np
import pytest

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.verify import verify
from medusa.errors import MedusaError

FLIPS = 1000


def make(path: Path, dtype: str) -> dict[str, np.ndarray]:
    spec = FeatureSpec(
        "toy", "toy", "local", "1", "audio", (3, 4), "none", dtype, 4, 0.02, preprocessing={}
    )
    rng = np.random.default_rng(0)
    features = {
        f"u{i}": rng.normal(size=(2, rng.integers(1, 90), 4)).astype(np.float32) for i in range(9)
    }
    with StoreWriter(path, spec, {"torch": "2"}) as writer:
        for number, (content, values) in enumerate(features.items()):
            writer.append(content, values, ["padded"] if number == 3 else [])
            if number == 5:
                writer.commit()
    return features


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_any_flipped_byte_is_found(tmp_path, dtype):
    make(tmp_path / "s", dtype)
    assert verify(tmp_path / "s") == []
    files = [path for path in (tmp_path / "s").rglob("*") if path.is_file()]
    sizes = np.array([path.stat().st_size for path in files])
    rng = np.random.default_rng(1)
    # small files as often as large ones: data, footers, records, specs, metadata
    for path in rng.choice(np.array(files, object)[sizes > 0], FLIPS // 2):
        whole = path.read_bytes()
        place = int(rng.integers(len(whole)))
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        assert verify(tmp_path / "s"), f"{path} byte {place}"
        path.write_bytes(whole)
    assert verify(tmp_path / "s") == []


@pytest.mark.parametrize("access", ["auto", "map", "pread"])
def test_truncation_is_an_error_also_while_reading(tmp_path, access):
    features = make(tmp_path / "s", "float16")
    names = list(features)
    store = FeatureStore.open(tmp_path / "s", access)
    store.read(names, "layer_3")  # the shards are mapped, or open, from here on
    for path in sorted((tmp_path / "s" / "layer_3").rglob("0/0")):
        whole = path.read_bytes()
        for length in (0, 100, len(whole) - 1):
            with path.open("r+b") as file:
                file.truncate(length)
            for reader in (store, FeatureStore.open(tmp_path / "s", access)):
                try:
                    again = reader.read(names, "layer_3").values
                except MedusaError as problem:
                    assert "cut short" in str(problem)
                else:  # only an open file may still give what it holds
                    expected = np.concatenate([v[0] for v in features.values()])
                    assert np.array_equal(again, expected.astype(np.float16))
                    assert reader is store and length == len(whole) - 1
            assert any("missing or altered" in line for line in verify(tmp_path / "s"))
            path.write_bytes(whole)


def test_a_missing_shard_is_named(tmp_path):
    make(tmp_path / "s", "float16")
    path = tmp_path / "s" / "layer_4" / "c" / "1" / "0"
    path.unlink()
    assert [line for line in verify(tmp_path / "s") if str(path) in line]
    with pytest.raises(MedusaError, match="unreadable: it is gone; `medusa cache verify`"):
        FeatureStore.open(tmp_path / "s").read(["u8"], "layer_4")
