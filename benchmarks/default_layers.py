"""Which layers of Whisper should `extract` store, if it stores no more than one layer's bytes?

    python benchmarks/default_layers.py EMODB RAVDESS --json benchmarks/results/default_layers.json

Both are workspaces with all layers of whisper-base in one store (`--layers all --reduce none`). The
candidates are single layers, and sums of layers. A logistic regression (C 0.01, balanced classes)
reads the mean and the deviation over time, standardised on the training rows. The test speakers of
a fold are one speaker of EmoDB and two actors of RAVDESS. The candidates are chosen on EmoDB and
on the first half of RAVDESS's actors (two at a time). The second half judges: it is tested by a
model that was trained on the first half.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from medusa.atomic import write_text
from medusa.cache import FeatureStore
from medusa.heads.runs.environment import environment
from medusa.manifests import Manifest
from medusa.scoring.metrics import uar_of
from medusa.scoring.resampling import interval, resampled_confusions

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
CANDIDATES: dict[str, tuple[int, ...]] = {
    "last": (6,),
    "last4, summed": (3, 4, 5, 6),
    "middle, summed": (2, 3, 4),
    "all, summed": (0, 1, 2, 3, 4, 5, 6),
    **{f"layer {layer}": (layer,) for layer in range(6)},
}


class Corpus:
    """The labels, speakers and pooled features of a workspace."""

    def __init__(self, workspace: Path) -> None:
        frame = Manifest.read(workspace / "manifest.parquet").frame
        (path,) = (workspace / "features").glob("whisper-*.zarr")
        store = FeatureStore.open(path)
        contents = list(frame["content"])
        layers = {
            int(name.removeprefix("layer_")): [
                one.double().numpy() for one in store.read(contents, name).split()
            ]
            for name in store.spec.arrays
        }
        self.speakers = frame["speaker"].to_numpy()
        self.labels = np.unique(frame["label"], return_inverse=True)[1].astype(np.int64)
        self.rows = {name: pooled(layers, of) for name, of in CANDIDATES.items()}


def pooled(layers: Mapping[int, list[Array]], chosen: tuple[int, ...]) -> Array:
    """Return the mean and deviation over time (N, 2 D) of the sum of the chosen layers."""
    sums = [np.sum(frames, axis=0) for frames in zip(*(layers[one] for one in chosen), strict=True)]
    return np.array([np.concatenate([one.mean(0), one.std(0)]) for one in sums])


def fitted(rows: Array, labels: Numbers) -> object:
    """Return the logistic regression of these rows."""
    model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
    return make_pipeline(StandardScaler(), model).fit(rows, labels)


def by_folds(rows: Array, labels: Numbers, speakers: npt.NDArray[np.str_], size: int) -> Numbers:
    """Return the predictions (N,), each from a model that did not read the speaker."""
    predicted = np.full(len(labels), -1)
    folds = GroupKFold(len(np.unique(speakers)) // size)
    for train, test in folds.split(rows, labels, speakers):
        predicted[test] = fitted(rows[train], labels[train]).predict(rows[test])
    return predicted


def scored(truth: Numbers, predicted: Numbers, speakers: npt.NDArray[np.str_]) -> dict[str, object]:
    """Return the UAR and its interval, with speakers as blocks."""
    classes = int(truth.max()) + 1
    drawn = resampled_confusions(truth, predicted, classes, list(speakers))
    whole = np.zeros((classes, classes))
    np.add.at(whole, (truth, predicted), 1)
    return {"uar": float(uar_of(whole[None])[0]), "interval": interval(uar_of(drawn))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("emodb", type=Path)
    parser.add_argument("ravdess", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    emodb, ravdess = Corpus(options.emodb), Corpus(options.ravdess)
    actors = np.unique(ravdess.speakers)
    first = np.isin(ravdess.speakers, actors[: len(actors) // 2])
    result: dict[str, object] = {"environment": environment(), "candidates": {}}
    for name in CANDIDATES:
        half = (ravdess.rows[name][first], ravdess.labels[first], ravdess.speakers[first])
        judge = fitted(*half[:2]).predict(ravdess.rows[name][~first])
        everyone = (emodb.rows[name], emodb.labels, emodb.speakers)
        found = {
            "chosen on EmoDB": scored(*everyone[1:2], by_folds(*everyone, 1), emodb.speakers),
            "chosen on RAVDESS": scored(half[1], by_folds(*half, 2), half[2]),
            "judged on RAVDESS": scored(ravdess.labels[~first], judge, ravdess.speakers[~first]),
        }
        result["candidates"][name] = found
        print(f"{name:16}", *(f"{one['uar']:.3f}" for one in found.values()), flush=True)
    if options.json:
        write_text(options.json, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
