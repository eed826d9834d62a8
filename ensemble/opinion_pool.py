"""The weighted logarithmic opinion pool learns one weight per member and one bias per class.

    log p(c) = sum_m w_m log p_m(c) + b_c + const

Source: Genest and Zidek (1986). If the members use evidence that is independent given the class,
then the best prediction has this form with w = 1. Members that share evidence get smaller weights.
The pool has M + C parameters, and needs far fewer labelled rows than a map of all M C posteriors.
"""

import numpy as np
import numpy.typing as npt

from medusa.ensemble.voting import log_posteriors

Array = npt.NDArray[np.float64]
PULL = 0.01  # the penalty on the distance from the product vote, w = 1 / M and b = 0


def fit_pool(posteriors: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> Array:
    """Return the M weights and then the C biases with the least cross-entropy.

    All classes have equal weight, whatever their number of rows. The problem is convex, so there
    is one optimum, and no seed is needed.

    Args:
        posteriors: (M, B, C).
        labels: (B,) class numbers.
    """
    from scipy.optimize import minimize

    logs = log_posteriors(posteriors)
    members, _, classes = logs.shape
    start = np.concatenate([np.full(members, 1 / members), np.zeros(classes)])
    shares = 1.0 / np.bincount(labels, minlength=classes)[labels]
    shares /= shares.sum()
    optimum = minimize(_loss, start, (logs, labels, shares, start), jac=True, method="L-BFGS-B")
    learnt: Array = optimum.x
    return learnt


def pooled(weights: Array, bias: Array, posteriors: npt.NDArray[np.floating]) -> Array:
    """Return logits (B, C) from weights (M,), a bias (C,) and posteriors (M, B, C)."""
    logits: Array = np.tensordot(weights, log_posteriors(posteriors), 1)
    return logits + bias


def _loss(
    learnt: Array, logs: Array, labels: npt.NDArray[np.int64], shares: Array, start: Array
) -> tuple[float, Array]:
    """Return the loss and its gradient."""
    from scipy.special import log_softmax

    members, rows = len(logs), np.arange(len(labels))
    logits = np.tensordot(learnt[:members], logs, 1) + learnt[members:]
    log_probs = log_softmax(logits, axis=1)
    away = learnt - start
    loss = float(-(shares * log_probs[rows, labels]).sum() + PULL * (away @ away))
    error = np.exp(log_probs)
    error[rows, labels] -= 1
    error *= shares[:, None]
    slope = np.concatenate([np.einsum("bc,mbc->m", error, logs), error.sum(0)])
    return loss, slope + 2 * PULL * away
