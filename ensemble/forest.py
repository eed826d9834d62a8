"""Ueda's balanced stacking: random forests in folds, stored and applied as arrays."""

from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.ensemble.stack_inputs import balanced_rows
from medusa.ensemble.stacker import TrainSet, Weights
from medusa.errors import MedusaError
from medusa.randomness import seed_for

Array = npt.NDArray[np.float64]
FOLDS, SEED = 5, 0
SETTINGS = {"n_estimators": 200, "max_depth": 8, "min_samples_leaf": 10, "min_samples_split": 10}


def fit_forest(train_set: TrainSet) -> Weights:
    """Fit a forest on the training part of each of 5 stratified folds of balanced rows.

    Source: arXiv 2505.20007 (200 trees, depth 8, at least 10 rows in a leaf and in a split).

    Raises:
        MedusaError: a class has a single row, which cannot be in two folds.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold

    rows = balanced_rows(train_set.labels)
    inputs, labels = train_set.inputs[rows], train_set.labels[rows]
    folds = min(FOLDS, int(np.bincount(labels)[np.unique(labels)].min()))
    if folds < 2:
        raise MedusaError(
            "forest: expected two labelled rows of every class to learn from, but a class has one "
            "labelled row; learn from more rows with --fit-on out-of-fold, or choose another "
            "--method"
        )
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed_for(SEED, "folds of forests"))
    trees = []
    for number, (part, _) in enumerate(parts.split(inputs, labels)):
        forest = RandomForestClassifier(**SETTINGS, random_state=seed_for(SEED, "forest", number))
        forest.fit(inputs[part], labels[part])
        trees += [(tree.tree_, forest.classes_) for tree in forest.estimators_]
    return _arrays(trees, train_set.n_classes)


def apply_forest(at: Weights, inputs: Array) -> Array:
    """Return the logarithm of the mean probabilities over all trees, (B, C), of inputs (B, I)."""
    x = inputs.astype(np.float32)  # scikit-learn compares in this precision
    rows, total = np.arange(len(x)), np.zeros((len(x), at["value"].shape[1]))
    for root in at["roots"]:
        node = np.full(len(x), root)
        while (inner := at["left"][node] >= 0).any():
            below = x[rows, np.maximum(at["feature"][node], 0)] <= at["threshold"][node]
            following = np.where(below, at["left"][node], at["right"][node])
            node = np.where(inner, following, node)
        total += at["value"][node]
    logits: Array = np.log(np.maximum(total / len(at["roots"]), 1e-12))
    return logits


def _arrays(trees: list[tuple[Any, npt.NDArray[np.int64]]], classes: int) -> Weights:
    """Concatenate the nodes of all trees. `roots` has their first nodes; a leaf's child is -1."""
    parts: dict[str, list[npt.NDArray[np.generic]]] = {
        name: [] for name in ("left", "right", "feature", "threshold", "value")
    }
    roots, start = [], 0
    for tree, known in trees:
        roots.append(start)
        for name, own in (("left", "children_left"), ("right", "children_right")):
            children = getattr(tree, own)
            parts[name].append(np.where(children >= 0, children + start, -1))
        parts["feature"].append(tree.feature.astype(np.int64))
        parts["threshold"].append(tree.threshold)
        counts = tree.value[:, 0]
        value = np.zeros((len(counts), classes))
        value[:, known] = counts / counts.sum(1, keepdims=True)
        parts["value"].append(value)
        start += len(counts)
    joined: Weights = {name: np.concatenate(some) for name, some in parts.items()}
    return joined | {"roots": np.array(roots)}
