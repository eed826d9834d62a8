"""The cost of comparing features with their checksums at their first read in a process.

    python benchmarks/first_read.py FOLDER --json benchmarks/results/first_read.json

It writes a store of float16 features as wide as WavLM large's, trains a head of the preset `small`
for one epoch with and without the comparison, in turn, and reports the ratio of the seconds. The
comparison's share of an epoch is that of the seconds by which it makes one pass of reading longer.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.first_reads import FirstReads
from medusa.cache.loader import Stream, load
from medusa.heads.config import load as load_config
from medusa.heads.fitting.fit import prepare
from medusa.heads.fitting.fitters import make_fitter
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.manifests import LabelScheme, Manifest
from medusa.workspace import Workspace

CLASSES = ("angry", "happy", "sad")
WIDTH, FRAMES = 1024, 250  # Five seconds of WavLM large.


def make(root: Path, count: int) -> Workspace:
    """Write a manifest and a store of random features."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": [f"u{i}" for i in range(count)]})
    frame["content"] = [f"audio{i}" for i in range(count)]
    frame["speaker"] = [f"s{i % 20}" for i in range(count)]
    frame["split"] = ["dev" if i % 20 == 0 else "train" for i in range(count)]
    frame["label"] = [CLASSES[i % 3] for i in range(count)]
    frame[[f"p_{name}" for name in CLASSES]] = np.eye(3)[np.arange(count) % 3]
    Manifest(frame, LabelScheme("toy", CLASSES)).write(root / "manifest.parquet")
    spec = FeatureSpec(
        "big", "toy", "local", "1", "audio", (1,), "none", "float16", WIDTH, 0.02, preprocessing={}
    )
    path = root / "features" / spec.folder
    if not path.exists():
        with StoreWriter(path, spec) as writer:
            for content in frame["content"]:
                writer.append(content, rng.normal(size=(1, FRAMES, WIDTH)).astype(np.float16))
    return Workspace.open(root)


def read_s(path: Path, compared: bool) -> float:
    """Return the seconds of one pass over the store, whose pages are in memory."""
    store = FeatureStore.open(path)
    if not compared:
        for unread in store.first_reads.unread.values():
            unread[:] = False
    contents = list(store.index.rows)
    batches = np.array_split(np.arange(len(contents)), max(1, len(contents) // 32))
    stream, began = Stream.of(store, contents), time.perf_counter()
    for _ in load([stream], batches):
        pass
    return time.perf_counter() - began


def epoch_s(workspace: Workspace, folder: Path, compared: bool) -> float:
    """Return the seconds of one epoch of training."""
    config = load_config("small", ("stages.0.epochs=1", "train.draws=1"))
    job = prepare(workspace, HeadSpec("a", config, ("big",)))
    fitter = make_fitter(job.examples, config, RunDir(folder), torch.device("cpu"))
    real = FirstReads.check
    if not compared:
        FirstReads.check = lambda *arguments: None  # type: ignore[method-assign]
    try:
        stage = config.stages[0]
        batches = fitter.draw_batches(stage)  # type: ignore[attr-defined]
        began = time.perf_counter()
        fitter.take(stage, fitter.statistics(stage), batches, len(batches))  # type: ignore[attr-defined]
        return time.perf_counter() - began
    finally:
        FirstReads.check = real  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--utterances", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    workspace = make(options.folder, options.utterances)
    (path,) = (options.folder / "features").glob("*.zarr")
    run = options.folder / "run"
    run.mkdir(exist_ok=True)
    found: dict[str, Any] = {}
    for name, measure in {
        "read": lambda compared: read_s(path, compared),
        "epoch": lambda compared: epoch_s(workspace, run, compared),
    }.items():
        measure(False)
        pairs = [(measure(True), measure(False)) for _ in range(options.rounds)]
        with_check, without = (min(column) for column in zip(*pairs, strict=True))
        found[name] = {
            "compared_s": with_check,
            "plain_s": without,
            "ratio": statistics.median(one / two for one, two in pairs),
        }
    dearer = found["read"]["compared_s"] - found["read"]["plain_s"]
    found["share_of_an_epoch"] = dearer / found["epoch"]["plain_s"]
    print(json.dumps(found, indent=2))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
