"""The feature cache against memcpy, other formats and the usual DataLoader, in one run.

    python benchmarks/cache.py --json benchmarks/results/cache.json

Every figure is the median over rounds of a ratio of two times, which are taken in turn in the same
run, since the speed of a machine drifts. The features are synthetic, in fp16, 1024 wide, and as
long as those of MSP-Podcast.
"""

import argparse
import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import tensorstore
import torch
import zarr

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter, Stream, load
from medusa.cache.layout import SHARD_FRAMES
from medusa.cache.store import Buffers
from medusa.heads.runs.environment import environment

WIDTH, BATCH, FRAMES_A_SECOND = 1024, 16, 50


def spec(dtype: str = "float16", width: int = WIDTH) -> FeatureSpec:
    """Return the spec of the simulated features."""
    return FeatureSpec(
        "simulated", "simulated", "local", "1", "audio", (24,), "none", dtype, width, 0.02, {}
    )


def corpus_lengths(count: int, seed: int = 0) -> np.ndarray:
    """Return log-normal numbers of frames: utterances of 1 to 20 s with a mean of 5.6 s."""
    seconds = np.random.default_rng(seed).lognormal(1.6, 0.5, count).clip(1, 20)
    return (seconds * FRAMES_A_SECOND).astype(int)


def features(lengths: np.ndarray, width: int = WIDTH) -> list[np.ndarray]:
    """Return features of these lengths, which are views into one random matrix."""
    block = np.random.default_rng(1).normal(size=(lengths.max() + 997, width)).astype(np.float16)
    return [block[i % 997 : i % 997 + n] for i, n in enumerate(lengths)]


def write_store(path: Path, values: list[np.ndarray], dtype: str = "float16") -> float:
    """Write a store, and return the seconds."""
    began = time.perf_counter()
    with StoreWriter(path, spec(dtype, values[0].shape[1])) as writer:
        for number, frames in enumerate(values):
            writer.append(str(number), frames[None])
    return time.perf_counter() - began


def write_raw(path: Path, values: list[np.ndarray]) -> float:
    """Write the same bytes in files of a shard's size, each synced, and return the seconds."""
    path.mkdir()
    began = time.perf_counter()
    waiting, frames, number = [], 0, 0
    for value in [*values, None]:
        if value is None or frames + len(value) > SHARD_FRAMES:
            with (path / str(number)).open("wb") as file:
                file.write(np.concatenate(waiting).data)
                file.flush()
                os.fsync(file.fileno())
            waiting, frames, number = [], 0, number + 1
        if value is not None:
            waiting.append(value)
            frames += len(value)
    return time.perf_counter() - began


class Folder(torch.utils.data.Dataset):
    """The published way: one float32 .npy file per utterance."""

    def __init__(self, path: Path, count: int) -> None:
        self.path, self.count = path, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.from_numpy(np.load(self.path / f"{number}.npy"))


def pad(batch: list[torch.Tensor]) -> torch.Tensor:
    """Pad a batch with zeros."""
    return torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)


def npy_epoch(path: Path, order: np.ndarray, workers: int) -> None:
    """Read an epoch in the published way."""
    batches = [order[i : i + BATCH].tolist() for i in range(0, len(order), BATCH)]
    loader = torch.utils.data.DataLoader(
        Folder(path, len(order)), batch_sampler=batches, collate_fn=pad, num_workers=workers
    )
    for batch in loader:
        batch.shape  # noqa: B018


def our_epoch(store: FeatureStore, order: np.ndarray) -> None:
    """Read an epoch through `medusa.cache.load`."""
    stream = Stream.of(store, [str(i) for i in range(len(order))])
    for parts in load([stream], [order[i : i + BATCH] for i in range(0, len(order), BATCH)]):
        parts[0].lengths.sum()


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def forget(folder: Path) -> None:
    """Drop a folder's files from the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sequential(folder: Path) -> None:
    """Read all shards of a store from start to end."""
    buffer = bytearray(8 << 20)
    for path in sorted(folder.rglob("0")):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass


class Bench:
    """All contenders on one simulated corpus in a scratch folder."""

    def __init__(self, root: Path, count: int, rounds: int) -> None:
        self.root, self.rounds = root, rounds
        self.lengths = corpus_lengths(count)
        self.values = features(self.lengths)
        self.rng = np.random.default_rng(2)
        self.results: dict[str, float] = {}

    def ratios(self, name: str, top: Callable[[], float], bottom: Callable[[], float]) -> float:
        """Return the median over rounds of top / bottom, which are measured one after the other."""
        top(), bottom()  # warm up
        pairs = [(top(), bottom()) for _ in range(self.rounds)]
        self.results[name] = round(statistics.median(a / b for a, b in pairs), 3)
        print(f"{name:32s} {self.results[name]:10.3f}", flush=True)
        return self.results[name]

    def run(self) -> None:
        self.writing()
        self.gathering()
        self.epochs()
        self.cold()
        self.stall()
        self.overhead()
        self.memory()
        self.whole_corpus()

    def writing(self) -> None:
        """Compare writing a store with writing the same bytes to plain files."""

        def ours() -> float:
            shutil.rmtree(self.root / "w", ignore_errors=True)
            return write_store(self.root / "w", self.values)

        def raw() -> float:
            shutil.rmtree(self.root / "raw", ignore_errors=True)
            return write_raw(self.root / "raw", self.values)

        self.ratios("write_vs_raw", raw, ours)
        shutil.rmtree(self.root / "raw")
        (self.root / "w").rename(self.root / "fp16")
        write_store(self.root / "int8", self.values, "int8")

    def gathering(self) -> None:
        """Compare reading warm random batches of 16 with an ideal copy from memory."""
        store, small = (FeatureStore.open(self.root / name) for name in ("fp16", "int8"))
        memory = np.concatenate(self.values)
        offsets = np.cumsum(self.lengths) - self.lengths
        batches = [self.rng.choice(len(self.lengths), BATCH) for _ in range(60)]
        out = np.empty((int(max(self.lengths[b].sum() for b in batches)), WIDTH), np.float16)

        def memcpy() -> float:
            def work() -> None:
                for batch in batches:
                    at = 0
                    for i in batch.tolist():
                        n = self.lengths[i]
                        out[at : at + n] = memory[offsets[i] : offsets[i] + n]
                        at += n

            return timed(work)

        def ours(source: FeatureStore) -> Callable[[], float]:
            buffers, name = Buffers(), source.array()
            rows = source.locate([str(i) for i in range(len(self.lengths))])
            return lambda: timed(lambda: [source.gather(rows[b], name, buffers) for b in batches])

        self.ratios("warm_gather_vs_memcpy", memcpy, ours(store))
        self.ratios("int8_gather_vs_memcpy", memcpy, ours(small))
        reader = FeatureStore.open(self.root / "fp16", "pread")
        self.ratios("pread_gather_vs_memcpy", memcpy, ours(reader))
        self._others(store, memory, offsets, batches[:20], out)

    def _others(self, store, memory, offsets, batches, out) -> None:
        """Compare h5py, zarr-python and tensorstore with the copy; the last two read our store."""
        with h5py.File(self.root / "features.h5", "w") as file:
            file.create_dataset("x", data=memory)
        h5 = h5py.File(self.root / "features.h5")["x"]
        plain = zarr.open_array(self.root / "fp16" / "layer_24", mode="r")
        driver = {"driver": "file", "path": str(self.root / "fp16" / "layer_24")}
        tensor = tensorstore.open({"driver": "zarr3", "kvstore": driver}).result()
        rows = store.locate([str(i) for i in range(len(self.lengths))])
        shards = store.index.shard[rows].astype(np.int64) * SHARD_FRAMES + store.index.start[rows]

        def gather(source, starts, read) -> Callable[[], float]:
            def work() -> None:
                for batch in batches:
                    at = 0
                    for i in batch.tolist():
                        n = int(self.lengths[i])
                        out[at : at + n] = read(source, int(starts[i]), n)
                        at += n

            return lambda: timed(work)

        copy = gather(memory, offsets, lambda s, a, n: s[a : a + n])
        self.ratios("h5py_vs_memcpy", copy, gather(h5, offsets, lambda s, a, n: s[a : a + n]))
        self.ratios("zarr_vs_memcpy", copy, gather(plain, shards, lambda s, a, n: s[a : a + n]))
        self.ratios(
            "tensorstore_vs_memcpy",
            copy,
            gather(tensor, shards, lambda s, a, n: s[a : a + n].read().result()),
        )

    def epochs(self) -> None:
        """Compare a warm epoch with the published way, with no and with four workers."""
        folder = self.root / "npy"
        folder.mkdir()
        for number, frames in enumerate(self.values):
            np.save(folder / f"{number}.npy", frames.astype(np.float32))
        store = FeatureStore.open(self.root / "fp16")
        order = self.rng.permutation(len(self.lengths))

        def ours() -> float:
            return timed(lambda: our_epoch(store, order))

        self.ratios("loader_vs_npy0", lambda: timed(lambda: npy_epoch(folder, order, 0)), ours)
        self.ratios("loader_vs_npy4", lambda: timed(lambda: npy_epoch(folder, order, 4)), ours)

    def cold(self) -> None:
        """Compare a shuffled epoch from the disk with sequential reading.

        No store may be open, since mapped pages stay in the page cache.
        """
        order = self.rng.permutation(len(self.lengths))
        gc.collect()
        os.sync()  # otherwise the disk is still writing the earlier stores
        for access, key in (("map", "cold_epoch_vs_sequential"), ("pread", "cold_pread_epoch")):

            def cold(access: str = access) -> float:
                forget(self.root / "fp16")
                fresh = FeatureStore.open(self.root / "fp16", access)
                return timed(lambda: our_epoch(fresh, order))

            def straight() -> float:
                forget(self.root / "fp16")
                return timed(lambda: sequential(self.root / "fp16"))

            self.ratios(key, straight, cold)

    def stall(self) -> None:
        """Measure the milliseconds that a training step of 10 ms waits for its warm batch."""
        store = FeatureStore.open(self.root / "fp16")
        order = self.rng.permutation(len(self.lengths))[: 60 * BATCH]
        stream = Stream.of(store, [str(i) for i in range(len(self.lengths))])
        waits = []
        feed = load([stream], [order[i : i + BATCH] for i in range(0, len(order), BATCH)])
        while True:
            began = time.perf_counter()
            if next(feed, None) is None:
                break
            waits.append(time.perf_counter() - began)
            time.sleep(0.010)
        self.results["stall_ms_at_10ms"] = round(1000 * statistics.mean(waits[1:]), 3)
        print(f"{'stall_ms_at_10ms':32s} {self.results['stall_ms_at_10ms']:10.3f}")

    def overhead(self) -> None:
        """Measure the microseconds of Python per batch, with almost nothing to copy."""
        write_store(self.root / "narrow", features(np.full(2000, 2), 1))
        store = FeatureStore.open(self.root / "narrow")
        rows = store.locate([str(i) for i in range(2000)])
        buffers, name = Buffers(), store.array()
        batches = [rows[self.rng.choice(2000, BATCH)] for _ in range(1000)]
        store.gather(batches[0], name, buffers)
        spent = [timed(lambda: [store.gather(b, name, buffers) for b in batches]) for _ in range(5)]
        self.results["overhead_us_per_batch16"] = round(min(spent) / 1000 * 1e6, 1)
        print(f"{'overhead_us_per_batch16':32s} {self.results['overhead_us_per_batch16']:10.1f}")

    def memory(self) -> None:
        """Measure the memory of a process that reads an epoch of a corpus, and of one 8x larger."""
        count = len(self.lengths) // 8
        write_store(self.root / "eighth", self.values[:count])
        peaks = [_peak(self.root / "eighth", count), _peak(self.root / "fp16", len(self.lengths))]
        self.results["memory_mb_1x"], self.results["memory_mb_8x"] = peaks
        print(f"{'memory_mb at 1x and 8x':32s} {peaks[0]:10.1f} {peaks[1]:10.1f}")

    def whole_corpus(self, count: int = 116_221, width: int = 32) -> None:
        """Measure a narrow store with as many utterances as MSP-Podcast against a small store."""
        lengths = corpus_lengths(count, seed=3)
        for name, size in (("whole", count), ("part", count // 16)):
            write_store(self.root / name, features(lengths[:size], width))
        code = OPENING.format(part=str(self.root / "part"), whole=str(self.root / "whole"))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        seconds, megabytes = (round(float(part), 3) for part in done.stdout.split())
        self.results |= {"open_116221_s": seconds, "index_116221_mb": megabytes}
        print(f"{'116,221 utterances: open s, MB':32s} {seconds:10.3f} {megabytes:10.1f}")

        def batches(name: str, size: int) -> Callable[[], float]:
            store = FeatureStore.open(self.root / name)
            rows = store.locate([str(i) for i in range(size)])
            drawn = [rows[self.rng.choice(size, BATCH)] for _ in range(400)]
            frames = sum(int(store.index.length[b].sum()) for b in drawn)
            array, buffers = store.array(), Buffers()
            return lambda: timed(lambda: [store.gather(b, array, buffers) for b in drawn]) / frames

        self.ratios(
            "large_vs_small_per_byte", batches("part", count // 16), batches("whole", count)
        )


OPENING = """
import re, time
from pathlib import Path
from medusa.cache import FeatureStore

def used():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

FeatureStore.open(Path({part!r}))
before, began = used(), time.perf_counter()
store = FeatureStore.open(Path({whole!r}))
print(time.perf_counter() - began, used() - before)
"""


def _peak(path: Path, count: int) -> float:
    """Return the MB of anonymous memory of a process that reads one epoch."""
    code = (
        "import sys; sys.argv = ['x']; import re; sys.path.insert(0, 'benchmarks');"
        "from pathlib import Path; import numpy as np; import cache as b;"
        f"store = b.FeatureStore.open(Path({str(path)!r}));"
        f"b.our_epoch(store, np.random.default_rng(0).permutation({count}));"
        "print(re.search(r'RssAnon:\\s+(\\d+)', open('/proc/self/status').read())[1])"
    )
    here = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, check=True)
    return round(int(done.stdout) / 1024, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--utterances", type=int, default=1600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="the file for the result")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), given.utterances, given.rounds)
        bench.run()
    size = {"utterances": given.utterances, "frames": int(bench.lengths.sum()), "width": WIDTH}
    result = bench.results | {"corpus": size, "environment": environment()}
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
