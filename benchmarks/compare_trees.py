"""The commands of two versions of the package, timed in turn on the same data.

    python benchmarks/compare_trees.py BEFORE AFTER --json FILE

BEFORE and AFTER are folders that contain a folder `medusa`, such as two git worktrees. Each round
runs every workload once with each of them, in processes of their own, in an order that turns. The
figure is the ratio of the CPU seconds (after / before): the median over the rounds of the ratio of
neighbouring runs, and the ratio of the fastest runs. CPU seconds are used because other work on the
machine hardly changes them.

The workloads: `extract` of log-mel and of four small encoders with random weights over noise,
`cache` (reading every utterance of these stores many times in random order), and `heads` (training
a small head on simulated features).
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import checkpoints
import numpy as np
import soundfile

from medusa.heads.runs.environment import environment

READ = """
import sys, numpy as np
from pathlib import Path
from medusa.cache import FeatureStore
for path in sorted(Path(sys.argv[1]).glob("*.zarr")):
    store = FeatureStore.open(path)
    contents = list(store.index.rows)
    rng = np.random.default_rng(0)
    for _ in range(10):
        order = [contents[i] for i in rng.permutation(len(contents))]
        for start in range(0, len(order), 16):
            store.read(order[start : start + 16])
"""
IMPORT = """
import sys
from pathlib import Path
import pandas as pd
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.audio import content_of, recording_of
rows = pd.read_csv(sys.argv[2])
root = Path(sys.argv[1])
facts = [recording_of(root / path) for path in rows["path"]]
rows["start_s"] = 0.0
rows["duration_s"] = [one.facts.duration_s for one in facts]
rows["content"] = [content_of(one.digest, 0.0, one.facts.duration_s) for one in facts]
Manifest(rows, LabelScheme("toy", ("sad", "glad")), root=root).write(root / "manifest.parquet")
"""
COMMAND = "import sys; from medusa.cli import main; main()"
ENCODERS = ("wavlm", "hubert", "whisper", "roberta")


def run(tree: Path, code: str, *words: object) -> float:
    """Run Python code with one version of the package; return the CPU seconds of the process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-W", "ignore", "-c", code, *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{tree}: {' '.join(map(str, words))}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def recordings(folder: Path, count: int) -> Path:
    """Write noise of 1 to 6 seconds and a table of it with texts."""
    rng = np.random.default_rng(0)
    lines = ["id,path,label,speaker,text,split"]
    for number in range(count):
        noise = rng.normal(0, 0.1, int(rng.uniform(1, 6) * 16_000)).astype(np.float32)
        soundfile.write(folder / f"u{number}.wav", noise, 16_000)
        text = " ".join(["word"] * int(rng.integers(2, 20)))
        label = ("sad", "glad")[number % 2]
        lines.append(f"u{number},u{number}.wav,{label},s{number % 10},{text},train")
    table = folder / "corpus.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


def workloads(tree: Path, root: Path) -> dict[str, float]:
    """Return the CPU seconds of every workload with one version."""
    workspace, simulated = root / "speech", root / "simulated"
    place = ("--workspace", workspace, "extract", "--force")
    seconds = {"extract logmel": run(tree, COMMAND, *place, "--backbone=logmel")}
    for name in ENCODERS:
        kind = ("whisper",) if name == "whisper" else ("auto", "--as", name)
        file = root / "checkpoints" / (f"{name}.pt" if name == "whisper" else name)
        words = ("--backbone", *kind, "--checkpoint", file)
        seconds[f"extract {name}"] = run(tree, COMMAND, *place, *words)
    seconds["cache"] = run(tree, READ, workspace / "features")
    words = ("fit-head", "--config=small", "--backbones=wavlm,roberta", "--name=a", "--force")
    stages = ("--set", "stages.0.epochs=1", "--set", "stages.1.epochs=1")
    seconds["heads"] = run(tree, COMMAND, "--workspace", simulated, *words, *stages)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=120, help="the number of recordings")
    parser.add_argument("--size", default="tiny", help="the size of the encoders")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    trees = {"before": options.before.resolve(), "after": options.after.resolve()}
    times: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        prepare(trees["before"], root, options.count, options.size)
        for number in range(options.rounds):
            order = list(trees) if number % 2 else list(reversed(trees))
            for tree in order:
                for name, seconds in workloads(trees[tree], root).items():
                    times.setdefault(name, {"before": [], "after": []})[tree].append(seconds)
    result = {name: ratios(both) for name, both in times.items()}
    for name, one in result.items():
        print(f"{name:16} median {one['median']:.3f}  fastest {one['fastest']:.3f}")
    if options.json:
        facts = {"count": options.count, "size": options.size, "rounds": options.rounds}
        text = json.dumps(facts | {"environment": environment(), "workloads": result}, indent=2)
        options.json.write_text(text + "\n")


def prepare(tree: Path, root: Path, count: int, size: str) -> None:
    """Make the corpus, the checkpoints and the simulated features that both versions read."""
    for name in ("speech", "simulated", "checkpoints"):
        (root / name).mkdir()
    for name in ENCODERS:
        checkpoints.write(name, root / "checkpoints", size)
    table = recordings(root / "speech", count)
    run(tree, IMPORT, root / "speech", table)
    run(tree, COMMAND, "--workspace", root / "simulated", "simulate", "--utterances=600")


def ratios(both: dict[str, list[float]]) -> dict[str, object]:
    """Return after / before: the median of the rounds, and the fastest runs; and all seconds."""
    pairs = [after / before for before, after in zip(both["before"], both["after"], strict=True)]
    fastest = min(both["after"]) / min(both["before"])
    return {"median": statistics.median(pairs), "fastest": fastest, "cpu_seconds": both}


if __name__ == "__main__":
    main()
