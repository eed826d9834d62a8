"""Votes: combining members without learning anything."""

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


def mean_attributes(attributes: npt.NDArray[np.floating]) -> npt.NDArray[np.float64] | None:
    """Average (A, B, 3) attributes over the A members that predict them; None when A is 0."""
    return attributes.mean(0, dtype=np.float64) if len(attributes) else None


def _logits(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = scores / scores.sum(-1, keepdims=True)
    return np.log(np.maximum(shares, TINY))
