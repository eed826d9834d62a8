"""The classifiers of the convex heads: their settings to try, and their fit to arrays."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.heads.examples.join import Rows

Array = npt.NDArray[np.float64]
Settings = dict[str, float]
MOST_STEPS = 5000  # The steps of the solver of logistic regression.


@dataclass(frozen=True)
class Fit:
    """A fitted classifier.

    Attributes:
        arrays: the arrays of `Output.classes`.
        converged: whether the solver reached the optimum within its steps.
    """

    arrays: dict[str, Array]
    converged: bool = True


def fit_logistic(x: Array, labels: Rows, classes: int, grid: Sequence[Settings]) -> Iterator[Fit]:
    """Yield the map of scikit-learn's class-balanced logistic regression for each `C`.

    Args:
        x: (N, D) standardised.
        labels: (N,) class numbers; every class occurs.
        classes: the number of classes.
        grid: the settings.
    """
    from sklearn.linear_model import LogisticRegression

    rows, axes = in_their_span(x)
    for settings in grid:
        model = LogisticRegression(
            C=settings["C"], class_weight="balanced", tol=1e-7, max_iter=MOST_STEPS
        )
        converged = _solve(model, rows, labels)
        weight, bias = model.coef_, model.intercept_
        if axes is not None:
            weight = weight @ axes
        if classes == 2:  # scikit-learn has one decision value for two classes.
            weight, bias = np.vstack([0 * weight, weight]), np.append(0.0, bias)
        yield Fit({"weight": weight, "bias": bias}, converged)


def _solve(model: Any, x: Array, labels: Rows) -> bool:
    """Fit a model of scikit-learn, and return whether its solver converged."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(x, labels)
    return not any(issubclass(one.category, ConvergenceWarning) for one in caught)


def in_their_span(x: Array) -> tuple[Array, Array | None]:
    """Return rows (N, S) and orthonormal axes (S, D) with x = rows @ axes, in which S is below D.

    The weights of a penalised linear model lie in the span of the rows, so this rotation changes
    no prediction. It saves most of the time if there are many more columns than rows; otherwise x
    is returned, without axes.
    """
    if 2 * len(x) > x.shape[1]:
        return x, None
    left, scales, axes = np.linalg.svd(x, full_matrices=False)
    return left * scales, axes


def fit_svm(x: Array, labels: Rows, classes: int, grid: Sequence[Settings]) -> Iterator[Fit]:
    """Yield class-balanced support vector machines, one class against the rest.

    The arguments are those of `fit_logistic`; a setting has `C` and `gamma`.
    """
    from sklearn.metrics.pairwise import euclidean_distances
    from sklearn.svm import SVC

    squares = euclidean_distances(x, squared=True)
    for settings in grid:
        kernel = np.exp(-settings["gamma"] * squares)
        weight, bias = np.zeros((classes, len(x))), np.zeros(classes)
        for number in range(classes):
            model = SVC(C=settings["C"], kernel="precomputed", class_weight="balanced")
            model.fit(kernel, labels == number)
            weight[number, model.support_] = model.dual_coef_[0]
            bias[number] = model.intercept_[0]
        used = weight.any(axis=0)
        gamma = np.array(settings["gamma"])
        arrays = {"support": x[used], "weight": weight[:, used], "bias": bias, "gamma": gamma}
        yield Fit(arrays)


def fit_knn(x: Array, labels: Rows, classes: int, grid: Sequence[Settings]) -> Iterator[Fit]:
    """Yield the rows with votes of 1 / n_c, where class c has n_c rows, for each `k`.

    The arguments are those of `fit_logistic`.
    """
    votes = np.eye(classes)[labels]
    votes /= votes.sum(0)
    for settings in grid:
        yield Fit({"support": x, "weight": votes.T.copy(), "k": np.array(settings["k"])})


@dataclass(frozen=True)
class Classifier:
    """A classifier of a convex head.

    Attributes:
        fit: it yields a `Fit` for each of the settings.
        grid: it returns the settings to try for features of width D, the simplest first.
        calibrated: whether the scores need a scale and a floor to become posteriors.
        keeps_rows: whether training rows are stored, and compared with every utterance.
    """

    fit: Callable[[Array, Rows, int, Sequence[Settings]], Iterator[Fit]]
    grid: Callable[[int], list[Settings]]
    calibrated: bool = True
    keeps_rows: bool = True


def _logistic_grid(width: int) -> list[Settings]:
    return [{"C": c} for c in (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 1.0, 10.0)]


def _svm_grid(width: int) -> list[Settings]:
    gammas = [share / width for share in (0.1, 0.3, 1.0)]
    return [{"C": c, "gamma": gamma} for c in (0.1, 1.0, 10.0, 100.0) for gamma in gammas]


def _knn_grid(width: int) -> list[Settings]:
    return [{"k": float(k)} for k in (31, 21, 15, 11, 7, 5, 3, 1)]


# These are the classifiers by the name of their head.
CLASSIFIERS = {
    "logistic": Classifier(fit_logistic, _logistic_grid, calibrated=False, keeps_rows=False),
    "svm": Classifier(fit_svm, _svm_grid),
    "knn": Classifier(fit_knn, _knn_grid),
}
