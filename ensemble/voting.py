"""Votes: combining members without learning anything."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Posteriors = npt.NDArray[np.floating]
TINY = 1e-12  # a class that nobody gives any probability still needs a finite logit


def soft_vote(posteriors: Posteriors) -> npt.NDArray[np.float64]:
    """Average the members' posteriors.

    Args:
        posteriors: (M, B, C).

    Returns:
        (B, C) logits whose softmax is the mean posterior.
    """
    return _logits(posteriors.mean(0, dtype=np.float64))


def majority_vote(posteriors: Posteriors) -> npt.NDArray[np.float64]:
    """Count the members' first choices; ties go to the class with the larger summed posterior.

    Args:
        posteriors: (M, B, C).

    Returns:
        (B, C) logits of votes + mean posterior, normalised: a mean posterior is at most one vote,
        so it decides ties and nothing else.
    """
    votes = np.eye(posteriors.shape[-1])[posteriors.argmax(-1)].sum(0)
    return _logits(votes + posteriors.mean(0, dtype=np.float64))


def product_vote(posteriors: Posteriors) -> npt.NDArray[np.float64]:
    """Average the members' log-posteriors: the logarithmic opinion pool, or product rule.

    One member that excludes a class counts more than in the mean of posteriors.

    Args:
        posteriors: (M, B, C).

    Returns:
        (B, C) logits.
    """
    mean: npt.NDArray[np.float64] = log_posteriors(posteriors).mean(0)
    return mean


def log_posteriors(posteriors: Posteriors) -> npt.NDArray[np.float64]:
    """Return log p, at least log 1e-12, of any shape."""
    logs: npt.NDArray[np.float64] = np.log(np.maximum(posteriors.astype(np.float64), TINY))
    return logs


def mean_attributes(attributes: npt.NDArray[np.floating]) -> npt.NDArray[np.float64] | None:
    """Average (A, B, 3) attributes over the A members that predict them; None when A is 0."""
    return attributes.mean(0, dtype=np.float64) if len(attributes) else None


def _logits(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = scores / scores.sum(-1, keepdims=True)
    return np.log(np.maximum(shares, TINY))


Vote = Callable[[Posteriors], npt.NDArray[np.float64]]
VOTES: dict[str, Vote] = {
    "majority": majority_vote,
    "soft": soft_vote,
    "product": product_vote,
}
