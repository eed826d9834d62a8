"""Every way of reading gives the same numbers: mapped, positioned, ahead, in other processes."""

import errno
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter, Stream, disk, load
from medusa.cache import access as ways
from medusa.cache.access import Mapped, OneByOne, Positioned, choose, file_system
from medusa.cache.quantise import channels, dequantise, quantise
from medusa.errors import StoreError

needs_advice = pytest.mark.skipif(
    not hasattr(os, "posix_fadvise"), reason="this system has no posix_fadvise"
)


def spec(dtype: str = "float16", width: int = 8) -> FeatureSpec:
    return FeatureSpec(
        "toy", "toy", "local", "1", "audio", (1,), "none", dtype, width, 0.02, preprocessing={}
    )


def make(path, dtype="float16", count=200, width=8) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    features = {}
    with StoreWriter(path, spec(dtype, width)) as writer:
        for number in range(count):
            values = rng.normal(size=(1, rng.integers(1, 300), width)).astype(np.float16)
            features[f"u{number}"] = values[0]
            writer.append(f"u{number}", values)
            if number % 50 == 0:
                writer.commit()
    return features


def expected(features, names) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([features[name] for name in names]))


@pytest.mark.parametrize("access", ["auto", "map", "pread"])
def test_all_ways_give_the_same(tmp_path, access):
    features = make(tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s", access)
    names = np.random.default_rng(1).choice(list(features), 64).tolist()
    assert torch.equal(store.read(names).values, expected(features, names))
    assert store.read([]).values.shape == (0, 8)


@needs_advice
def test_the_way_is_chosen_by_the_file_system_the_utterances_and_the_shards(tmp_path, monkeypatch):
    assert choose(tmp_path, 500_000, 10) is Mapped
    assert choose(tmp_path, 1000, 10) is OneByOne
    assert choose(tmp_path, 500_000, ways.FILES + 1) is OneByOne
    assert file_system(tmp_path)
    monkeypatch.setattr("medusa.cache.access.file_system", lambda path: "nfs4")
    assert choose(tmp_path, 500_000, 10) is Positioned
    assert choose(tmp_path, 1000, 10) is Positioned


@needs_advice
def test_the_way_of_an_array_depends_on_its_own_bytes(tmp_path):
    with StoreWriter(tmp_path / "s", spec("int8", 1024)) as writer:
        writer.append("u", np.random.default_rng(0).normal(size=(1, 100, 1024)).astype(np.float32))
    store = FeatureStore.open(tmp_path / "s")
    store.read(["u"])
    assert type(store._way("layer_1")) is Mapped
    assert type(store._way("layer_1_scale")) is OneByOne


@pytest.mark.parametrize("access", [pytest.param("auto", marks=needs_advice), "pread"])
def test_a_read_that_the_kernel_cuts_is_continued(tmp_path, monkeypatch, access):
    features = make(tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s", access)
    assert type(store._way("layer_1")) is (OneByOne if access == "auto" else Positioned)
    real = os.preadv
    monkeypatch.setattr(os, "preadv", lambda file, parts, at: real(file, [parts[0][:100]], at))
    names = ["u3", "u150", "u8"]
    assert torch.equal(store.read(names).values, expected(features, names))


@pytest.mark.parametrize("access", ["auto", "pread"])
def test_a_shard_that_cannot_be_read_is_named(tmp_path, monkeypatch, access):
    features = make(tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s", access)
    store.read(list(features))

    def broken(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "preadv", broken)
    with pytest.raises(StoreError, match=r"layer_1/c/\d/0: .*Input/output error"):
        store.read(list(features))


def test_too_many_open_files_are_no_fault_of_the_shard(tmp_path, monkeypatch):
    features = make(tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s")

    def refused(*arguments):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(OSError, match="Too many open files") as problem:
        store.read(list(features))
    assert problem.value.errno == errno.EMFILE


@pytest.mark.parametrize("access", ["auto", "map", "pread"])
def test_a_shard_that_is_cut_while_it_is_read_is_refused(tmp_path, access):
    features = make(tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s", access)
    store.read(list(features))
    os.truncate(tmp_path / "s/layer_1/c/0/0", 8)
    with pytest.raises(StoreError, match="cut short"):
        store.read(list(features))


@needs_advice
@pytest.mark.parametrize("access", ["auto", "map"])
def test_only_what_may_be_on_the_disk_is_requested_in_advance(tmp_path, monkeypatch, access):
    features = make(tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s", access)
    rows, way, usage, found = (
        store.locate(list(features)),
        store._way("layer_1"),
        SimpleNamespace(),
        [],
    )
    way.disk.counted = True  # whatever the disk of this test is
    monkeypatch.setattr(disk.resource, "getrusage", lambda who: usage)
    monkeypatch.setattr(os, "posix_fadvise", lambda *arguments: found.append(arguments))
    seen = SimpleNamespace(madvise=lambda *arguments: found.append(arguments))

    def requested() -> int:
        found.clear()
        if access == "map":
            monkeypatch.setattr(way, "maps", {shard: (seen, None) for shard in store.used})
        store.prefetch(rows, "layer_1")
        if access == "map":
            monkeypatch.setattr(way, "maps", {})
        return len(found)

    usage.ru_inblock = 8
    store.gather(rows, "layer_1")
    for _ in range(disk.QUIET_LOOKS):
        assert requested() == len(rows)
        store.gather(rows, "layer_1")
    assert requested() == 0
    usage.ru_inblock = 16  # A page was not in memory any more.
    store.gather(rows, "layer_1")
    assert requested() == len(rows)


def test_where_the_kernel_does_not_count_all_is_requested(tmp_path, monkeypatch):
    monkeypatch.setattr("medusa.cache.disk.file_system", lambda path: "zfs")
    looked = disk.Disk(tmp_path)
    for _ in range(2 * disk.QUIET_LOOKS):
        looked.look()
    assert looked.busy


def test_threads_read_right_when_files_are_closed_and_numbers_of_files_used_again(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("medusa.cache.access.FILES", 1)
    monkeypatch.setattr("medusa.cache.access.OPEN_SHARDS", ways.OpenShards())
    features = make(tmp_path / "s")  # five shards
    store = FeatureStore.open(tmp_path / "s")
    store.read(list(features))  # From now on, no checksum would notice a wrong file.
    rng = np.random.default_rng(4)
    chosen = [rng.choice(list(features), 16).tolist() for _ in range(200)]
    with ThreadPoolExecutor(4) as pool:
        for names, packed in zip(chosen, pool.map(store.read, chosen), strict=True):
            assert torch.equal(packed.values, expected(features, names))


def test_batches_of_two_stores_are_joined_by_utterance_and_read_ahead(tmp_path):
    features = make(tmp_path / "a"), make(tmp_path / "b", count=150, width=3)
    names = [f"u{i}" for i in np.random.default_rng(2).permutation(150)]
    stores = [FeatureStore.open(tmp_path / name) for name in "ab"]
    streams = [Stream.of(store, names) for store in stores]
    order = np.random.default_rng(3).permutation(150)
    batches = [order[start : start + 16] for start in range(0, 150, 16)]
    count = 0
    for batch, parts in zip(batches, load(streams, batches), strict=True):
        chosen = [names[row] for row in batch]
        for part, there in zip(parts, features, strict=True):
            assert torch.equal(part.values, expected(there, chosen))
            assert part.lengths.tolist() == [len(there[name]) for name in chosen]
        count += 1
    assert count == 10


def test_errors_in_the_reading_thread_reach_the_caller(tmp_path):
    make(tmp_path / "a")
    stream = Stream.of(FeatureStore.open(tmp_path / "a"), ["u1", "u2"])
    with pytest.raises(IndexError):
        list(load([stream], [np.array([0]), np.array([7])]))


@pytest.mark.parametrize("access", ["auto", "map", "pread"])
def test_a_spawned_process_reads_too(tmp_path, access):
    features = make(tmp_path / "s")
    store = FeatureStore.open(tmp_path / "s", access)
    names = list(features)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        values = pool.submit(store.read, names).result().values
    assert torch.equal(values, expected(features, names))


def test_a_forked_store_still_reads(tmp_path):
    features = make(tmp_path / "s")
    for access in ("auto", "map", "pread"):
        store = FeatureStore.open(tmp_path / "s", access)
        store.read(["u1", "u2"])  # the parent has maps, files and threads before the fork
        child = os.fork()
        if child == 0:  # numpy alone: torch's own threads do not survive a fork
            names = ["u5", "u6"]
            values = store.read(names).values.numpy()
            os._exit(0 if np.array_equal(values, expected(features, names).numpy()) else 1)
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("access", ["auto", "map", "pread"])
def test_open_files_are_bounded_for_all_stores_together(tmp_path, monkeypatch, access):
    monkeypatch.setattr("medusa.cache.access.FILES", 2)
    monkeypatch.setattr("medusa.cache.access.OPEN_SHARDS", ways.OpenShards())
    features = make(tmp_path / "s")  # five shards
    stores = [FeatureStore.open(tmp_path / "s", access) for _ in range(3)]
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        for store in stores:
            assert torch.equal(
                store.read(list(features)).values, expected(features, list(features))
            )
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_int8_by_hand():
    frames = np.array([[1.0, 100], [3, 300], [5, 200]], np.float32)
    channel = channels(frames)
    assert channel[0].tolist() == [3, 200]
    values, scales = quantise(frames, channel)
    standard = (frames - channel[0]) / channel[1]
    for row in range(3):
        assert scales[row, 0] == pytest.approx(np.abs(standard[row]).max() / 127)
        assert np.abs(values[row]).max() == 127
    assert np.abs(dequantise(values, scales, channel) - frames).max() < 1


def test_int8_is_close_and_its_error_is_recorded(tmp_path):
    rng = np.random.default_rng(0)
    loud = np.ones(64, np.float32)
    loud[:3] = 500  # a few channels far louder than the rest, as in real encoders
    features = {
        f"u{i}": (rng.normal(size=(1, 200, 64)) * loud + loud).astype(np.float32) for i in range(40)
    }
    with StoreWriter(tmp_path / "s", spec("int8", 64)) as writer:
        for content, values in features.items():
            writer.append(content, values)
    store = FeatureStore.open(tmp_path / "s")
    names = list(features)
    wide = store.read(names).to("cpu", torch.float32)
    given = np.concatenate([features[name][0] for name in names])
    error = np.sqrt(np.square((wide.values.numpy() - given) / given.std(0)).mean())
    assert error < 0.009  # 0.8 % of a channel's deviation
    recorded = store.index.table["error"].to_numpy()
    assert np.sqrt(np.square(recorded).mean()) == pytest.approx(error, rel=0.05)


def test_float16_error_is_recorded(tmp_path):
    given = np.random.default_rng(0).normal(size=(1, 500, 8)).astype(np.float32)
    with StoreWriter(tmp_path / "s", spec()) as writer:
        writer.append("u", given)
    stored = FeatureStore.open(tmp_path / "s").read(["u"]).values.float().numpy()
    error = np.sqrt(np.square(stored - given[0]).mean()) / given.std()
    recorded = FeatureStore.open(tmp_path / "s").index.table["error"][0].as_py()
    assert recorded == pytest.approx(error, rel=1e-3) and 1e-5 < error < 1e-3


def test_clamping_is_flagged(tmp_path):
    values = np.array([[[1.0] * 8, [1e9] * 8, [np.nan] * 8]], np.float32)
    with StoreWriter(tmp_path / "s", spec(), non_finite="clamp") as writer:
        writer.append("u", values)
    store = FeatureStore.open(tmp_path / "s")
    assert store.index.flags() == {"clamped": 1}
    assert store.read(["u"]).values[:, 0].tolist() == [1, 65504, 0]


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan, 1e38])
def test_one_odd_value_leaves_the_other_utterances_as_they_were(tmp_path, odd):
    """Also those of later shards, which share the channels' scales."""
    good = np.random.default_rng(0).normal(3, 2, (1, 50, 8)).astype(np.float32)
    bad = good.copy()
    bad[0, 3, 1] = odd
    for content, values in {"bad": bad, "good": good, "later": good}.items():
        with StoreWriter(tmp_path / "s", spec("int8"), non_finite="clamp") as writer:
            writer.append(content, values)
    store = FeatureStore.open(tmp_path / "s")
    for content in ("good", "later"):
        wide = store.read([content]).to("cpu").values.numpy()
        assert np.sqrt(np.square((wide - good[0]) / good[0].std(0)).mean()) < 0.01
    whole = store.read(["bad"]).to("cpu").values.numpy()
    assert np.isfinite(whole).all()
    if np.isinf(odd):
        assert whole[3, 1] == pytest.approx(np.sign(odd) * 65504, rel=1e-3)
    np.testing.assert_allclose(whole[:3], good[0, :3], atol=0.1)
    assert store.index.flags() == ({} if odd == 1e38 else {"clamped": 1})
    assert np.isfinite(store.index.table["error"].to_numpy()).all()
