"""Stackers that scikit-learn fits. Their parameters are kept and applied as plain arrays.

All learn from equally many rows of every class, as many as the rarest has.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medusa.ensemble.linear import TrainSet
from medusa.scoring import balanced_draws

Array = npt.NDArray[np.float64]
Weights = dict[str, Tensor]
NEVER = -30.0  # how far below the least logit a class without training rows is


def fit_logistic(train_set: TrainSet, classes: int, seeds: int) -> Weights:
    """Logistic regression, L2 with C = 1, on standardised inputs."""
    from sklearn.linear_model import LogisticRegression

    inputs, labels, mean, std = _standardised(train_set)
    model = LogisticRegression(max_iter=2000).fit(inputs, labels)
    return _as_map(model, classes, mean, std)


def fit_svm(train_set: TrainSet, classes: int, seeds: int) -> Weights:
    """Linear support vector machines, one against the rest, C = 1, on standardised inputs.

    Their decision values are the logits: good for choosing a class, no probabilities.
    """
    from sklearn.svm import LinearSVC

    inputs, labels, mean, std = _standardised(train_set)
    model = LinearSVC(dual=False).fit(inputs, labels)
    return _as_map(model, classes, mean, std)


def apply_map(weights: Weights, inputs: Array, classes: int) -> Array:
    """Return logits (B, C) of inputs (B, I)."""
    logits: Array = inputs @ weights["weight"].numpy().T + weights["bias"].numpy()
    return logits


def fit_mlp(train_set: TrainSet, classes: int, seeds: int) -> Weights:
    """One hidden layer of 64 with relu, a network per seed on a balanced subset of its own."""
    from sklearn.neural_network import MLPClassifier

    weights: Weights = {}
    for seed in range(seeds):
        inputs, labels, mean, std = _standardised(train_set, seed)
        model = MLPClassifier(64, alpha=1.0, max_iter=300, tol=1e-3, random_state=seed)
        with _unfinished():
            model.fit(inputs, labels)
        (first, second), (one, two) = model.coefs_, model.intercepts_
        if second.shape[1] == 1:  # two classes have one output there
            second, two = np.hstack([0 * second, second]), np.append(0.0, two)
        weight, bias = _spread(second.T, two, model.classes_, classes)
        arrays = {"first": (first / std[:, None]).T, "one": one - (mean / std) @ first}
        arrays |= {"second": weight, "two": bias}
        weights |= {f"{key}.{seed}": _tensor(value) for key, value in arrays.items()}
    return weights


def apply_mlp(weights: Weights, inputs: Array, classes: int) -> Array:
    """Return the log of the mean posterior of the networks, (B, C)."""
    from scipy.special import softmax

    parts, seed = [], 0
    while f"first.{seed}" in weights:
        first, one, second, two = (
            weights[f"{key}.{seed}"].numpy() for key in ("first", "one", "second", "two")
        )
        hidden = np.maximum(inputs @ first.T + one, 0)
        parts.append(softmax(hidden @ second.T + two, axis=1))
        seed += 1
    mean: Array = np.mean(parts, axis=0)
    logits: Array = np.log(np.maximum(mean, 1e-12))
    return logits


def balanced_rows(labels: npt.NDArray[np.int64], seed: int = 0) -> npt.NDArray[np.int64]:
    """Return as many rows of every class as the rarest has, sorted."""
    return np.sort(balanced_draws(labels, draws=1, seed=seed)[0])


def _standardised(
    train_set: TrainSet, seed: int = 0
) -> tuple[Array, npt.NDArray[np.int64], Array, Array]:
    """Return the balanced rows' inputs and labels, and what the inputs were scaled by."""
    rows = balanced_rows(train_set.labels, seed)
    inputs = train_set.inputs[rows]
    mean, std = inputs.mean(0), inputs.std(0)
    std = np.where(std > 1e-12, std, 1.0)
    return (inputs - mean) / std, train_set.labels[rows], mean, std


def _as_map(model: Any, classes: int, mean: Array, std: Array) -> Weights:
    """Return a linear model as weight (C, I) and bias (C,) for inputs as they come."""
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # two classes have one decision value there
        weight, bias = np.vstack([0 * weight, weight]), np.append(0.0, bias)
    weight, bias = weight / std, bias - weight @ (mean / std)
    weight, bias = _spread(weight, bias, model.classes_, classes)
    return {"weight": _tensor(weight), "bias": _tensor(bias)}


def _spread(weight: Array, bias: Array, known: Sequence[int], classes: int) -> tuple[Array, Array]:
    """Put the rows of the known classes in their places; the others' logit is very low."""
    whole = np.zeros((classes, weight.shape[1]))
    low = np.full(classes, bias.min() + NEVER)
    whole[known], low[known] = weight, bias
    return whole, low


@contextmanager
def _unfinished() -> Iterator[None]:
    """Let a network stop at its number of epochs without a warning."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _tensor(values: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float64))


Fit = Callable[[TrainSet, int, int], Weights]
Apply = Callable[[Weights, Array, int], Array]
