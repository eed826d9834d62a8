"""The time per byte of reading the layers of an utterance side by side, against one layer.

    python benchmarks/layers.py --json benchmarks/results/layers.json

A batch of L layers has as many bytes as the batch of one layer with L times as many utterances.
Both are read in turn, from memory; the figure is the median over rounds of the ratio of their CPU
times. The features are synthetic, in fp16.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.store import Buffers
from medusa.heads.runs.environment import environment

BATCH, FRAMES = 4, 280


def make_store(folder: Path, layers: int, width: int, utterances: int) -> FeatureStore:
    """Write a store of utterances of 280 frames."""
    numbers = tuple(range(layers))
    spec = FeatureSpec(
        "simulated", "simulated", "local", "1", "audio", numbers, "none", "float16", width, 0.02, {}
    )
    block = np.random.default_rng(0).normal(size=(layers, FRAMES, width)).astype(np.float16)
    with StoreWriter(folder / spec.folder, spec) as writer:
        for number in range(utterances):
            writer.append(f"{number}", block)
    return FeatureStore.open(folder / spec.folder)


def seconds(store: FeatureStore, rows: np.ndarray, array: str, buffers: Buffers) -> float:
    """Return the CPU seconds of one batch, which other programs change little."""
    began = time.process_time()
    store.gather(rows, array, buffers)
    return time.process_time() - began


def compare(layers: int, width: int, rounds: int) -> dict[str, float]:
    """Return the times of a batch and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder), layers, width, BATCH * layers)
        every = "+".join(store.spec.arrays)
        many = np.arange(BATCH * layers)
        buffers, pairs = Buffers(), []
        for number in range(rounds + 2):  # The first two rounds fill the memory.
            one = seconds(store, many, store.spec.arrays[number % layers], buffers)
            few = BATCH * (number % layers) + np.arange(BATCH)  # Both read other bytes each round.
            pairs.append((seconds(store, few, every, buffers), one))
    ratios = sorted(side / one for side, one in pairs[2:])
    return {
        "layers": layers,
        "width": width,
        "bytes": 2 * width * FRAMES * BATCH * layers,
        "side_by_side_ms": 1e3 * statistics.median(side for side, _ in pairs[2:]),
        "one_layer_ms": 1e3 * statistics.median(one for _, one in pairs[2:]),
        "ratio": statistics.median(ratios),
        "ratio_quartiles": [ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]],
    }


def main() -> None:
    """Compare, print, and write the figures with the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    sizes = [(7, 512), (7, 1280)]
    results = [compare(layers, width, options.rounds) for layers, width in sizes]
    found = {"environment": environment(), "load": os.getloadavg()[0], "batches": results}
    for one in results:
        print(f"{one['layers']} layers, {one['width']} wide: {one['ratio']:.2f} of one layer")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
