"""Reading short utterances from maps, and with `pread`: which is faster depends on their size.

    python benchmarks/short_reads.py --json benchmarks/results/short_reads.json

Batches of 16 utterances at random places are read in both ways in turn: after they were requested
in advance (as in a first epoch), and without (as in later epochs, if all is in memory). All shards
are in memory. `cache/access.py` takes `pread` below `SHORT_BYTES`.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.access import Mapped, OneByOne, Piece
from medusa.cache.disk import QUIET_LOOKS
from medusa.cache.layout import SHARD_FRAMES
from medusa.heads.runs.environment import environment

WIDTH, SHARDS, BATCHES, ROUNDS = 1024, 20, 200, 21
FRAMES = (1, 2, 4, 8, 16, 32, 64, 125, 250)


def made(path: Path) -> FeatureStore:
    """Return a store of 20 shards."""
    spec = FeatureSpec(
        "toy", "toy", "local", "1", "audio", (1,), "none", "float16", WIDTH, 0.02, preprocessing={}
    )
    rows = np.random.default_rng(0).normal(size=(1, SHARD_FRAMES, WIDTH)).astype(np.float16)
    with StoreWriter(path, spec) as writer:
        for number in range(SHARDS):
            writer.append(str(number), rows)
    return FeatureStore.open(path)


def batches_of(length: int) -> list[list[Piece]]:
    """Return batches of pieces of this length at random places."""
    rng = np.random.default_rng(1)
    shards = rng.integers(0, SHARDS, (BATCHES, 16))
    starts = rng.integers(0, SHARD_FRAMES - length, (BATCHES, 16))
    pieces = np.stack([shards, starts, np.full_like(shards, length)], 2)
    found: list[list[Piece]] = pieces.tolist()
    return found


def microseconds(way: Mapped | OneByOne, batches: list[list[Piece]], quiet: bool) -> float:
    """Return the microseconds of an utterance; nothing is requested in advance if all is quiet."""
    out = np.empty((16 * batches[0][0][2], WIDTH), np.float16)
    began = time.perf_counter()
    for batch in batches:
        way.disk.quiet = QUIET_LOOKS if quiet else 0
        way.prefetch(batch)
        way.gather(batch, out)
    return (time.perf_counter() - began) / (BATCHES * 16) * 1e6


def compared(
    ways: list[Mapped | OneByOne], batches: list[list[Piece]], quiet: bool
) -> dict[str, float]:
    """Return the microseconds of both ways, and the ratio of their speeds."""
    for way in ways:
        microseconds(way, batches, quiet)
    pairs = [[microseconds(way, batches, quiet) for way in ways] for _ in range(ROUNDS)]
    of_map, of_pread = (median(column) for column in zip(*pairs, strict=True))
    return {
        "map_microseconds": of_map,
        "pread_microseconds": of_pread,
        "speed_of_pread_to_map": median(one / other for one, other in pairs),
    }


def main() -> None:
    """Measure all sizes, and print or write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    result: dict[str, Any] = {"utterances_of_kilobytes": {}}
    with tempfile.TemporaryDirectory() as folder:
        store = made(Path(folder) / "toy.zarr")
        array, shards = store.arrays["layer_1"], store.path / "layer_1/c"
        ways = [way(array, shards, store.used) for way in (Mapped, OneByOne)]
        for length in FRAMES:
            batches = batches_of(length)
            result["utterances_of_kilobytes"][str(length * array.row_bytes // 1024)] = {
                name: compared(ways, batches, name == "later_epochs")
                for name in ("first_epoch", "later_epochs")
            }
    result["environment"] = environment()
    text = json.dumps(result, indent=2) + "\n"
    if given.json:
        given.json.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
