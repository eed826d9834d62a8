"""nkululeko as it comes, on the folds of `medusa cross-validate`.

    python benchmarks/nkululeko.py WORKSPACE --python PATH --k 10 --json FILE

WORKSPACE has a manifest. PATH is the Python of an environment with nkululeko, which needs other
versions of libraries than medusa. nkululeko reads the same recordings, labels and folds from a csv
file, computes its eGeMAPS functionals (`os`), and trains its classifiers with their own settings.
It prints the UAR over all test predictions with its own interval. Nothing is chosen here.
"""

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

import pandas as pd

from medusa.manifests import Manifest
from medusa.manifests.splits.cross_validation import FoldPlan, fold_manifests

CLASSIFIERS = ("svm", "xgb")
CONFIG = """[EXP]
root = {folder}/
name = {classifier}
[DATA]
databases = ['data']
data = {folder}/data.csv
data.type = csv
data.absolute_path = True
data.split_strategy = random
target = emotion
labels = {labels}
[FEATS]
type = ['os']
scale = standard
[MODEL]
type = {classifier}
logo = {k}
save = False
"""
RESULT = re.compile(r"UAR: (\d?\.\d+), \(\+-(\d?\.\d+)/(\d?\.\d+)\), ACC: (\d?\.\d+)")


def write_table(manifest: Manifest, k: int, path: Path) -> list[str]:
    """Write the labelled recordings with the fold in which each is test; return the classes."""
    frame = manifest.frame[manifest.frame["label"].notna()]
    folds = {
        name: number
        for number, one in enumerate(fold_manifests(manifest, FoldPlan(k=k)), 1)
        for name in one.split("test").frame["id"]
    }
    table = pd.DataFrame(
        {
            "file": [str(manifest.audio_path(one).resolve()) for one in frame["path"]],
            "speaker": frame["speaker"],
            "gender": frame["gender"],
            "emotion": frame["label"],
            "fold": [str(folds[name]) for name in frame["id"]],
        }
    )
    table.to_csv(path, index=False)
    return sorted(frame["label"].unique())


def judge(python: str, folder: Path, classifier: str, labels: list[str], k: int) -> dict:
    """Run nkululeko, and return the scores that it prints."""
    config = folder / f"{classifier}.ini"
    config.write_text(
        CONFIG.format(folder=folder, classifier=classifier, labels=labels, k=k), encoding="utf-8"
    )
    command = [python, "-m", "nkululeko.nkululeko", "--config", str(config)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    uar, low, high, accuracy = map(float, RESULT.findall(done.stdout + done.stderr)[-1])
    return {"uar": uar, "interval": [low, high], "accuracy": accuracy}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--python", required=True, help="of an environment with nkululeko")
    parser.add_argument("--k", type=int, required=True, help="the number of folds")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    manifest = Manifest.read(chosen.workspace / "manifest.parquet")
    asked = [chosen.python, "-c", "from importlib.metadata import *; print(version('nkululeko'))"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        labels = write_table(manifest, chosen.k, folder / "data.csv")
        found = {one: judge(chosen.python, folder, one, labels, chosen.k) for one in CLASSIFIERS}
    result = {"nkululeko": version, "folds": chosen.k, "rows": len(manifest), "systems": found}
    print(json.dumps(result, indent=2))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
