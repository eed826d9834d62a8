"""Extraction and a recipe on a Ray cluster that loses a node, compared with one process.

    python benchmarks/ray_cluster.py emodb/wav --checkpoint whisper-base.pt --json FILE

All processes compute with one thread. The cluster is three nodes of this machine with one CPU each
(`ray.cluster_utils`). One node is killed when the first features are stored, and in the run of the
recipe when the first head is finished. The overhead of Ray is that of one worker on a cluster of
one node: for the seconds of the pass, as the summary of the command lists them, and for the whole
command. Ray's pass includes the start of the worker and the reading of the weights, and the whole
command also includes the connection.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from medusa.cache import FeatureStore, index
from medusa.heads.runs.environment import environment
from medusa.recipes.state import State
from medusa.scoring import Predictions
from medusa.workspace import Workspace

EXTRACT = ("extract", "--backbone", "whisper", "--layers", "middle", "--reduce", "none")
RECIPE, LOOK_EVERY_S, TRIALS = "small-corpus", 0.2, 5
Condition = Callable[[], bool]


def medusa(root: Path, *words: str, address: str = "", until: Condition | None = None) -> Any:
    """Start a command in a workspace; return its output and its seconds, or the process.

    With `until`, it returns the running process as soon as the condition is true.
    """
    command = [sys.executable, "-m", "medusa.cli", "--workspace", str(root), *words]
    variables = os.environ | ({"RAY_ADDRESS": address} if address else {})
    began = time.monotonic()
    process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
    while until is not None and process.poll() is None:
        if until():
            return process
        time.sleep(LOOK_EVERY_S)
    output, _ = process.communicate()
    require_success(process, words)
    return output, time.monotonic() - began


def require_success(process: "subprocess.Popen[str]", words: Sequence[str]) -> None:
    """Stop if a command failed; exit 1 of `run` means that some heads lack examples."""
    if process.returncode > (words[0] == "run"):
        raise SystemExit(f"{' '.join(words)}: exit {process.returncode}")


@contextmanager
def cluster(nodes: int) -> Iterator[Any]:
    """Start a cluster of nodes with one CPU each."""
    from ray.cluster_utils import Cluster

    for trial in range(TRIALS):
        started: Any = Cluster()
        try:
            for _ in range(nodes):
                started.add_node(num_cpus=1)
            started.wait_for_nodes(timeout=120)
            break
        except Exception:  # Ray gives a node 30 s, which a busy machine may exceed.
            started.shutdown()
            if trial == TRIALS - 1:
                raise
    try:
        yield started
    finally:
        started.shutdown()


def lose_a_node(root: Path, until: Condition, *words: str) -> float:
    """Run a command on three nodes, kill one of them in the middle, and return the seconds."""
    with cluster(3) as nodes:
        began = time.monotonic()
        process = medusa(root, *words, address=nodes.address, until=until)
        if isinstance(process, tuple):
            raise SystemExit(f"{' '.join(words)}: it ended before a node was killed")
        nodes.remove_node(nodes.worker_nodes.copy().pop(), allow_graceful=False)
        process.communicate()
        require_success(process, words)
        return time.monotonic() - began


def workspace(folder: Path, name: str, corpus: Path, checkpoint: Path, count: int | None) -> Path:
    """Make a workspace with a corpus that is split by speaker."""
    root = folder / name
    root.mkdir()
    (root / "medusa.yaml").write_text(f"checkpoints: {{whisper: {checkpoint.resolve()}}}\n")
    wavs = sorted(corpus.resolve().rglob("*.wav"))
    if count is not None:
        wavs = [wavs[number] for number in np.random.default_rng(0).permutation(len(wavs))[:count]]
    (root / "wav").mkdir()
    for wav in wavs:
        (root / "wav" / wav.name).symlink_to(wav)
    medusa(root, "manifest", "import", "emodb", str(root / "wav"))
    medusa(root, "manifest", "split", "random")
    return root


def store_of(root: Path) -> Path | None:
    """Return the store of Whisper in a workspace, if there is one."""
    return next((root / "features").glob("whisper-*.zarr"), None)


def same_bits(one: Path, other: Path) -> bool:
    """Return whether two stores have the same utterances with the same bits."""
    stores = [FeatureStore.open(path) for path in (one, other)]
    names = sorted(stores[0].index.rows)
    if names != sorted(stores[1].index.rows):
        return False
    return all(
        np.array_equal(*(store.read([name], array).values.numpy() for store in stores))
        for name in names
        for array in stores[0].arrays
    )


def largest_difference(one: Path, other: Path) -> tuple[int, float]:
    """Return the number of runs of a recipe, and the largest difference of their posteriors."""
    roots = [Workspace.open(root) for root in (one, other)]
    runs = [State.read(root, RECIPE, False).runs for root in roots]
    assert runs[0].keys() == runs[1].keys()
    largest = 0.0
    for task in runs[0]:
        files = [root.runs / own[task] for root, own in zip(roots, runs, strict=True)]
        first, second = (Predictions.read(file / "predictions.parquet") for file in files)
        difference = first.posteriors() - second.select(first.ids).posteriors()
        largest = max(largest, float(abs(difference).max()))
    return len(runs[0]), largest


def extraction(make: Callable[[str], Path]) -> dict[str, Any]:
    """Extract in one process, on a cluster of one node, and on one that loses a node."""
    alone, single, lossy = map(make, ("alone", "single", "lossy"))
    seconds, command = dict[str, float](), dict[str, float]()
    text, command["alone"] = medusa(alone, *EXTRACT, "--json")
    seconds["alone"] = json.loads(text)[0]["seconds"]
    with cluster(1) as node:
        words = (*EXTRACT, "--json", "--set", "on=ray", "--set", "workers=1")
        text, command["ray"] = medusa(single, *words, address=node.address)
        seconds["ray"] = json.loads(text)[0]["seconds"]

    def has_features() -> bool:
        store = store_of(lossy)
        return store is not None and bool(index.committed(store))

    workers = ("--set", "on=ray", "--set", "workers=3")
    lost_s = lose_a_node(lossy, has_features, *EXTRACT, *workers)
    stores = [store_of(root) for root in (alone, single, lossy)]
    assert stores[0] and stores[1] and stores[2]
    return {
        "utterances": len(FeatureStore.open(stores[0])),
        "pass_s": seconds,
        "command_s": command,
        "command_with_a_lost_node_s": lost_s,
        "pass_overhead": seconds["ray"] / seconds["alone"] - 1,
        "command_overhead": command["ray"] / command["alone"] - 1,
        "same_bits_with_one_worker": same_bits(stores[0], stores[1]),
        "same_bits_after_the_loss": same_bits(stores[0], stores[2]),
    }


def recipe(folder: Path) -> dict[str, Any]:
    """Run the recipe in one process and on a cluster that loses a node; compare the posteriors."""
    alone, lossy = folder / "alone", folder / "lossy"
    _, alone_s = medusa(alone, "run", RECIPE, "--device", "cpu")

    def has_head() -> bool:
        return any(lossy.glob("runs/*/finished"))

    lost_s = lose_a_node(lossy, has_head, "run", RECIPE, "--device", "ray", "--jobs", "3")
    runs, difference = largest_difference(alone, lossy)
    return {
        "alone_s": alone_s,
        "with_a_lost_node_s": lost_s,
        "runs": runs,
        "largest_difference_of_posteriors": difference,
    }


def main() -> None:
    """Measure, and print or write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="the folder of EmoDB")
    parser.add_argument("--checkpoint", type=Path, required=True, help="a file of openai-whisper")
    parser.add_argument("--utterances", type=int, help="by default all")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)

        def make(name: str) -> Path:
            return workspace(folder, name, given.corpus, given.checkpoint, given.utterances)

        result = {"environment": environment(), "extraction": extraction(make)}
        print(json.dumps(result["extraction"], indent=2), flush=True)
        result["recipe"] = recipe(folder)
    text = json.dumps(result, indent=2) + "\n"
    if given.json:
        given.json.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
