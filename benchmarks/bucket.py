"""Reading a store in a bucket, compared with a local store and with one stream of the server.

    python benchmarks/bucket.py --json benchmarks/results/bucket.json

It starts moto's S3 server on this machine, or takes the bucket of `--bucket`. It reads shuffled
epochs in batches of 16: from the local store and from the warm copies of the blocks, in turn, and
one time without copies (cold). One stream is a plain download of every shard, one after the other.
All ratios are of bytes for each second; 1 means as fast.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from medusa.bucket_path import BucketPath, located
from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.loader import Stream, load
from medusa.cache.upkeep.merge import merge
from medusa.tests.cache.buckets.s3 import make_bucket, moto

WIDTH, FRAMES, BATCH = 1024, 250, 16  # five seconds of WavLM large


def make(path: Path, count: int) -> None:
    """Write a store of random features."""
    rng = np.random.default_rng(0)
    spec = FeatureSpec(
        "big", "toy", "local", "1", "audio", (1,), "none", "float16", WIDTH, 0.02, preprocessing={}
    )
    with StoreWriter(path, spec) as writer:
        for number in range(count):
            frames = rng.normal(size=(1, FRAMES, WIDTH)).astype(np.float16)
            writer.append(str(number), frames)


def epoch_s(store: FeatureStore, seed: int) -> float:
    """Return the seconds of one shuffled epoch."""
    contents = list(store.index.rows)
    order = np.random.default_rng(seed).permutation(len(contents))
    batches = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]
    began = time.perf_counter()
    for (packed,) in load([Stream.of(store, contents)], batches):
        packed.values[0, 0].item()
    return time.perf_counter() - began


def stream_s(store: FeatureStore) -> float:
    """Return the seconds of downloading every shard, one after the other."""
    assert isinstance(store.path, BucketPath)
    began = time.perf_counter()
    for shard in store.used:
        (store.path / "layer_1" / "c" / str(shard) / "0").read_bytes()
    return time.perf_counter() - began


def measure(local: Path, remote: Path, blocks: Path, repeats: int) -> dict[str, Any]:
    """Return the seconds of all ways, and their ratios."""
    streams, colds, pairs = [], [], []
    for number in range(repeats):
        shutil.rmtree(blocks, ignore_errors=True)
        streams.append(stream_s(FeatureStore.open(remote)))
        colds.append(epoch_s(FeatureStore.open(remote), number))
    stores = [FeatureStore.open(local), FeatureStore.open(remote)]
    for store in stores:  # both have compared their utterances with the checksums
        epoch_s(store, 0)
    for number in range(2 * repeats):
        pairs.append([epoch_s(store, number) for store in stores])
    here, warm = (statistics.median(column) for column in zip(*pairs, strict=True))
    stream, cold = statistics.median(streams), statistics.median(colds)
    seconds = {"local": here, "warm": warm, "cold": cold, "stream": stream}
    ratios = {"warm_to_local": here / warm, "cold_to_stream": stream / cold}
    return {"seconds": seconds, "ratios": ratios, "bytes": stores[0].size_bytes()}


def main() -> None:
    """Measure, and print or write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--bucket", help="a URL; the environment has the credentials")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["MEDUSA_BLOCKS"] = str(folder / "blocks")
        url = given.bucket
        if url is None:
            address = stack.enter_context(moto())
            os.environ |= {"AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true"}
            os.environ |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
            os.environ.setdefault("AWS_REGION", "us-east-1")
            url = make_bucket(address, "benchmark")
        make(folder / "local.zarr", given.utterances)
        remote = located(f"{url}/remote.zarr")
        merge([folder / "local.zarr"], folder, remote)
        result = measure(folder / "local.zarr", remote, folder / "blocks", given.repeats)
    text = json.dumps(result, indent=2) + "\n"
    if given.json:
        given.json.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
