"""The attributes of a convex head: a ridge regression on the standardised features."""

import numpy as np

from medusa.heads.closed_form.moments import MIDDLE
from medusa.heads.convex.classifiers import Array
from medusa.heads.examples.join import Rows

ALPHAS = (1e4, 1e3, 100.0, 10.0, 1.0)  # The earlier of two ties is chosen.


def ridge(x: Array, ratings: Array, folds: Rows) -> tuple[Array, Array]:
    """Return W (3, D) and b (3,) of scikit-learn's ridge regression of each attribute.

    The penalty of each attribute has the smallest squared error on folds that were left out. If
    the rated rows are in one fold, it is the largest. Without ratings, the middle of the scale is
    predicted.

    Args:
        x: (N, D) standardised.
        ratings: (N, 3), NaN where unrated.
        folds: (N,) the fold of each row.
    """
    from sklearn.linear_model import Ridge

    weights, biases = np.zeros((3, x.shape[1])), np.full(3, MIDDLE)
    for number, y in enumerate(ratings.T):
        rated = ~np.isnan(y)
        if rated.any():
            alpha = ALPHAS[int(_errors(x[rated], y[rated], folds[rated]).argmin())]
            model = Ridge(alpha).fit(x[rated], y[rated])
            weights[number], biases[number] = model.coef_, model.intercept_
    return weights, biases


def _errors(x: Array, y: Array, folds: Rows) -> Array:
    """Return the sum of the squared errors on the folds with each penalty, 0 for a single fold.

    The penalties are fitted together, because they share the product of the rows.
    """
    from sklearn.linear_model import Ridge

    numbers, totals = np.unique(folds), np.zeros(len(ALPHAS))
    targets = np.tile(y[:, None], len(ALPHAS))
    for fold in numbers if len(numbers) > 1 else ():
        held = folds == fold
        predicted = Ridge(ALPHAS).fit(x[~held], targets[~held]).predict(x[held])
        totals += np.square(predicted - targets[held]).sum(0)
    return totals
