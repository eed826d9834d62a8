"""Opening and reading a store with 10 million utterances, compared with a small store.

    python benchmarks/ten_million.py --json benchmarks/results/ten_million.json

The features are narrow and the utterances short. The shards are hard links of one file, and only
the index is of full size: the program measures the index and the Python code, not a disk. A child
process opens the store and reads random batches; its peak memory is that of the whole process.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter, index
from medusa.cache.layout import SHARD_FRAMES, checksum, shard_path
from medusa.heads.runs.environment import environment

WIDTH, FRAMES, BATCH = 8, 8, 256
SMALL = 20_000


def make(path: Path, count: int) -> None:
    """Write a store of at least `count` utterances, whose shards are links of one file."""
    spec = FeatureSpec(
        "toy", "toy", "local", "1", "audio", (1,), "none", "float16", WIDTH, 0.02, preprocessing={}
    )
    each = SHARD_FRAMES // FRAMES
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(SHARD_FRAMES, WIDTH)).astype(np.float16)
    with StoreWriter(path, spec) as writer:
        for number in range(each):
            rows = frames[number * FRAMES : (number + 1) * FRAMES]
            writer.append(f"first{number:027d}", rows[None])
    sums = [checksum(frames[first : first + FRAMES]) for first in range(0, SHARD_FRAMES, FRAMES)]
    shards = -(-count // each)
    count = shards * each  # The last shard is full, too.
    source = shard_path(path, "layer_1", 0)
    for shard in range(1, shards):
        target = shard_path(path, "layer_1", shard)
        target.parent.mkdir()
        os.link(source, target)
    rows = np.arange(count)
    digests = rng.bytes(16 * count).hex()
    text = pa.py_buffer(digests.encode())
    offsets = pa.py_buffer((np.arange(count + 1) * 32).astype(np.int32))
    lists = pa.array(np.arange(count + 1, dtype=np.int32))
    none = pa.array(np.zeros(count + 1, np.int32))
    columns = {
        "content": pa.Array.from_buffers(pa.string(), count, [None, offsets, text]),
        "shard": (rows // each).astype(np.int32),
        "start": (rows % each * FRAMES).astype(np.int32),
        "length": np.full(count, FRAMES, np.int32),
        "crc32c": pa.ListArray.from_arrays(lists, np.array(sums, np.uint32)[rows % each]),
        "flags": pa.ListArray.from_arrays(none, pa.array([], pa.string())),
        "error": np.zeros(count, np.float32),
    }
    for old in (path / index.INDEX).glob("*.parquet"):
        old.unlink()
    index._write(path, "merged", pa.table(columns, index.SCHEMA))


def measure(path: Path) -> dict[str, float]:
    """Return the seconds of opening a store and of reading random batches, and the peak memory."""
    began, cpu_s = time.perf_counter(), time.process_time()
    store = FeatureStore.open(path)
    opened_s, opened_cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    rng = np.random.default_rng(1)
    rows = [rng.integers(0, len(store), BATCH) for _ in range(400)]
    for part in rows:  # every shard is mapped, and every utterance was compared
        store.gather(part, "layer_1")
    began, cpu_s = time.perf_counter(), time.process_time()
    for part in rows:
        store.gather(part, "layer_1")
    batches_s, batches_cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    began = time.perf_counter()
    names = store.index.table["content"].take(rows[0]).to_pylist()
    assert (store.locate(names) == rows[0]).all()
    return {
        "utterances": len(store),
        "open_s": opened_s,
        "open_cpu_s": opened_cpu_s,
        "microseconds_a_utterance": batches_s / (400 * BATCH) * 1e6,
        "cpu_microseconds_a_utterance": batches_cpu_s / (400 * BATCH) * 1e6,
        "locate_microseconds": (time.perf_counter() - began) / BATCH * 1e6,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def child(path: Path) -> dict[str, Any]:
    """Measure a store in a new process."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", path], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure both stores, and print or write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=10_000_000)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure)))
        return
    with tempfile.TemporaryDirectory() as folder:
        results = []
        for name, count in (("small", SMALL), ("large", given.utterances)):
            make(Path(folder) / f"{name}.zarr", count)
            results.append(child(Path(folder) / f"{name}.zarr"))
    small, large = results
    ratio = small["microseconds_a_utterance"] / large["microseconds_a_utterance"]
    result = {"small": small, "large": large, "speed_of_large_to_small": ratio}
    result["environment"] = environment()
    text = json.dumps(result, indent=2) + "\n"
    if given.json:
        given.json.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
