"""Out to another format and back: the same store, bit for bit; damage and kills are noticed."""

import multiprocessing
import os
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pytest
from safetensors import safe_open

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.exchange import convert, raw
from medusa.cache.exchange.convert import export, import_
from medusa.cache.exchange.output import leftovers
from medusa.cache.layout import checksum
from medusa.cache.verify import verify
from medusa.errors import MedusaError, StoreError

FILES = ("hdf5", "arrow")


def make(path: Path, dtype: str = "float16", layers=(3, 4), count: int = 60) -> dict:
    """A store of several shards, a merged double, flags and a provenance."""
    spec = FeatureSpec(
        "toy", "toy", "local", "1", "audio", layers, "none", dtype, 4, 0.02, preprocessing={"a": 1}
    )
    rng = np.random.default_rng(0)
    features = {}
    with StoreWriter(path, spec, {"torch": "2", "é": [1]}) as writer:
        for number in range(count):
            values = rng.normal(size=(len(layers), rng.integers(1, 90), 4)).astype(np.float32)
            features[f"c{number}"] = values
            writer.append(f"c{number}", values, ["padded", "x"] if number % 9 == 3 else [])
            if number % 25 == 5:
                writer.commit()
    return features


def facts(path: Path) -> dict:
    """Everything a store says about its utterances, and their bits."""
    store = FeatureStore.open(path)
    table = store.index.table.drop_columns(["shard", "start"]).to_pylist()
    rows = {content: table[row] for content, row in store.index.rows.items()}
    names = list(rows)
    for name in store.spec.arrays:
        packed = store.read(names, name)
        scales = getattr(packed, "scales", packed.values)
        parts = zip(names, packed.split(), scales.split(packed.lengths.tolist()), strict=True)
        for content, values, scale in parts:
            rows[content][name] = values.numpy().tobytes(), scale.numpy().tobytes()
    return rows


def same(one: Path, other: Path) -> bool:
    files = ["spec.json", "provenance.json", "checksums.json", "zarr.json"]
    if (one / "channels.safetensors").exists():
        files.append("channels.safetensors")
    fixed = all((one / name).read_bytes() == (other / name).read_bytes() for name in files)
    return fixed and facts(one) == facts(other) and verify(other) == []


@pytest.mark.parametrize("layers", [(3,), (3, 4)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "int8"])
@pytest.mark.parametrize("form", convert.FORMATS)
def test_round_trips_are_bit_equal(tmp_path, monkeypatch, form, dtype, layers):
    monkeypatch.setattr(raw, "GROUP_BYTES", 4000)  # many groups
    make(tmp_path / "s.zarr", dtype, layers)
    export(tmp_path / "s.zarr", tmp_path / "out", form)
    back = import_(tmp_path / "out", tmp_path / "features")
    assert back.parent == tmp_path / "features"
    if form == "npy" and dtype == "int8":  # other numbers, and it says so: another spec
        there, here = FeatureStore.open(tmp_path / "s.zarr"), FeatureStore.open(back)
        assert here.spec.dtype == "float32" and here.spec.digest != there.spec.digest
        for name in there.spec.arrays:
            wide = there.read(list(there.index.rows), name).to("cpu").values
            mine = here.read(list(there.index.rows), name).values
            assert np.allclose(mine, wide, rtol=1e-6, atol=1e-6)
        assert verify(back) == []
    else:
        assert same(tmp_path / "s.zarr", back)


def test_hdf5_is_read_in_parts_by_h5py_alone(tmp_path):
    features = make(tmp_path / "s.zarr", "float32")
    export(tmp_path / "s.zarr", tmp_path / "s.h5", "hdf5")
    with h5py.File(tmp_path / "s.h5") as file:
        offsets, contents = file["offsets"][()], file["contents"].asstr()[()].tolist()
        assert file["layer_3"].chunks == (256, 4)
        for number in (0, 17, 59):
            rows = slice(offsets[number], offsets[number + 1])
            expected = features[contents[number]]
            assert np.array_equal(file["layer_3"][rows], expected[0])
            assert np.array_equal(file["layer_4"][rows], expected[1])


def test_int8_channels_are_readable_in_hdf5(tmp_path):
    make(tmp_path / "s.zarr", "int8", (3,))
    export(tmp_path / "s.zarr", tmp_path / "s.h5", "hdf5")
    store = FeatureStore.open(tmp_path / "s.zarr")
    with h5py.File(tmp_path / "s.h5") as file:
        mean, std = file["channels/layer_3"][()]
        wide = file["layer_3"][()] * file["layer_3_scale"][()] * std + mean
        names = file["contents"].asstr()[()].tolist()
    assert np.allclose(wide, store.read(names).to("cpu").values, rtol=1e-6, atol=1e-6)


def test_arrow_is_read_through_a_map_by_pyarrow_alone(tmp_path):
    features = make(tmp_path / "s.zarr")
    export(tmp_path / "s.zarr", tmp_path / "s.arrow", "arrow")
    with pa.memory_map(str(tmp_path / "s.arrow")) as source:
        batch = pa.ipc.open_file(source).get_batch(0)
        row = batch.column("content").to_pylist().index("c7")
        values = np.array(batch.column("layer_4")[row].as_py(), np.float16)
    assert np.array_equal(values, features["c7"][1].astype(np.float16))


def test_safetensors_are_named_by_content(tmp_path):
    features = make(tmp_path / "s.zarr", "float32")
    export(tmp_path / "s.zarr", tmp_path / "out", "safetensors")
    with safe_open(tmp_path / "out" / "features-00000.safetensors", "np") as file:
        assert np.array_equal(file.get_tensor("c7/layer_4"), features["c7"][1])


def test_npy_by_id_gives_every_id_its_file(tmp_path):
    features = make(tmp_path / "s.zarr", "float32", (3,))
    names = {"c1": ["a/b", ".hidden"], "c2": ["100%"]}
    header = export(tmp_path / "s.zarr", tmp_path / "out", "npy", names=names)
    assert header.utterances == 2
    files = sorted(path.name for path in (tmp_path / "out").glob("*.npy"))
    assert files == ["%2Ehidden.npy", "100%25.npy", "a%2Fb.npy"]
    assert np.array_equal(np.load(tmp_path / "out" / "a%2Fb.npy"), features["c1"][0])
    back = import_(tmp_path / "out", tmp_path)
    assert facts(back) == {c: facts(tmp_path / "s.zarr")[c] for c in names}


def test_an_output_that_is_there_stays_without_force(tmp_path):
    make(tmp_path / "s.zarr")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("dear")
    (tmp_path / "s.h5").write_text("old")
    with pytest.raises(StoreError, match="--force"):
        export(tmp_path / "s.zarr", tmp_path / "s.h5", "hdf5")
    assert (tmp_path / "s.h5").read_text() == "old"
    export(tmp_path / "s.zarr", tmp_path / "s.h5", "hdf5", force=True)
    for force in (False, True):  # a folder that is not ours is never replaced
        with pytest.raises(StoreError):
            export(tmp_path / "s.zarr", tmp_path / "mine", "npy", force)
    assert (tmp_path / "mine" / "thesis.tex").exists()
    back = import_(tmp_path / "s.h5", tmp_path)
    with pytest.raises(StoreError, match="--force"):
        import_(tmp_path / "s.h5", tmp_path)
    import_(tmp_path / "s.h5", tmp_path, force=True)
    assert same(tmp_path / "s.zarr", back)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("form", convert.FORMATS)
def test_damage_is_found_on_import(tmp_path, form):
    make(tmp_path / "s.zarr", "float32", count=12)
    export(tmp_path / "s.zarr", tmp_path / "out", form)
    rng = np.random.default_rng(0)
    whole = sorted(p for p in [tmp_path / "out", *tmp_path.glob("out/**/*")] if p.is_file())
    for path in rng.choice(np.array(whole, object), 15):
        data = path.read_bytes()
        for cut in (data[: len(data) // 2], b""):
            path.write_bytes(cut)
            with pytest.raises(MedusaError):
                import_(tmp_path / "out", tmp_path / "f")
        path.write_bytes(data)
    store = FeatureStore.open(tmp_path / "s.zarr")
    values = store.read(["c5"], "layer_4").values.numpy()[:1].tobytes()
    holding = [path for path in whole if values in path.read_bytes()]
    assert len(holding) == 1
    data = bytearray(holding[0].read_bytes())
    data[data.index(values) + 1] ^= 4
    holding[0].write_bytes(data)
    with pytest.raises(MedusaError, match="checksum differs for utterance c5"):
        import_(tmp_path / "out", tmp_path / "f")
    assert list((tmp_path / "f").iterdir()) == []


def test_a_damaged_store_is_not_exported(tmp_path):
    make(tmp_path / "s.zarr")
    path = tmp_path / "s.zarr" / "layer_3" / "c" / "0" / "0"
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    with pytest.raises(MedusaError, match="utterance c0"):
        export(tmp_path / "s.zarr", tmp_path / "s.h5", "hdf5")
    assert [path.name for path in tmp_path.iterdir()] == ["s.zarr"]


def die_midway(path: Path, out: Path, form: str, groups: int) -> None:
    """Export, but be gone after some groups, as after SIGKILL."""
    raw.GROUP_BYTES = 4000
    whole, seen = convert.stored, [0]

    def dying(store, rows):
        for group in whole(store, rows):
            yield group
            seen[0] += 1
            if seen[0] == groups:
                os._exit(9)

    convert.stored = dying
    export(path, out, form, True)


@pytest.mark.parametrize("form", convert.FORMATS)
def test_killed_midway_leaves_no_half_output(tmp_path, form):
    make(tmp_path / "s.zarr")
    fork = multiprocessing.get_context("fork")
    for groups, there in ((1, False), (3, False), (10**6, True), (2, True)):
        child = fork.Process(
            target=die_midway, args=(tmp_path / "s.zarr", tmp_path / "out", form, groups)
        )
        child.start()
        child.join()
        assert (tmp_path / "out").exists() is there
        assert len(leftovers(tmp_path)) == (groups < 10**6)  # one at most, not one per kill
    back = import_(tmp_path / "out", tmp_path / "f")
    assert same(tmp_path / "s.zarr", back)
    export(tmp_path / "s.zarr", tmp_path / "out", form, force=True)
    assert leftovers(tmp_path) == []


def test_what_stepped_aside_comes_back_after_a_kill(tmp_path):
    make(tmp_path / "s.zarr")
    export(tmp_path / "s.zarr", tmp_path / "out", "npy")

    def die(self, target):
        os._exit(9)

    def replace_and_die():
        rename = Path.rename
        Path.rename = lambda self, to: die(self, to) if "partial" in self.name else rename(self, to)
        export(tmp_path / "s.zarr", tmp_path / "out", "npy", force=True)

    child = multiprocessing.get_context("fork").Process(target=replace_and_die)
    child.start()
    child.join()
    assert not (tmp_path / "out").exists() and len(leftovers(tmp_path)) == 2
    with pytest.raises(StoreError, match="exists already"):  # it is back
        export(tmp_path / "s.zarr", tmp_path / "out", "npy")
    assert leftovers(tmp_path) == []
    assert same(tmp_path / "s.zarr", import_(tmp_path / "out", tmp_path))


def test_groups_are_small_whatever_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(raw, "GROUP_BYTES", 8000)
    make(tmp_path / "s.zarr", count=300)
    store = raw.open_plain(tmp_path / "s.zarr")
    sizes = [
        sum(a.nbytes for a in group.arrays) for group in raw.stored(store, raw.first_commits(store))
    ]
    assert len(sizes) > 10 and max(sizes) <= 8000
    assert sum(sizes) == sum(store.used.values()) * 2 * 4 * 2
    assert checksum(np.zeros(3, np.int8)) != 0
