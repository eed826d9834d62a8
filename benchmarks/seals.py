"""The share of a command's time that its seals take, in a copy of a workspace.

    python benchmarks/seals.py WORKSPACE --json benchmarks/results/seals.json

WORKSPACE has a manifest and a feature store. Each command runs in a process of its own. A seal's
seconds are those in which checksums of runs, manifests and other sealed files are computed or
compared; `sync_s` are the seconds that the run waits for the disk at its end. The first read of
features has its own figure (`first_read.py`).
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LOGISTIC = ("--set", "head.name=logistic")
COUNTED = """
import json, sys, time
from medusa import atomic, seal
from medusa.heads.runs import run_seal

spent, inside = {"seal_s": 0.0, "sync_s": 0.0}, []

def timed(function, name):
    def call(*values, **options):
        began = time.perf_counter()
        inside.append(name)
        try:
            return function(*values, **options)
        finally:
            inside.pop()
            if not inside:  # A checksum inside a comparison counts once.
                spent[name] += time.perf_counter() - began
    return call

for one in ("crc32c", "is_intact"):
    setattr(seal, one, timed(getattr(seal, one), "seal_s"))
run_seal._checksum = timed(run_seal._checksum, "seal_s")
run_seal.sync = timed(run_seal.sync, "sync_s")
from medusa.cli import main
try:
    main()
except SystemExit as end:
    spent["exit"] = end.code or 0
print("SPENT" + json.dumps(spent), file=sys.stderr)
"""


def commands(store: str, page: Path) -> dict[str, tuple[str, ...]]:
    """Return the commands by name, in the order in which each finds its inputs."""
    features = ("--backbones", store)
    return {
        "manifest show": ("manifest", "show"),
        "manifest split": ("manifest", "split", "random", "--force"),
        "fit-head logistic": ("fit-head", *features, *LOGISTIC, "--name", "a"),
        "fit-head small": ("fit-head", *features, "--config", "small", "--name", "b"),
        "stack": ("stack", "a", "b", "--name", "s", "--method", "soft"),
        "evaluate": ("evaluate", "s"),
        "compare": ("compare", "a", "b"),
        "report": ("report", "s", "--output", str(page)),
        "runs": ("runs",),
        "cross-validate": ("cross-validate", "--k", "3", *features, *LOGISTIC),
    }


def measured(home: Path, words: tuple[str, ...]) -> dict[str, float]:
    """Run a command; return its seconds and those of its seals."""
    command = [sys.executable, "-c", COUNTED, "--workspace", str(home), *words]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    total = time.perf_counter() - began
    spent: dict[str, float] = json.loads(done.stderr.rpartition("SPENT")[2])
    if spent.pop("exit", 0):
        raise RuntimeError(done.stderr)
    share = spent["seal_s"] / total
    return {"total_s": total, **spent, "share": share}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--store", default="", help="The store that the heads read.")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    stores = sorted(path.stem for path in (given.workspace / "features").glob("*.zarr"))
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copy(given.workspace / "manifest.parquet", home)
        (home / "medusa.yaml").write_text(f"features: {(given.workspace / 'features').resolve()}\n")
        for name, words in commands(given.store or stores[0], home / "page.html").items():
            result[name] = measured(home, words)
            print(name, json.dumps(result[name]))
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
