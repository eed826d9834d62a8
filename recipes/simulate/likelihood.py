"""The exact likelihood of simulated features, and with it the best possible answer.

Frames of stream k: x_t = U_k b + [t in the stretch] M_k e + noise, b ~ N(0, BIAS^2 I), noise
~ N(0, I). With S the sum over the stretch (L frames), A over all T, k = BIAS^2 / (1 + T BIAS^2),

    log p(x | e, place) - log p(x | nothing)
        = m'(S - k L U U' A) - (L |m|^2 - k L^2 |U' m|^2) / 2,    m = M e,

by the Woodbury identity; the place is uniform and summed out.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import logsumexp

from medusa.recipes.simulate.world import (
    BIAS,
    SHOWN,
    STREAMS,
    Floats,
    carriers,
    evidence,
    state_given_label,
    stretch,
)


def stream_ratio(name: str, frames: Floats) -> Floats:
    """Return log p(x | shown z) - log p(x | nothing shown) of one stream, (Z,).

    Args:
        name: of the stream.
        frames: (T, width).
    """
    kind, (carrier, bias) = STREAMS[name][0], carriers(frames.shape[1])[name]
    count = len(frames)
    length = stretch(kind, count)
    shrink = BIAS**2 / (1 + count * BIAS**2)
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, axis=0)])
    inside = sums[length:] - sums[:-length]  # (places, width)
    common = shrink * length * bias @ (bias.T @ sums[-1])
    shown = evidence()
    moved = shown @ carrier.T  # (Z, width)
    size = length * (moved**2).sum(1) - shrink * length**2 * ((moved @ bias) ** 2).sum(1)
    by_place = (inside - common) @ moved.T - size / 2  # (places, Z)
    ratio: Floats = logsumexp(by_place, axis=0) - np.log(len(by_place))
    return ratio


def class_likelihood(ratios: Mapping[str, Floats]) -> Floats:
    """Return log p(x | label = c) up to a constant of the utterances, (B, C).

    Args:
        ratios: of each stream that is known, (B, Z).
    """
    given_state = np.zeros(())
    for kind, shown in SHOWN.items():
        known = [ratio for name, ratio in ratios.items() if STREAMS[name][0] == kind]
        if known:
            # either all streams of the kind show the state, or none does
            total = np.sum(known, axis=0) + np.log(shown)
            given_state = given_state + np.logaddexp(total, np.log1p(-shown))
    with np.errstate(divide="ignore"):
        weights = np.log(state_given_label())  # (Z, C)
    answer: Floats = logsumexp(given_state[..., None] + weights, axis=-2)
    return answer
