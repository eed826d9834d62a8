"""Does the default stacker lose to the soft vote or to its members where dev is small?

`python benchmarks/stack_sizes.py --json FILE` draws simulated corpora (`recipes/simulate`), and
fits members with scikit-learn on averages over time. The stackers learn from whole speakers of dev,
cut to 60, 300 and 3,000 rows. Two kinds of members are compared. The `alike` ones are five bagged
models of the three speech encoders with balanced classes: it is hard to beat their soft vote. The
`unlike` ones are two models of each of five encoders, and one of the two knows the class
frequencies: their soft vote is far from the best. The score is the UAR on about 3,000 test rows of
other speakers.
"""

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from medusa.ensemble.stacker import StackConfig, StackInputs, TrainSet
from medusa.ensemble.stackers import stacker_of
from medusa.heads.runs.environment import environment
from medusa.recipes.simulate import draw
from medusa.recipes.simulate.world import CLASSES, STREAMS
from medusa.scoring.metrics import confusion, uar_of

UTTERANCES, SPEAKERS, TRAIN, DEV = 9000, 600, {"alike": 1500, "unlike": 2500}, 3200
METHODS = ("soft", "shrunken", "linear", "opinion-pool")
Array = np.ndarray


def corpus(seed: int, kind: str) -> tuple[Array, Array, Array, Array, Array]:
    """Return posteriors (M, N, C), labels (N,), speakers (N,), and the rows of dev and test."""
    drawn = draw.corpus(UTTERANCES, seed, SPEAKERS)
    numbers = {name: number for number, name in enumerate(CLASSES)}
    labels = drawn.manifest.frame["label"].map(numbers).fillna(-1).to_numpy(int)
    means = [
        np.stack([one.mean(0) for one in draw.frames(drawn, name, 16, seed)]) for name in STREAMS
    ]
    rng = np.random.default_rng(seed)
    order = rng.permutation(SPEAKERS)[drawn.speakers]
    rows = np.argsort(order, kind="stable")
    rows = rows[labels[rows] >= 0]
    train, rest = _whole(rows, order, TRAIN[kind])
    dev, test = _whole(rest, order, DEV)
    posteriors = [
        model.fit(x[own], labels[own]).predict_proba(x)
        for model, x, own in members(kind, means, train, rng)
    ]
    return np.array(posteriors, np.float32), labels, drawn.speakers, dev, test


def members(
    kind: str, means: list[Array], train: Array, rng: np.random.Generator
) -> Iterator[tuple[Any, Array, Array]]:
    """Yield models with their inputs (N, I) and their training rows."""
    if kind == "unlike":
        for x in means:
            yield LogisticRegression(max_iter=500), x, train
            yield LogisticRegression(C=0.3, class_weight="balanced", max_iter=500), x, train
        return
    speech = np.concatenate(means[:3], 1)
    for _ in range(5):
        columns, own = rng.permutation(48)[:36], rng.choice(train, len(train))
        model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500)
        yield model, speech[:, columns], own


def _whole(rows: Array, order: Array, count: int) -> tuple[Array, Array]:
    """Split rows after about `count`, where a speaker ends."""
    inside = order[rows] <= order[rows[count - 1]]
    return rows[inside], rows[~inside]


def subset(dev: Array, speakers: Array, count: int, rng: np.random.Generator) -> Array:
    """Return `count` rows of dev: whole speakers in random order, the last one cut."""
    order = rng.permutation(int(speakers.max()) + 1)[speakers[dev]]
    return dev[np.argsort(order, kind="stable")][:count]


def uar(logits: Array, labels: Array) -> float:
    return float(uar_of(confusion(labels, logits.argmax(-1), len(CLASSES))))


def inputs_at(posteriors: Array, rows: Array) -> StackInputs:
    part = posteriors[:, rows]
    matrix = np.concatenate([*part], 1).astype(np.float64)
    return StackInputs(part, np.empty((0, len(rows), 3), np.float32), matrix)


def measured(
    posteriors: Array, labels: Array, speakers: Array, rows: Array, test: Array
) -> dict[str, Any]:
    """Return the UAR of every method and of the best members, and the shrinkage."""
    learnt, judged = inputs_at(posteriors, rows), inputs_at(posteriors, test)
    soft = np.eye(len(CLASSES), dtype=np.float32)[labels[rows]]
    names = [str(one) for one in speakers[rows]]
    train = TrainSet(learnt.matrix, labels[rows], soft, None, learnt.posteriors, speakers=names)
    found: dict[str, Any] = {"rarest": int(np.bincount(labels[rows], minlength=8).min())}
    for method in METHODS:
        config = StackConfig(method)
        weights = stacker_of(config).fit(train, config).weights
        found[method] = uar(stacker_of(config).predict(weights, judged).logits, labels[test])
        if method == "shrunken":
            found["shrinkage"] = str(float(weights["shrinkage"][0]))
    of_members = [uar(one, labels[test]) for one in judged.posteriors]
    on_dev = [uar(one, labels[rows]) for one in learnt.posteriors]
    found["member chosen on dev"] = of_members[int(np.argmax(on_dev))]
    found["best member on test"] = max(of_members)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--draws", type=int, default=2, help="Subsets of dev for each seed.")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results: dict[str, Any] = {}
    for kind in TRAIN:
        lines: dict[int, list[dict[str, Any]]] = {60: [], 300: [], 3000: []}
        for seed in range(options.seeds):
            posteriors, labels, speakers, dev, test = corpus(seed, kind)
            for count, found in lines.items():
                for number in range(options.draws if count < 3000 else 1):
                    rng = np.random.default_rng([seed, number, count])
                    rows = subset(dev, speakers, count, rng)
                    found.append(measured(posteriors, labels, speakers, rows, test))
        results[kind] = {str(count): summary(found) for count, found in lines.items()}
        print(kind, json.dumps({k: v["mean"] for k, v in results[kind].items()}, indent=1))
    results["environment"] = environment()
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of every method, its mean difference from the soft vote, and all draws."""
    names = [name for name in found[0] if name not in ("rarest", "shrinkage")]
    scores = {name: np.array([one[name] for one in found]) for name in names}
    return {
        "mean": {name: round(float(values.mean()), 4) for name, values in scores.items()},
        "against soft": {
            name: {
                "mean": round(float((values - scores["soft"]).mean()), 4),
                "least": round(float((values - scores["soft"]).min()), 4),
            }
            for name, values in scores.items()
        },
        "draws": found,
    }


if __name__ == "__main__":
    main()
