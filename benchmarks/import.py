"""The time and the memory that an import of a release of MSP-Podcast's size takes.

The script writes a made-up release (labels_consensus.csv and labels_detailed.csv, without
recordings) and imports it with the command line. `python benchmarks/import.py --help` lists the
options.
"""

import argparse
import csv
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

CLASSES = ("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral")
LETTERS = "ASHUFDCN"
SHARES = (0.09, 0.09, 0.19, 0.05, 0.02, 0.04, 0.04, 0.48)
COLUMNS = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")
SECOND = ("Neutral", "Concerned,Confused", "Annoyed", "Amused,Happy", "Other-tired, bored")
RESULT = Path(__file__).parent / "results" / "import.json"


def write_release(root: Path, utterances: int, votes: int, seed: int = 0) -> None:
    """Write a release whose votes are spread over the utterances; some votes are free text."""
    random = np.random.default_rng(seed)
    names = [f"MSP-PODCAST_{row // 100:04d}_{row % 100:04d}.wav" for row in range(utterances)]
    (root / "Labels").mkdir(parents=True)
    voted = random.choice(len(CLASSES), votes, p=SHARES)
    owners = np.concatenate([np.arange(utterances), random.integers(0, utterances, votes)])[:votes]
    owners.sort()
    ratings = random.integers(1, 8, (votes, 3))
    with (root / "Labels" / "labels_detailed.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["FileName", "EmoDetail"])
        for row, (owner, (arousal, valence, dominance)) in enumerate(
            zip(owners, ratings, strict=True)
        ):
            first = CLASSES[voted[row]] if row % 25 else f"Other-word {row % 1406}"
            rows.writerow(
                [
                    names[owner],
                    f"WORKER{row % 12000:05d}; {first}; {SECOND[row % 5]}; "
                    f"A:{arousal}.0; V:{valence}.0; D:{dominance}.0;",
                ]
            )
    counts = np.zeros((utterances, len(CLASSES)), int)
    np.add.at(counts, (owners, voted), 1)
    best = counts.max(axis=1, keepdims=True)
    tie = (counts == best).sum(axis=1) > 1
    with (root / "Labels" / "labels_consensus.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for row, name in enumerate(names):
            letter = "X" if tie[row] else LETTERS[counts[row].argmax()]
            who = "Unknown" if row % 9 == 0 else str(row // 55)
            split = "Train" if row < 0.7 * utterances else "Development"
            rows.writerow([name, letter, 4.2, 3.8, 4.0, who, ("Male", "Female")[row % 2], split])


def measure(utterances: int, votes: int) -> dict[str, object]:
    """Import a fresh release in its own process, and return its seconds and its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        release, workspace = Path(folder) / "release", Path(folder) / "work"
        workspace.mkdir()
        write_release(release, utterances, votes)
        code = "from medusa.cli import main; main()"
        words = ["--workspace", str(workspace), "manifest", "import", "msp-podcast", str(release)]
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code, *words], check=True, text=True,
                              capture_output=True)  # fmt: skip
        seconds = time.perf_counter() - started
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return {
        "utterances": utterances,
        "votes": votes,
        "seconds": round(seconds, 1),
        "peak_gb": round(peak, 2),
    }


def environment() -> dict[str, object]:
    """Return the machine and the versions on which the figures depend."""
    libraries = ("medusa-ser", "pandas", "pyarrow", "numpy")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in libraries},
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=120_000)
    parser.add_argument("--votes", type=int, default=650_000)
    parser.add_argument("--output", type=Path, default=RESULT)
    chosen = parser.parse_args()
    results = measure(chosen.utterances, chosen.votes)
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    report = {"environment": environment(), "results": results}
    chosen.output.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
