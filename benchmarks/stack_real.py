"""Does the default stacker lose to the soft vote on real corpora, where dev is small?

    python benchmarks/stack_real.py --audio EMODB --audio RAVDESS --text MELD --json FILE

Every `--audio` names a workspace with the features `logmel`, `egemaps-functionals` and all layers
of `whisper`. Its speakers are dealt to folds: two of them are the test split, two are dev, and the
rest train. The test predictions of all folds are judged together. `--text` names a workspace with
the official splits of MELD; dev is cut to 60 and 300 rows of whole speakers, or taken whole. The
members are logistic regressions of scikit-learn on averages and deviations over time, or on
counts of words and of letters. The score is the UAR.
"""

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stack_sizes import METHODS, Array, inputs_at, subset, summary

from medusa.cache import FeatureStore
from medusa.ensemble.stacker import StackConfig, TrainSet
from medusa.ensemble.stackers import stacker_of
from medusa.heads.runs.environment import environment
from medusa.manifests import Manifest
from medusa.scoring.metrics import confusion, uar_of
from medusa.workspace import Workspace

TEST, DEV = 2, 2  # These many speakers of a corpus are the test and the dev split of a fold.
LAYERS = (2, 3, 4, 6)  # These layers of Whisper are a member each.


def inputs_of(workspace: Workspace) -> tuple[list[Array], Array, Array]:
    """Return what each member reads (N, I), the labels (N,) and the speakers (N,)."""
    manifest = Manifest.read(workspace.manifest)
    frame, classes = manifest.frame, manifest.scheme.classes
    stores = {store.spec.backbone: store for store in _stores(workspace)}
    wanted = [("logmel", 0), ("egemaps-functionals", 0)]
    wanted += [("whisper", layer) for layer in LAYERS]
    labels = frame["label"].map({name: number for number, name in enumerate(classes)})
    vectors = [_pooled(stores[name], list(frame["content"]), number) for name, number in wanted]
    return vectors, labels.to_numpy(int), frame["speaker"].to_numpy(str)


def _stores(workspace: Workspace) -> list[FeatureStore]:
    return [FeatureStore.open(path) for path in sorted(workspace.features.glob("*.zarr"))]


def _pooled(store: FeatureStore, contents: list[str], number: int) -> Array:
    """Return the mean and the deviation over time of one layer of each utterance."""
    array = store.spec.arrays[number if len(store.spec.arrays) > 1 else 0]
    frames = [one.double().numpy() for one in store.read(contents, array).split()]
    return np.array([np.concatenate([one.mean(0), one.std(0)]) for one in frames])


def fold_members(vectors: list[Array], labels: Array, train: Array) -> Array:
    """Return the posteriors (M, N, C) of members that learn from the rows `train`."""
    found = []
    for x in vectors:
        regression = LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000)
        model = make_pipeline(StandardScaler(), regression).fit(x[train], labels[train])
        found.append(model.predict_proba(x))
    return np.array(found, np.float32)


def stacked(
    posteriors: Array, labels: Array, speakers: Array, dev: Array, test: Array
) -> dict[str, Array]:
    """Return the class of every test row by each method and by each member."""
    classes = posteriors.shape[2]
    learnt, judged = inputs_at(posteriors, dev), inputs_at(posteriors, test)
    soft = np.eye(classes, dtype=np.float32)[labels[dev]]
    names = [str(one) for one in speakers[dev]]
    train = TrainSet(learnt.matrix, labels[dev], soft, None, learnt.posteriors, speakers=names)
    found = {}
    for method in METHODS:
        config = StackConfig(method)
        weights = stacker_of(config).fit(train, config).weights
        found[method] = stacker_of(config).predict(weights, judged).logits.argmax(-1)
    on_dev = [uar(one.argmax(-1), labels[dev], classes) for one in learnt.posteriors]
    found["member chosen on dev"] = judged.posteriors[int(np.argmax(on_dev))].argmax(-1)
    for number, one in enumerate(judged.posteriors):
        found[f"member {number}"] = one.argmax(-1)
    return found


def uar(predicted: Array, labels: Array, classes: int) -> float:
    return float(uar_of(confusion(labels, predicted, classes)))


def audio_corpus(workspace: Workspace, seeds: int) -> dict[str, Any]:
    """Judge the stackers on the folds of a corpus, dealt anew with every seed."""
    vectors, labels, speakers = inputs_of(workspace)
    classes, names = int(labels.max()) + 1, np.unique(speakers)
    found = []
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(names)
        predicted: dict[str, Array] = {}
        rarest = []
        for start in range(0, len(order), TEST):
            turned = np.roll(order, -start)
            test, dev = (
                np.flatnonzero(np.isin(speakers, part))
                for part in (turned[:TEST], turned[TEST : TEST + DEV])
            )
            train = np.flatnonzero(np.isin(speakers, turned[TEST + DEV :]))
            posteriors = fold_members(vectors, labels, train)
            rarest.append(int(np.bincount(labels[dev], minlength=classes).min()))
            for name, values in stacked(posteriors, labels, speakers, dev, test).items():
                predicted.setdefault(name, np.full(len(labels), -1))[test] = values
        found.append(_scores(predicted, labels, classes) | {"rarest": min(rarest)})
        print(workspace.root.name, found[-1])
    return summary(found)


def text_corpus(workspace: Workspace, draws: int) -> dict[str, Any]:
    """Judge the stackers on MELD, with dev cut to several sizes."""
    manifest = Manifest.read(workspace.manifest)
    frame, names = manifest.frame, list(manifest.scheme.classes)
    labels, speakers = frame["label"].map(names.index).to_numpy(int), frame["speaker"].to_numpy(str)
    parts = [np.flatnonzero(frame["split"] == part) for part in ("train", "dev", "test")]
    posteriors = text_members(frame["text"].fillna(""), labels, parts[0])
    numbers = np.unique(speakers, return_inverse=True)[1]
    results = {}
    for size in (60, 300, len(parts[1])):
        found = []
        for draw in range(draws if size < len(parts[1]) else 1):
            rng = np.random.default_rng([draw, size])
            dev = subset(parts[1], numbers, size, rng)
            predicted = stacked(posteriors, labels, speakers, dev, parts[2])
            rarest = int(np.bincount(labels[dev], minlength=len(names)).min())
            scores = _scores(predicted, labels[parts[2]], len(names))
            found.append(scores | {"rarest": rarest})
            print(size, found[-1])
        results[str(size)] = summary(found)
    return results


def text_members(texts: Any, labels: Array, train: Array) -> Array:
    """Return the posteriors (M, N, C) of members that read words or letters."""
    found = []
    for kind, widths in (("word", (1, 2)), ("char_wb", (2, 5))):
        counts = TfidfVectorizer(analyzer=kind, ngram_range=widths, min_df=2, sublinear_tf=True)
        x = counts.fit(texts.iloc[train]).transform(texts)
        for weight in (None, "balanced"):
            model = LogisticRegression(C=1.0, class_weight=weight, max_iter=500)
            found.append(model.fit(x[train], labels[train]).predict_proba(x))
    return np.array(found, np.float32)


def _scores(predicted: dict[str, Array], labels: Array, classes: int) -> dict[str, Any]:
    scores = {name: uar(values, labels, classes) for name, values in predicted.items()}
    members = [scores.pop(name) for name in list(scores) if name.removeprefix("member ").isdigit()]
    return scores | {"best member on test": max(members)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path, action="append", default=[])
    parser.add_argument("--text", type=Path, action="append", default=[])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results: dict[str, Any] = {}
    for path in options.audio:
        results[path.name] = audio_corpus(Workspace.open(path.resolve()), options.seeds)
    for path in options.text:
        results[path.name] = text_corpus(Workspace.open(path.resolve()), options.seeds)
    for name, found in results.items():
        print(name, json.dumps(found.get("mean") or {k: v["mean"] for k, v in found.items()}))
    results["environment"] = environment()
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
