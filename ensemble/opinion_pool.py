"""The weighted logarithmic opinion pool learns one weight per member and one bias per class.

    log p(c) = sum_m w_m log p_m(c) + b_c + const

(Genest and Zidek 1986.) Where members judge by evidence that is independent given the class, the
best answer has this form with w = 1; members that share evidence get smaller weights. With M + C
numbers to learn it needs far fewer labelled rows than a map from all M C posteriors.
"""

import numpy as np
import numpy.typing as npt

from medusa.ensemble.voting import log_posteriors

Array = npt.NDArray[np.float64]
PULL = 0.01  # the penalty on the distance from the product vote, w = 1 / M and b = 0


def fit_pool(posteriors: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> Array:
    """Return the M weights, then the C biases, that have the least cross-entropy.

    Classes count alike, however many rows they have. The problem is convex: one optimum, no seeds.

    Args:
        posteriors: (M, B, C).
        labels: (B,) classes.
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


def pooled(learnt: Array, posteriors: npt.NDArray[np.floating]) -> Array:
    """Return logits (B, C) of posteriors (M, B, C)."""
    members = len(posteriors)
    logits: Array = np.tensordot(learnt[:members], log_posteriors(posteriors), 1)
    return logits + learnt[members:]


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
