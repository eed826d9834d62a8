"""Opening and reading a store with 10 million utterances, compared with a small store.

    python benchmarks/ten_million.py --json benchmarks/results/ten_million.json

The utterances have three sizes. The shards are hard links of one file, and only the index is of
full size: the program measures the index and the code, not a disk. A new process opens the store
of short utterances; its peak memory is that of the whole process. Another one reads random batches
from both stores in turn, as the training does, and, to show the noise, from two small stores.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import binom

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter, Stream, index, load
from medusa.cache.access import FILES
from medusa.cache.layout import SHARD_FRAMES, checksum, shard_path
from medusa.heads.runs.environment import environment

# The frames of an utterance, and their width. The last ones are 5 s of WavLM Large, whose 76,000
# shards are more than a process keeps open.
SHAPES = ((8, 8), (8, 512), (250, 1024))
SMALL, BATCH, BATCHES, ROUNDS = 20_000, 16, 500, 41
MOST_LINKS = 60_000  # ext4 allows 65,000


def make(path: Path, count: int, length: int, width: int) -> None:
    """Write a store of at least `count` utterances of `length` frames; its shards are links."""
    spec = FeatureSpec(
        "toy", "toy", "local", "1", "audio", (1,), "none", "float16", width, 0.02, preprocessing={}
    )
    each = SHARD_FRAMES // length
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(each * length, width)).astype(np.float16)
    with StoreWriter(path, spec) as writer:
        for number in range(each):
            rows = frames[number * length : (number + 1) * length]
            writer.append(f"first{number:027d}", rows[None])
    sums = [checksum(frames[first : first + length]) for first in range(0, len(frames), length)]
    shards = -(-count // each)
    count = shards * each  # The last shard is full, too.
    source = shard_path(path, "layer_1", 0)
    for shard in range(1, shards):
        target = shard_path(path, "layer_1", shard)
        target.parent.mkdir()
        if shard % MOST_LINKS:
            os.link(source, target)
        else:
            source = shutil.copy(source, target)
    rows = np.arange(count)
    digests = rng.bytes(16 * count).hex()
    text = pa.py_buffer(digests.encode())
    offsets = pa.py_buffer((np.arange(count + 1) * 32).astype(np.int32))
    lists = pa.array(np.arange(count + 1, dtype=np.int32))
    none = pa.array(np.zeros(count + 1, np.int32))
    columns = {
        "content": pa.Array.from_buffers(pa.string(), count, [None, offsets, text]),
        "shard": (rows // each).astype(np.int32),
        "start": (rows % each * length).astype(np.int32),
        "length": np.full(count, length, np.int32),
        "crc32c": pa.ListArray.from_arrays(lists, np.array(sums, np.uint32)[rows % each]),
        "flags": pa.ListArray.from_arrays(none, pa.array([], pa.string())),
        "error": np.zeros(count, np.float32),
    }
    for old in (path / index.INDEX).glob("*.parquet"):
        old.unlink()
    index._write(path, "merged", pa.table(columns, index.SCHEMA))


def opened(path: Path) -> dict[str, float]:
    """Return the seconds of opening a store and of finding utterances, and the peak memory."""
    began, cpu_s = time.perf_counter(), time.process_time()
    store = FeatureStore.open(path)
    opened_s, opened_cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    rows = np.random.default_rng(1).integers(0, len(store), 1000)
    names = store.index.table["content"].take(rows).to_pylist()
    began = time.perf_counter()
    assert (store.locate(names) == rows).all()
    return {
        "utterances": len(store),
        "open_s": opened_s,
        "open_cpu_s": opened_cpu_s,
        "locate_microseconds": (time.perf_counter() - began) / len(rows) * 1e6,
        "peak_gb": peak_gb(),
    }


def peak_gb() -> float:
    """Return the peak memory of this process; `getrusage` would count that of its parent, too."""
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(line) / 1e6


def compared(paths: Sequence[Path]) -> dict[str, Any]:
    """Return the microseconds of an utterance in random batches, of two stores read in turn.

    `speed` is that of the second store relative to the first: the median over pairs of rounds.
    """
    stores, rng = [FeatureStore.open(path) for path in paths], np.random.default_rng(1)
    streams = [
        Stream(store, "layer_1", rng.integers(0, len(store), BATCH * BATCHES)) for store in stores
    ]
    batches = [np.arange(one, one + BATCH) for one in range(0, BATCH * BATCHES, BATCH)]
    for stream in streams:  # Now the shards are open, and every utterance was compared.
        read_s(stream, batches)
    pairs = []
    for number in range(ROUNDS):  # The order turns.
        order = (0, 1) if number % 2 else (1, 0)
        seconds = {i: read_s(streams[i], batches) for i in order}
        pairs.append((seconds[0], seconds[1]))
    small, large = (median(column) / (BATCH * BATCHES) * 1e6 for column in zip(*pairs, strict=True))
    speeds = sorted(one / other for one, other in pairs)
    return {"small": small, "large": large, "speed": median(speeds), "interval": interval(speeds)}


def interval(ordered: Sequence[float]) -> list[float]:
    """Return the 95 % interval of the median of sorted values, by the binomial distribution."""
    low = int(binom.ppf(0.025, len(ordered), 0.5))
    return [ordered[low - 1], ordered[len(ordered) - low]]


def read_s(stream: Stream, batches: Sequence[Any]) -> float:
    """Return the seconds of reading batches as the training does."""
    began = time.perf_counter()
    for _ in load([stream], batches):
        pass
    return time.perf_counter() - began


def child(*arguments: object) -> dict[str, Any]:
    """Measure in a new process."""
    command = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure both stores, and print or write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=10_000_000)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--compare", type=Path, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.open or given.compare:
        print(json.dumps(opened(given.open) if given.open else compared(given.compare)))
        return
    result: dict[str, Any] = {"microseconds_of_an_utterance": {}}
    for length, width in SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{name}.zarr" for name in ("small", "large")]
            for path, count in zip(paths, (SMALL, given.utterances), strict=True):
                make(path, count, length, width)
            if "large" not in result:
                result |= {path.stem: child("--open", path) for path in paths}
            of_shape = child("--compare", *paths)
            name = f"{length} frames of {2 * width} bytes"
            result["microseconds_of_an_utterance"][name] = of_shape
            if "control" not in result:
                copy = shutil.copytree(paths[0], Path(folder) / "copy.zarr")
                result["control"] = child("--compare", paths[0], copy)
    result["shards_kept_open"] = FILES
    result["environment"] = environment()
    text = json.dumps(result, indent=2) + "\n"
    if given.json:
        given.json.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
