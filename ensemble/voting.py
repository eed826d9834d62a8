"""Votes: they combine members without learning anything."""

import numpy as np
import numpy.typing as npt

Posteriors = npt.NDArray[np.floating]
TINY = 1e-12  # a class with no probability at all still needs a finite logit


def soft_vote(posteriors: Posteriors) -> npt.NDArray[np.float64]:
    """Average the members' posteriors.

    Args:
        posteriors: (M, B, C).

    Returns:
        (B, C) logits whose softmax is the mean posterior.
    """
    return _logits(posteriors.mean(0, dtype=np.float64))


def majority_vote(posteriors: Posteriors) -> npt.NDArray[np.float64]:
    """Count the first choices of the members. A tie goes to the class with the larger posteriors.

    Args:
        posteriors: (M, B, C).

    Returns:
        (B, C) logits of votes + mean posterior, normalised. A mean posterior is at most one vote,
        so it decides ties only.
    """
    votes = np.eye(posteriors.shape[-1])[posteriors.argmax(-1)].sum(0)
    return _logits(votes + posteriors.mean(0, dtype=np.float64))


def product_vote(posteriors: Posteriors) -> npt.NDArray[np.float64]:
    """Average the members' log-posteriors: the logarithmic opinion pool, or product rule.

    A member that excludes a class has more influence than in the mean of posteriors.

    Args:
        posteriors: (M, B, C).

    Returns:
        (B, C) logits.
    """
    mean: npt.NDArray[np.float64] = log_posteriors(posteriors).mean(0)
    return mean


def log_posteriors(posteriors: Posteriors) -> npt.NDArray[np.float64]:
    """Return log p, at least log 1e-12, for posteriors of any shape."""
    logs: npt.NDArray[np.float64] = np.log(np.maximum(posteriors.astype(np.float64), TINY))
    return logs


def mean_attributes(attributes: npt.NDArray[np.floating]) -> npt.NDArray[np.float64] | None:
    """Average attributes (A, B, 3) over the A members that predict them; return None if A is 0."""
    return attributes.mean(0, dtype=np.float64) if len(attributes) else None


def _logits(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = scores / scores.sum(-1, keepdims=True)
    return np.log(np.maximum(shares, TINY))
