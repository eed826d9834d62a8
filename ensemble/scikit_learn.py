"""Classifiers that scikit-learn fits. Their parameters are stored and applied as plain arrays.

All of them learn from the same number of rows of every class: the count of the rarest class.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.ensemble.stack_inputs import balanced_rows
from medusa.ensemble.stacker import TrainSet, Weights
from medusa.randomness import seed_for

Array = npt.NDArray[np.float64]
NEVER = -30.0  # the bias of a class without training rows, relative to the smallest bias


def fit_logistic(train_set: TrainSet) -> Weights:
    """Fit a logistic regression on standardised inputs, with an L2 penalty (C = 1)."""
    from sklearn.linear_model import LogisticRegression

    inputs, labels, mean, std = _standardised(train_set)
    model = LogisticRegression(max_iter=2000).fit(inputs, labels)
    return _as_map(model, train_set.n_classes, mean, std)


def fit_svm(train_set: TrainSet) -> Weights:
    """Fit linear support vector machines on standardised inputs, one per class, with C = 1.

    Their decision values serve as logits: they choose a class, but are not probabilities.
    """
    from sklearn.svm import LinearSVC

    inputs, labels, mean, std = _standardised(train_set)
    model = LinearSVC(dual=False).fit(inputs, labels)
    return _as_map(model, train_set.n_classes, mean, std)


def apply_map(weights: Weights, inputs: Array) -> Array:
    """Return logits (B, C) of inputs (B, I)."""
    logits: Array = inputs @ weights["weight"].T + weights["bias"]
    return logits


def fit_mlp(train_set: TrainSet, seeds: int) -> Weights:
    """Fit a network with one hidden layer of 64 relu units for each seed.

    Each network has a balanced subset of the rows of its own.
    """
    from sklearn.neural_network import MLPClassifier

    weights: Weights = {}
    for seed in range(seeds):
        inputs, labels, mean, std = _standardised(train_set, seed)
        settings = {"alpha": 1.0, "max_iter": 300, "tol": 1e-3}
        model = MLPClassifier(64, **settings, random_state=seed_for(seed, "network of a stacker"))
        with _unfinished():
            model.fit(inputs, labels)
        (first, second), (one, two) = model.coefs_, model.intercepts_
        if second.shape[1] == 1:  # scikit-learn has one output for two classes
            second, two = np.hstack([0 * second, second]), np.append(0.0, two)
        weight, bias = _spread(second.T, two, model.classes_, train_set.n_classes)
        arrays = {"first": (first / std[:, None]).T, "one": one - (mean / std) @ first}
        arrays |= {"second": weight, "two": bias}
        weights |= {f"{key}.{seed}": value for key, value in arrays.items()}
    return weights


def apply_mlp(weights: Weights, inputs: Array) -> Array:
    """Return the logarithm of the mean posteriors of all networks, (B, C), of inputs (B, I)."""
    from scipy.special import softmax

    parts, seed = [], 0
    while f"first.{seed}" in weights:
        first, one, second, two = (
            weights[f"{key}.{seed}"] for key in ("first", "one", "second", "two")
        )
        hidden = np.maximum(inputs @ first.T + one, 0)
        parts.append(softmax(hidden @ second.T + two, axis=1))
        seed += 1
    mean: Array = np.mean(parts, axis=0)
    logits: Array = np.log(np.maximum(mean, 1e-12))
    return logits


def _standardised(
    train_set: TrainSet, seed: int = 0
) -> tuple[Array, npt.NDArray[np.int64], Array, Array]:
    """Return standardised inputs and labels of balanced rows, and the inputs' mean and std."""
    rows = balanced_rows(train_set.labels, seed)
    inputs = train_set.inputs[rows]
    mean, std = inputs.mean(0), inputs.std(0)
    std = np.where(std > 1e-12, std, 1.0)
    return (inputs - mean) / std, train_set.labels[rows], mean, std


def _as_map(model: Any, classes: int, mean: Array, std: Array) -> Weights:
    """Return a linear model as weight (C, I) and bias (C,) for inputs without scaling."""
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # scikit-learn has one decision value for two classes
        weight, bias = np.vstack([0 * weight, weight]), np.append(0.0, bias)
    weight, bias = weight / std, bias - weight @ (mean / std)
    weight, bias = _spread(weight, bias, model.classes_, classes)
    return {"weight": weight, "bias": bias}


def _spread(weight: Array, bias: Array, known: Sequence[int], classes: int) -> tuple[Array, Array]:
    """Put the rows of the known classes in order; the other classes get a very low logit."""
    whole = np.zeros((classes, weight.shape[1]))
    low = np.full(classes, bias.min() + NEVER)
    whole[known], low[known] = weight, bias
    return whole, low


@contextmanager
def _unfinished() -> Iterator[None]:
    """Suppress scikit-learn's warning about a network that stops at its last epoch."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
