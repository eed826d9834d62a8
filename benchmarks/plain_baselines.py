"""Plain scikit-learn classifiers in the folds of a cross-validated recipe, with C by hindsight.

    python benchmarks/plain_baselines.py EMODB --recipe W/cross-validation/speaker-10 --json FILE

EMODB is a workspace with the features logmel, egemaps-functionals and all layers of whisper, in one
store. `--recipe` is the folder of the folds; in it, `small-corpus` has the recipe's predictions.
Logistic regression and SVM (each class against the rest) read means and deviations over time of
each feature set, each layer, layers 2 to 4 joined, all layers joined, and everything joined. They
train on the training rows of the folds. Logistic regression has the C of two that is better on
test, with hindsight; SVM has C 10, which is not searched. The gains of the recipe are differences
of the UAR, paired, with speakers as blocks, and p values corrected for all baselines (Holm).
"""

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from real_speech import MAIN, systems_of, uar_gains
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.svm import SVC

from medusa.cache import FeatureStore
from medusa.heads.runs.environment import environment
from medusa.manifests import Manifest
from medusa.scoring import Predictions

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Found = tuple[float, float, Numbers]  # The UAR, the C, and the predicted class numbers.
SETTINGS = (("logistic", 0.001), ("logistic", 0.01), ("svm", 10.0))


def pooled(workspace: Path, contents: list[str]) -> dict[str, Array]:
    """Return the rows (N, D) of every store and layer."""
    found = {}
    for path in sorted((workspace / "features").glob("*.zarr")):
        store = FeatureStore.open(path)
        name = store.spec.backbone
        for array in store.spec.arrays:
            frames = [one.double().numpy() for one in store.read(contents, array).split()]
            statistics = [np.concatenate([one.mean(0), one.std(0)]) for one in frames]
            constant = name == "egemaps-functionals"
            rows = [one[0] for one in frames] if constant else statistics
            found[f"{name}:{array}" if len(store.spec.arrays) > 1 else name] = np.array(rows)
    return found


def feature_sets(pooled_rows: dict[str, Array]) -> dict[str, list[str]]:
    """Return the names of the features of every baseline."""
    layers = sorted(name for name in pooled_rows if name.startswith("whisper:"))
    signal, middle = ["logmel", "egemaps-functionals"], layers[2:5]
    single = {name: [name] for name in (*signal, *layers)}
    return {**single, "whisper 2-4": middle, "whisper all": layers, "all": [*signal, *middle]}


def guesses(
    x: Array, labels: Numbers, splits: list[npt.NDArray[np.object_]], how: str, c: float
) -> Numbers:
    """Return the predicted class numbers (N,) of all test rows."""
    predicted = np.full(len(labels), -1)
    for split in splits:
        train, test = split == "train", split == "test"
        deviation = x[train].std(0)
        deviation[deviation < 1e-6] = 1
        a, b = ((x[rows] - x[train].mean(0)) / deviation for rows in (train, test))
        if a.shape[1] > 2 * len(a):  # The rows' own axes hold everything that they can teach.
            left, scales, axes = np.linalg.svd(a, full_matrices=False)
            a, b = left * scales, b @ axes.T
        if how == "logistic":
            model = LogisticRegression(C=c, class_weight="balanced", max_iter=500)
            predicted[test] = model.fit(a, labels[train]).predict(b)
            continue
        machine = SVC(C=c, gamma=0.3 / x.shape[1], class_weight="balanced")
        scores = [
            machine.fit(a, labels[train] == number).decision_function(b)
            for number in range(labels.max() + 1)
        ]
        predicted[test] = np.argmax(scores, axis=0)
    return predicted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    manifest = Manifest.read(options.workspace / "manifest.parquet")
    frame, classes = manifest.frame, manifest.scheme.classes
    numbers = {name: number for number, name in enumerate(classes)}
    labels = frame["label"].map(numbers).to_numpy(int)
    folds = [Manifest.read(path).frame for path in sorted(options.recipe.glob("fold-*.parquet"))]
    splits = [one.set_index("id").loc[frame["id"], "split"].to_numpy() for one in folds]
    rows, found = pooled(options.workspace, list(frame["content"])), dict[str, Found]()
    for name, features in feature_sets(rows).items():
        x = np.concatenate([rows[feature] for feature in features], axis=1)
        for how, c in SETTINGS:
            predicted, key = guesses(x, labels, splits, how, c), f"{how} {name}"
            score = float(recall_score(labels, predicted, average="macro"))
            if key not in found or score > found[key][0]:
                found[key] = (score, c, predicted)
    result = compare(manifest, options.recipe, found)
    options.json.write_text(json.dumps(result, indent=1) + "\n")


def compare(manifest: Manifest, recipe: Path, found: dict[str, Found]) -> dict[str, object]:
    """Return the UAR of all baselines and of the recipe, and the recipe's gains."""
    systems = systems_of(recipe / "small-corpus" / "predictions.parquet", "recipe")
    size, ids = len(manifest.scheme.classes), manifest.frame["id"].tolist()
    judged = {MAIN: systems[MAIN]}
    for name, (_, _, predicted) in found.items():
        logits = np.eye(size, dtype=np.float32)[predicted]
        judged[name] = Predictions.of(
            ids, ["test"] * len(ids), logits, None, manifest.scheme.classes, "baseline"
        )
    truth = manifest.frame.set_index("id")["label"]
    ours = pd.Series(systems[MAIN].logits().argmax(1), systems[MAIN].ids)
    numbers = {name: number for number, name in enumerate(manifest.scheme.classes)}
    actual = truth.loc[ours.index].map(numbers)
    return {
        "recipe_uar": float(recall_score(actual, ours, average="macro")),
        "baselines": {name: {"uar": uar, "C": c} for name, (uar, c, _) in found.items()},
        "uar_gains": uar_gains(manifest, judged),
        "environment": environment(),
    }


if __name__ == "__main__":
    main()
