"""A store gives back what was put in, whoever reads it, and only what was committed."""

import numpy as np
import pytest
import tensorstore
import torch
import zarr

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter, index
from medusa.cache.layout import SHARD_FRAMES, shard_path
from medusa.cache.verify import verify
from medusa.errors import StoreError, WriteError


def spec(**changes) -> FeatureSpec:
    values = {
        "backbone": "wavlm",
        "family": "ssl",
        "checkpoint": "local",
        "revision": "abc",
        "input": "audio",
        "layers": (1, 2),
        "reduce": "none",
        "dtype": "float16",
        "width": 8,
        "frame_shift_s": 0.02,
        "preprocessing": {"normalise": True},
    }
    return FeatureSpec(**(values | changes))


def utterances(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        f"u{i}": rng.normal(size=(2, rng.integers(1, 700), 8)).astype(np.float16)
        for i in range(count)
    }


def write(path, features, **kwargs) -> None:
    with StoreWriter(path, spec(**kwargs)) as writer:
        for content, values in features.items():
            writer.append(content, values)


def test_identity_is_what_changes_the_numbers():
    assert spec().digest == spec(backbone="another label").digest
    assert spec().digest != spec(dtype="float32").digest
    assert spec().digest != spec(preprocessing={"normalise": False}).digest
    assert FeatureSpec.from_dict(spec().to_dict()) == spec()


def test_reads_back_in_the_order_asked_from_several_shards(tmp_path):
    features = utterances(300)  # about 105,000 frames: four shards
    write(tmp_path / "s", features)
    store = FeatureStore.open(tmp_path / "s")
    assert len(store.used) == 4
    order = list(np.random.default_rng(1).permutation(list(features)))
    packed = store.read(order, "layer_2")
    assert packed.lengths.tolist() == [features[name].shape[1] for name in order]
    expected = np.concatenate([features[name][1] for name in order])
    assert torch.equal(packed.values, torch.from_numpy(expected))
    assert verify(tmp_path / "s") == []


def test_zarr_and_tensorstore_read_the_same_store(tmp_path):
    features = utterances(120)
    write(tmp_path / "s", features)
    store = FeatureStore.open(tmp_path / "s")
    by_zarr = zarr.open_group(tmp_path / "s", mode="r")["layer_1"]
    url = {"driver": "file", "path": str(tmp_path / "s" / "layer_1")}
    by_tensorstore = tensorstore.open({"driver": "zarr3", "kvstore": url}).result()
    for content, values in features.items():
        row = store.index.rows[content]
        start = int(store.index.shard[row]) * SHARD_FRAMES + int(store.index.start[row])
        length = int(store.index.length[row])
        for array in (by_zarr, by_tensorstore):
            assert np.array_equal(np.asarray(array[start : start + length]), values[0])


def test_a_rearranged_shard_is_read_through_zarr(tmp_path):
    """A compressed copy (an archive) has no flat shards, and still reads the same."""
    features = utterances(20)
    write(tmp_path / "s", features)
    array = zarr.open_array(tmp_path / "s" / "layer_1")
    values = array[:]
    zarr.create_array(
        tmp_path / "s" / "layer_1",
        shape=array.shape,
        shards=array.shards,
        chunks=array.chunks,
        dtype=array.dtype,
        compressors=zarr.codecs.ZstdCodec(),
        overwrite=True,
    )[:] = values
    packed = FeatureStore.open(tmp_path / "s").read(list(features), "layer_1")
    assert np.array_equal(packed.values, np.concatenate([v[0] for v in features.values()]))


def test_writing_again_adds_only_what_is_missing(tmp_path):
    features = utterances(30)
    write(tmp_path / "s", dict(list(features.items())[:10]))
    first = shard_path(tmp_path / "s", "layer_1", 0).read_bytes()
    with StoreWriter(tmp_path / "s", spec()) as writer:
        assert writer.missing([*features, "u0"]) == [f"u{i}" for i in range(10, 30)]
        for content, values in features.items():
            writer.append(content, values)
    assert shard_path(tmp_path / "s", "layer_1", 0).read_bytes() == first
    store = FeatureStore.open(tmp_path / "s")
    expected = np.concatenate([values[0] for values in features.values()])
    assert np.array_equal(store.read(list(features), "layer_1").values, expected)


def test_a_shard_without_its_record_does_not_exist(tmp_path):
    features = utterances(5)
    write(tmp_path / "s", features)
    index.committed(tmp_path / "s")[0].unlink()
    store = FeatureStore.open(tmp_path / "s")
    assert store.missing(features) == list(features)
    with pytest.raises(StoreError, match="medusa extract --backbone wavlm"):
        store.read(["u0"], "layer_1")
    write(tmp_path / "s", features)  # takes another shard number
    assert FeatureStore.open(tmp_path / "s").index.shard.tolist() == [1] * 5


def test_two_writers_at_once_lose_nothing(tmp_path):
    features = utterances(40)
    names = list(features)
    with StoreWriter(tmp_path / "s", spec()) as one, StoreWriter(tmp_path / "s", spec()) as other:
        for name in names[:25]:
            one.append(name, features[name])
        one.commit()
        for name in names[15:]:
            other.append(name, features[name])
    store = FeatureStore.open(tmp_path / "s")
    expected = np.concatenate([values[0] for values in features.values()])
    assert np.array_equal(store.read(names, "layer_1").values, expected)
    assert zarr.open_array(tmp_path / "s" / "layer_1").shape[0] == 2 * SHARD_FRAMES


def test_many_records_are_merged_and_say_the_same(tmp_path):
    features = utterances(40)
    with StoreWriter(tmp_path / "s", spec()) as writer:
        for content, values in features.items():
            writer.append(content, values)
            writer.commit()
    assert len(index.merged(tmp_path / "s")) == 1
    assert list(FeatureStore.open(tmp_path / "s").index.rows) == list(features)


def test_verify_names_a_flipped_byte(tmp_path):
    features = utterances(10)
    write(tmp_path / "s", features)
    path = shard_path(tmp_path / "s", "layer_2", 0)
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    assert verify(tmp_path / "s") == [f"{path}: the checksum differs in 1 of 10 utterances: u0"]


def test_a_truncated_shard_is_an_error_not_a_crash(tmp_path):
    write(tmp_path / "s", utterances(10))
    path = shard_path(tmp_path / "s", "layer_1", 0)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StoreError, match="damaged"):
        FeatureStore.open(tmp_path / "s").read(["u0"], "layer_1")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((1, 3, 8)), "expected \\(2 arrays"),
        (np.zeros((2, 0, 8)), "expected \\(2 arrays"),
        (np.full((2, 3, 8), 1e6), "float16.*--set dtype=float32"),
        (np.full((2, 3, 8), np.nan), "not finite"),
        (np.zeros((2, SHARD_FRAMES + 1, 8)), "segments"),
    ],
)
def test_refuses_what_it_cannot_store(tmp_path, values, message):
    with StoreWriter(tmp_path / "s", spec()) as writer:
        with pytest.raises(WriteError, match=message), np.errstate(all="ignore"):
            writer.append("u", values)
        assert writer.missing(["u"]) == ["u"]


def test_a_store_refuses_another_spec(tmp_path):
    write(tmp_path / "s", utterances(1))
    with pytest.raises(StoreError, match="another folder"):
        StoreWriter(tmp_path / "s", spec(width=9))


def test_an_unknown_layer_lists_those_there(tmp_path):
    write(tmp_path / "s", utterances(1))
    with pytest.raises(StoreError, match="layer_1, layer_2"):
        FeatureStore.open(tmp_path / "s").read(["u0"])
