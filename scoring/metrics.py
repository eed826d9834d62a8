"""The scores of predictions: each is a function of a confusion matrix, or of six sums.

Both add up over utterances, so a thousand resamples or balanced draws cost little more than one.
Classes are numbers 0..C-1, and a confusion matrix has the truth in its rows. **Macro-F1 and UAR
average over the classes that occur in the truth**, as `sklearn.metrics.f1_score(t, p,
labels=np.unique(t), average="macro", zero_division=0)` and `balanced_accuracy_score(t, p)` do. A
class that is predicted but never true lowers the precision of the others and has no term itself.
`SCORES` lists the scores of the classes that every report shows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medusa.errors import MedusaError
from medusa.randomness import random_stream

Ints = npt.NDArray[np.integer]
Numbers = npt.NDArray[np.integer | np.floating]
Floats = npt.NDArray[np.float64]


def confusion(y_true: Ints, y_pred: Ints, n_classes: int) -> npt.NDArray[np.int64]:
    """Count how often each true class is predicted as each class.

    Args:
        y_true: (..., B) class numbers. Each index of the leading axes has a matrix of its own.
        y_pred: (..., B) predicted class numbers.
        n_classes: C.

    Returns:
        (..., C, C): `[t, p]` is the number of utterances of class t that are predicted as p.
    """
    lead, size = y_true.shape[:-1], n_classes * n_classes
    cells = (y_true.astype(np.int64) * n_classes + y_pred).reshape(-1, y_true.shape[-1])
    cells = cells + np.arange(len(cells))[:, None] * size
    counts = np.bincount(cells.ravel(), minlength=len(cells) * size)
    return counts.reshape(*lead, n_classes, n_classes).astype(np.int64)


def per_class(matrix: Numbers) -> dict[str, Floats]:
    """Return precision, recall, f1 and support, each (..., C); a ratio with 0 below it is 0."""
    hits = np.diagonal(matrix, axis1=-2, axis2=-1).astype(np.float64)
    support, called = matrix.sum(-1).astype(np.float64), matrix.sum(-2).astype(np.float64)
    return {
        "precision": _ratio(hits, called),
        "recall": _ratio(hits, support),
        "f1": _ratio(2 * hits, support + called),
        "support": support,
    }


def macro_f1_of(matrix: Numbers) -> Floats:
    """Return the macro-F1 of confusion matrices (..., C, C), over the classes in the truth."""
    return _over_present(matrix, "f1")


def uar_of(matrix: Numbers) -> Floats:
    """Return the unweighted average recall (UAR) of matrices (..., C, C), over true classes."""
    return _over_present(matrix, "recall")


def balanced_macro_f1_of(matrix: Numbers) -> Floats:
    """Return the macro-F1 of confusion matrices (..., C, C) with equal weights for all classes.

    The macro-F1 over balanced draws of a split approaches it as the draws become many and large.
    The rows must be counts of utterances: the sum of each row is 0 or at least 1.
    """
    support = matrix.sum(-1, keepdims=True)
    return macro_f1_of(matrix / np.maximum(support, 1))


def accuracy_of(matrix: Numbers) -> Floats:
    """Return the accuracy of confusion matrices (..., C, C).

    It equals the micro-F1, because every utterance has one true and one predicted class.
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1).sum(-1)
    return _ratio(hits.astype(np.float64), matrix.sum((-1, -2)).astype(np.float64))


def macro_f1(y_true: Ints, y_pred: Ints, n_classes: int) -> float:
    """Return the macro-F1 of predictions (B,)."""
    return float(macro_f1_of(confusion(y_true, y_pred, n_classes)))


def moments(truth: Numbers, predicted: Numbers) -> Floats:
    """Return the terms of CCC and MSE for every utterance: (B, 6) of 1, x, y, xx, yy, xy.

    x and y are shifted by the mean of the truth. The shift changes neither score and avoids the
    loss of digits.

    Args:
        truth: (B,) one attribute, without nulls.
        predicted: (B,) the predicted values of it, without nulls.
    """
    centre = np.mean(truth, dtype=np.float64)
    x, y = truth.astype(np.float64) - centre, predicted.astype(np.float64) - centre
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], -1)


def ccc_of(sums: Floats) -> Floats:
    """Return the concordance correlation coefficient (CCC) of summed `moments` (..., 6).

    It is 2 cov(x, y) / (var x + var y + (mean x - mean y)^2), with variances over B (Lin, 1989),
    and 0 if truth and predictions are the same constant.
    """
    x, y, xx, yy, xy = np.moveaxis(sums[..., 1:] / sums[..., :1], -1, 0)
    return _ratio(2 * (xy - x * y), xx - x * x + yy - y * y + (x - y) ** 2)


def mse_of(sums: Floats) -> Floats:
    """Return the mean squared error (MSE) of summed `moments` (..., 6)."""
    error: Floats = (sums[..., 3] + sums[..., 4] - 2 * sums[..., 5]) / sums[..., 0]
    return error


def ccc(truth: Numbers, predicted: Numbers) -> float:
    """Return the concordance correlation coefficient of one attribute (B,)."""
    return float(ccc_of(moments(truth, predicted).sum(0)))


def mse(truth: Numbers, predicted: Numbers) -> float:
    """Return the mean squared error of one attribute (B,)."""
    return float(mse_of(moments(truth, predicted).sum(0)))


def balanced_draws(
    labels: Ints,
    draws: int = 100,
    per_class: int | None = None,
    rng: np.random.Generator | None = None,
) -> npt.NDArray[np.int64]:
    """Draw class-balanced subsets. No row is in one subset twice.

    Args:
        labels: (B,) class numbers. Rows with a negative number have no consensus and are not drawn.
        draws: the number of subsets.
        per_class: the rows of each class in a subset; by default the count of the rarest class.
            Classes that do not occur are left out.
        rng: it draws the subsets. By default they are those that judge a split, always the same.

    Returns:
        (draws, n) row numbers; n is per_class times the number of classes that occur.

    Raises:
        MedusaError: no row has a label, or a class has fewer than per_class rows.
    """
    present, counts = np.unique(labels[labels >= 0], return_counts=True)
    if not len(present):
        raise MedusaError(
            "balanced draws need labels, and no row has one; judge a split that has labels"
        )
    each = int(counts.min()) if per_class is None else per_class
    if each > counts.min():
        rare = int(present[counts.argmin()])
        raise MedusaError(
            f"balanced draws: expected {each} rows of every class, but class number {rare} has "
            f"{counts.min()}; set per_class to {counts.min()} or less"
        )
    rng = random_stream(0, "balanced draws") if rng is None else rng
    chosen = []
    for label in present:
        rows = np.flatnonzero(labels == label)
        order = rng.random((draws, len(rows))).argsort(1)[:, :each]
        chosen.append(rows[order])
    return np.concatenate(chosen, 1).astype(np.int64)


def mean_macro_f1_over_draws(
    y_true: Ints, y_pred: Ints, n_classes: int, draws: npt.NDArray[np.int64]
) -> float:
    """Return the mean macro-F1 over the subsets (draws, n) of `balanced_draws` (paper, sec. 4)."""
    return float(macro_f1_of(confusion(y_true[draws], y_pred[draws], n_classes)).mean())


def chance_confusion(prior: Floats, labels: Ints) -> Floats:
    """Return the expected confusion matrix (C, C) of random guesses with the shares of `prior`.

    The guesses do not depend on the truth, so class c has the recall p_c, the precision q_c (its
    share of `labels`) and F1 = 2 p_c q_c / (p_c + q_c). Scores of this matrix are large-sample
    values; the exact expectations differ by terms of order 1/B.

    Args:
        prior: (C,) class counts or shares of the training split.
        labels: (B,) the truth.
    """
    return np.outer(np.bincount(labels, minlength=len(prior)), prior / prior.sum())


def majority_confusion(prior: Floats, labels: Ints) -> npt.NDArray[np.int64]:
    """Return the confusion matrix of always predicting the class with the largest `prior`.

    Of several such classes, it is the first one.
    """
    return confusion(labels, np.full(len(labels), int(prior.argmax())), len(prior))


def chance_macro_f1(prior: Floats, labels: Ints) -> float:
    """Return the macro-F1 of random guesses with the shares of `prior` (`chance_confusion`)."""
    return float(macro_f1_of(chance_confusion(prior, labels)))


def majority_macro_f1(prior: Floats, labels: Ints) -> float:
    """Return the macro-F1 of always predicting the class with the largest `prior`."""
    return float(macro_f1_of(majority_confusion(prior, labels)))


def _over_present(matrix: Numbers, name: str) -> Floats:
    scores = per_class(matrix)
    present = scores["support"] > 0
    return _ratio((scores[name] * present).sum(-1), present.sum(-1).astype(np.float64))


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0)


@dataclass(frozen=True)
class Score:
    """A score of the classes.

    Attributes:
        title: its name in tables and in the report.
        formula: it maps confusion matrices (..., C, C) to scores (...).
    """

    title: str
    formula: Callable[[Numbers], Floats]


# The scores that `medusa evaluate` and the report show. The key is the name in JSON.
SCORES: dict[str, Score] = {
    "macro_f1": Score("macro-F1", macro_f1_of),
    "balanced": Score("macro-F1, balanced draws", balanced_macro_f1_of),
    "uar": Score("UAR", uar_of),
    "accuracy": Score("accuracy = micro-F1", accuracy_of),
}
