"""How good predictions are: every number is a function of a confusion matrix or of six sums.

Both add up over utterances, so a thousand resamples or balanced draws cost little more than one.
Classes are numbers 0..C-1; a confusion matrix has the truth in its rows. **Macro-F1 and UAR average
over the classes that occur in the truth**: `sklearn.metrics.f1_score(t, p, labels=np.unique(t),
average="macro", zero_division=0)` and `balanced_accuracy_score(t, p)`. A class that is predicted
but never true lowers the others' precision and has no term of its own.
"""

import numpy as np
import numpy.typing as npt

from medusa.errors import MedusaError

Ints = npt.NDArray[np.integer]
Numbers = npt.NDArray[np.integer | np.floating]
Floats = npt.NDArray[np.float64]


def confusion(y_true: Ints, y_pred: Ints, n_classes: int) -> npt.NDArray[np.int64]:
    """Count truths against predictions.

    Args:
        y_true: (..., B) class numbers; leading axes are separate matrices (draws, resamples).
        y_pred: (..., B) likewise.

    Returns:
        (..., C, C): `[t, p]` is how often class t was called p.
    """
    lead, size = y_true.shape[:-1], n_classes * n_classes
    cells = (y_true.astype(np.int64) * n_classes + y_pred).reshape(-1, y_true.shape[-1])
    cells = cells + np.arange(len(cells))[:, None] * size
    counts = np.bincount(cells.ravel(), minlength=len(cells) * size)
    return counts.reshape(*lead, n_classes, n_classes).astype(np.int64)


def per_class(matrix: Numbers) -> dict[str, Floats]:
    """Return precision, recall, f1 and support, each (..., C); 0 where the denominator is 0."""
    hits = np.diagonal(matrix, axis1=-2, axis2=-1).astype(np.float64)
    support, called = matrix.sum(-1).astype(np.float64), matrix.sum(-2).astype(np.float64)
    return {
        "precision": _ratio(hits, called),
        "recall": _ratio(hits, support),
        "f1": _ratio(2 * hits, support + called),
        "support": support,
    }


def macro_f1_of(matrix: Numbers) -> Floats:
    """Macro-F1 of confusion matrices (..., C, C), over the classes in the truth."""
    return _over_present(matrix, "f1")


def uar_of(matrix: Numbers) -> Floats:
    """Unweighted average recall of confusion matrices (..., C, C), over classes in the truth."""
    return _over_present(matrix, "recall")


def balanced_macro_f1_of(matrix: Numbers) -> Floats:
    """Macro-F1 of confusion matrices (..., C, C) in which every class counts alike.

    The macro-F1 over balanced draws of a split tends to it as the draws become many and large.
    The rows must be counts of utterances: each sum is 0 or at least 1.
    """
    support = matrix.sum(-1, keepdims=True)
    return macro_f1_of(matrix / np.maximum(support, 1))


def accuracy_of(matrix: Numbers) -> Floats:
    """Accuracy of confusion matrices (..., C, C)."""
    hits = np.diagonal(matrix, axis1=-2, axis2=-1).sum(-1)
    return _ratio(hits.astype(np.float64), matrix.sum((-1, -2)).astype(np.float64))


def macro_f1(y_true: Ints, y_pred: Ints, n_classes: int) -> float:
    """Macro-F1 of predictions (B,)."""
    return float(macro_f1_of(confusion(y_true, y_pred, n_classes)))


def uar(y_true: Ints, y_pred: Ints, n_classes: int) -> float:
    """Unweighted average recall of predictions (B,)."""
    return float(uar_of(confusion(y_true, y_pred, n_classes)))


def accuracy(y_true: Ints, y_pred: Ints) -> float:
    """Share of predictions (B,) that are right."""
    return float(np.mean(y_true == y_pred))


def micro_f1(y_true: Ints, y_pred: Ints) -> float:
    """Micro-F1 of predictions (B,): with one class an utterance, the same number as accuracy."""
    return accuracy(y_true, y_pred)


def moments(truth: Numbers, predicted: Numbers) -> Floats:
    """Return what CCC and MSE are made of, per utterance: (B, 6) of 1, x, y, xx, yy, xy.

    Both are shifted by the mean of the truth, which changes neither number and keeps digits.

    Args:
        truth: (B,) one attribute, without nulls.
        predicted: (B,) likewise.
    """
    centre = np.mean(truth, dtype=np.float64)
    x, y = truth.astype(np.float64) - centre, predicted.astype(np.float64) - centre
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], -1)


def ccc_of(sums: Floats) -> Floats:
    """Concordance correlation coefficient of summed `moments` (..., 6), 0 where all are constant.

    2 cov(x, y) / (var x + var y + (mean x - mean y)^2), with variances over B (Lin, 1989).
    """
    x, y, xx, yy, xy = np.moveaxis(sums[..., 1:] / sums[..., :1], -1, 0)
    return _ratio(2 * (xy - x * y), xx - x * x + yy - y * y + (x - y) ** 2)


def mse_of(sums: Floats) -> Floats:
    """Mean squared error of summed `moments` (..., 6)."""
    error: Floats = (sums[..., 3] + sums[..., 4] - 2 * sums[..., 5]) / sums[..., 0]
    return error


def ccc(truth: Numbers, predicted: Numbers) -> float:
    """Concordance correlation coefficient of one attribute (B,)."""
    return float(ccc_of(moments(truth, predicted).sum(0)))


def mse(truth: Numbers, predicted: Numbers) -> float:
    """Mean squared error of one attribute (B,)."""
    return float(mse_of(moments(truth, predicted).sum(0)))


def balanced_draws(
    labels: Ints, draws: int = 100, per_class: int | None = None, seed: int = 0
) -> npt.NDArray[np.int64]:
    """Draw class-balanced subsets, without replacement inside a draw.

    Args:
        labels: (B,) class numbers; negative ones (no consensus) are never drawn.
        draws: the number of subsets.
        per_class: rows of each class in a subset; by default the rarest class's count.
            Classes that do not occur are left out.

    Returns:
        (draws, n) row numbers, n = per_class times the classes that occur.

    Raises:
        MedusaError: there is no label at all, or a class has fewer rows than asked.
    """
    present, counts = np.unique(labels[labels >= 0], return_counts=True)
    if not len(present):
        raise MedusaError("balanced draws need labels, and no row has one")
    each = int(counts.min()) if per_class is None else per_class
    if each > counts.min():
        rare = int(present[counts.argmin()])
        raise MedusaError(
            f"{each} rows per class asked, but class number {rare} has {counts.min()}; ask for less"
        )
    rng = np.random.default_rng(seed)
    chosen = []
    for label in present:
        rows = np.flatnonzero(labels == label)
        order = rng.random((draws, len(rows))).argsort(1)[:, :each]
        chosen.append(rows[order])
    return np.concatenate(chosen, 1).astype(np.int64)


def mean_macro_f1_over_draws(
    y_true: Ints, y_pred: Ints, n_classes: int, draws: npt.NDArray[np.int64]
) -> float:
    """Macro-F1 averaged over the subsets `draws` (draws, n) of `balanced_draws` (paper, sec. 4)."""
    return float(macro_f1_of(confusion(y_true[draws], y_pred[draws], n_classes)).mean())


def chance_confusion(prior: Floats, labels: Ints) -> Floats:
    """Return the expected confusion matrix (C, C) of guessing independently from `prior`.

    Guesses spread over every true class alike, so class c has recall p_c and precision q_c (its
    share of `labels`) and F1 = 2 p_c q_c / (p_c + q_c). Scores of this matrix are large-sample
    values; the exact expectations differ by terms of order 1/B.

    Args:
        prior: (C,) class counts or shares of the training split.
        labels: (B,) the truth.
    """
    return np.outer(np.bincount(labels, minlength=len(prior)), prior / prior.sum())


def majority_confusion(prior: Floats, labels: Ints) -> npt.NDArray[np.int64]:
    """Return the confusion of always answering the largest `prior` (the first of equals)."""
    return confusion(labels, np.full(len(labels), int(prior.argmax())), len(prior))


def chance_macro_f1(prior: Floats, labels: Ints) -> float:
    """Macro-F1 expected of guessing from `prior` (see `chance_confusion`)."""
    return float(macro_f1_of(chance_confusion(prior, labels)))


def majority_macro_f1(prior: Floats, labels: Ints) -> float:
    """Macro-F1 of always answering the class with the largest `prior`."""
    return float(macro_f1_of(majority_confusion(prior, labels)))


def _over_present(matrix: Numbers, name: str) -> Floats:
    scores = per_class(matrix)
    present = scores["support"] > 0
    return _ratio((scores[name] * present).sum(-1), present.sum(-1).astype(np.float64))


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0)
