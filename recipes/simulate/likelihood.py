"""The exact likelihood of simulated features, which gives the best possible prediction.

The frames of stream k are x_t = U_k b + [t in the stretch] M_k e + noise, with b ~ N(0, BIAS^2 I)
and noise ~ N(0, I). S is the sum over the stretch (L frames), A the sum over all T frames, and
k = BIAS^2 / (1 + T BIAS^2). By the Woodbury identity,

    log p(x | e, place) - log p(x | nothing)
        = m'(S - k L U U' A) - (L |m|^2 - k L^2 |U' m|^2) / 2,    m = M e.

The place is uniform; the likelihood sums over it.
"""

from collections.abc import Mapping, Sequence

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
    """Return log p(x | shown z) - log p(x | nothing shown) of one stream, (..., Z).

    Args:
        name: the name of the stream.
        frames: (..., T, width), the frames of utterances of one length.
    """
    kind, (carrier, bias) = STREAMS[name][0], carriers(frames.shape[-1])[name]
    count = frames.shape[-2]
    length = stretch(kind, count)
    shrink = BIAS**2 / (1 + count * BIAS**2)
    sums = np.cumsum(frames, axis=-2)
    inside = sums[..., length - 1 :, :].copy()  # (..., places, width)
    inside[..., 1:, :] -= sums[..., :-length, :]
    common = shrink * length * (sums[..., -1:, :] @ bias) @ bias.T
    moved = evidence() @ carrier.T  # (Z, width)
    size = length * (moved**2).sum(1) - shrink * length**2 * ((moved @ bias) ** 2).sum(1)
    by_place = (inside - common) @ moved.T - size / 2  # (..., places, Z)
    ratio: Floats = logsumexp(by_place, axis=-2) - np.log(by_place.shape[-2])
    return ratio


def stream_ratios(name: str, utterances: Sequence[Floats]) -> Floats:
    """Return `stream_ratio` of utterances (T, width) of any lengths, (B, Z)."""
    lengths = np.array([len(frames) for frames in utterances])
    ratios = np.empty((len(utterances), len(evidence())))
    for count in np.unique(lengths):
        rows = np.flatnonzero(lengths == count)
        ratios[rows] = stream_ratio(name, np.stack([utterances[row] for row in rows.tolist()]))
    return ratios


def class_likelihood(ratios: Mapping[str, Floats]) -> Floats:
    """Return log p(x | label = c) up to a constant of each utterance, (B, C).

    Args:
        ratios: (B, Z) of each known stream.
    """
    given_state = np.zeros(())
    for kind, shown in SHOWN.items():
        known = [ratio for name, ratio in ratios.items() if STREAMS[name][0] == kind]
        if known:
            # Either all streams of the kind show the state, or none does.
            total = np.sum(known, axis=0) + np.log(shown)
            given_state = given_state + np.logaddexp(total, np.log1p(-shown))
    with np.errstate(divide="ignore"):
        weights = np.log(state_given_label())  # (Z, C)
    log_likelihood: Floats = logsumexp(given_state[..., None] + weights, axis=-2)
    return log_likelihood
