"""Class-balanced logistic regression on averages over time, predicted out of fold."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medusa.recipes.layer_probe.picture import Mark
from medusa.scoring import SCORES, confusion, interval, resampled_confusions

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # These are the inverse weights C of the penalty.


def score_layer(layer: int, x: Floats, labels: Rows, folds: Rows, speakers: Sequence[str]) -> Mark:
    """Return the unweighted average recall of a layer's probe, and its speaker bootstrap."""
    classes, formula = int(labels.max()) + 1, SCORES["uar"].formula
    predicted = predict_out_of_fold(x, labels, folds, classes)
    drawn = formula(resampled_confusions(labels, predicted, classes, speakers))
    return Mark(layer, float(formula(confusion(labels, predicted, classes))), *interval(drawn))


def predict_out_of_fold(x: Floats, labels: Rows, folds: Rows, classes: int) -> Rows:
    """Predict every utterance with a probe that was fitted on the other folds.

    C is chosen for each fold on the predictions of the other folds.

    Args:
        x: (n, F) the averages over time.
        labels: (n,) class numbers.
        folds: (n,) fold numbers; a speaker is in one fold.
        classes: the number of classes.

    Returns:
        (n,) predicted class numbers.
    """
    predicted = np.empty((len(STRENGTHS), len(labels)), np.int64)
    for fold in np.unique(folds):
        held_out = folds == fold
        predicted[:, held_out] = _fit_predict(x[~held_out], labels[~held_out], x[held_out])
    chosen = np.empty(len(labels), np.int64)
    for fold in np.unique(folds):
        others, formula = folds != fold, SCORES["uar"].formula
        scores = [formula(confusion(labels[others], row[others], classes)) for row in predicted]
        chosen[~others] = predicted[int(np.argmax(scores)), ~others]
    return chosen


def _fit_predict(x: Floats, labels: Rows, held_out: Floats) -> Rows:
    """Return the predictions for the held-out rows (m,) with each C: (number of C, m)."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = x.mean(0), x.std(0)
    scale = np.where(deviation > 1e-8, deviation, 1)
    x, held_out = (x - mean) / scale, (held_out - mean) / scale
    if len(x) < x.shape[1]:
        # A rotation into the span of the rows changes no prediction and leaves fewer columns.
        axes = np.linalg.svd(x, full_matrices=False)[2].T
        x, held_out = x @ axes, held_out @ axes
    model = LogisticRegression(class_weight="balanced", max_iter=2000, warm_start=True)
    found = [model.set_params(C=c).fit(x, labels).predict(held_out) for c in STRENGTHS]
    return np.stack(found)
