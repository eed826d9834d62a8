"""The simulated world: its variables and all their probabilities.

An utterance has a latent state z = (primary class, secondary class or none, strength). Raters vote
on z, and the consensus of their votes is the label. Speech shows z with probability `SHOWN`, else
nothing; so, independently, does the text. A state that shows moves the frames of every stream of
that kind by M_k e(z), inside one stretch of the utterance. Outside there is only noise.
"""

from functools import cache
from itertools import product
from math import factorial

import numpy as np
import numpy.typing as npt

from medusa.randomness import random_stream

Floats = npt.NDArray[np.float64]

CLASSES = ("angry", "sad", "happy", "surprise", "fear", "disgust", "contempt", "neutral")
# Neutral is 26 times as frequent as fear.
PRIOR = (0.090, 0.085, 0.200, 0.055, 0.017, 0.045, 0.060, 0.448)
NONE = -1  # no secondary class
SECONDARY = 0.35  # the probability of a secondary class
STRENGTHS = (0.8, 1.25)  # equally likely
RATERS = 5
# A careful and a careless rater vote for the primary class, the secondary class (if there is one)
# or any class with these probabilities.
RELIABILITY = ((0.86, 0.08, 0.06), (0.60, 0.20, 0.20))
CAREFUL = 0.6  # the probability that a rater is careful, for each rater independently
RATERS_OF_A_KIND = 40  # careful raters (a00, ...), and as many careless ones (b00, ...)
SHOWN = {"audio": 0.93, "text": 0.85}
DIMENSIONS = 6  # the evidence has arousal, valence, dominance and three more dimensions
# The evidence of each class. Neutral has none.
EMBEDDING = (
    (1.3, -0.9, 1.0, 0.6, 0.0, 0.2),
    (-1.0, -0.9, -0.8, 0.0, 0.5, -0.7),
    (0.8, 1.3, 0.4, -0.3, 0.5, 0.0),
    (1.1, 0.3, -0.4, -1.0, -0.8, 0.4),
    (0.9, -1.1, -1.3, -0.6, 0.9, 0.6),
    (0.2, -1.2, 0.5, -0.7, -0.4, -1.2),
    (-0.2, -0.8, 0.9, 1.1, -0.9, -0.6),
    (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
)
# How well each stream carries each dimension: speech carries arousal, text carries valence.
STREAMS: dict[str, tuple[str, tuple[float, ...]]] = {
    "wavlm": ("audio", (0.63, 0.28, 0.50, 0.38, 0.28, 0.28)),
    "hubert": ("audio", (0.57, 0.23, 0.50, 0.28, 0.35, 0.23)),
    "whisper": ("audio", (0.48, 0.41, 0.32, 0.35, 0.28, 0.38)),
    "roberta": ("text", (0.23, 0.88, 0.32, 0.63, 0.57, 0.63)),
    "modernbert": ("text", (0.25, 0.82, 0.25, 0.57, 0.69, 0.57)),
}
STRETCH = {"audio": 0.75, "text": 0.7}  # the share of an utterance in which evidence shows
BIAS, BIAS_DIMENSIONS = 0.5, 2  # a speaker's bias in each stream: its deviation, its dimensions
WORLD_SEED = 20250609
EDITION = 1  # Raise it if anything is drawn differently, so that the features get other stores.


@cache
def states() -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the Z latent states (Z, 2) of primary and secondary class, and strengths (Z,)."""
    pairs = product(range(len(CLASSES)), (NONE, *range(len(CLASSES))), STRENGTHS)
    kept = [(one, two, strength) for one, two, strength in pairs if one != two]
    return np.array([one[:2] for one in kept]), np.array([one[2] for one in kept])


@cache
def state_prior() -> Floats:
    """Return P(z), (Z,)."""
    classes, _ = states()
    second = np.where(classes[:, 1] == NONE, 1 - SECONDARY, SECONDARY / (len(CLASSES) - 1))
    prior: Floats = np.take(PRIOR, classes[:, 0]) * second / len(STRENGTHS)
    return prior


@cache
def evidence() -> Floats:
    """Return e(z), (Z, DIMENSIONS).

    It is the strength times the sum of the primary class's evidence and half of the secondary's.
    """
    classes, strength = states()
    own = np.array(EMBEDDING)
    second = np.where(classes[:, 1:] == NONE, 0.0, 0.5 * own[classes[:, 1]])
    shown: Floats = strength[:, None] * (own[classes[:, 0]] + second)
    return shown


def vote_shares(primary: int, secondary: int, reliability: tuple[float, ...]) -> Floats:
    """Return the probability of each class's vote (C,) by one kind of rater."""
    first, second, anything = reliability
    shares = np.full(len(CLASSES), anything / len(CLASSES))
    shares[primary] += first if secondary != NONE else first + second
    if secondary != NONE:
        shares[secondary] += second
    return shares


@cache
def mean_vote() -> Floats:
    """Return the probability of a vote for each class by an unknown rater, (Z, C)."""
    weights = (CAREFUL, 1 - CAREFUL)
    return np.array(
        [
            sum(
                w * vote_shares(one, two, kind)
                for w, kind in zip(weights, RELIABILITY, strict=True)
            )
            for one, two in states()[0].tolist()
        ]
    )


@cache
def label_given_state() -> Floats:
    """Return P(label = c | z), (Z, C): the sum over all counts of votes with one winner c.

    The rest of a row, up to one, is the probability of a tie.
    """
    counts = np.array(list(_counts(RATERS, len(CLASSES))))
    ways = factorial(RATERS) / np.prod([[factorial(n) for n in row] for row in counts], axis=1)
    chances = ways * np.prod(mean_vote()[:, None, :] ** counts, axis=2)  # (Z, number of counts)
    top = counts.max(1)
    alone = (counts == top[:, None]).sum(1) == 1
    winners = np.eye(len(CLASSES))[counts.argmax(1)] * alone[:, None]
    given: Floats = chances @ winners
    return given


@cache
def state_given_label() -> Floats:
    """Return P(z | label = c), (Z, C); each column sums to one."""
    joint = state_prior()[:, None] * label_given_state()
    posterior: Floats = joint / joint.sum(0)
    return posterior


@cache
def carriers(width: int) -> dict[str, tuple[Floats, Floats]]:
    """Return M_k (width, DIMENSIONS) and the basis of a speaker's bias U_k (width, r), by stream.

    The columns of M_k are orthogonal. The length of a column is how well the stream carries the
    dimension. The columns of U_k are orthonormal.
    """
    made = {}
    for number, (name, (_, lengths)) in enumerate(STREAMS.items()):
        rng = random_stream(WORLD_SEED, "simulated carriers", number)
        basis = np.linalg.qr(rng.normal(size=(width, DIMENSIONS)))[0]
        bias = np.linalg.qr(rng.normal(size=(width, BIAS_DIMENSIONS)))[0]
        made[name] = (basis * np.array(lengths), bias)
    return made


def stretch(kind: str, frames: int) -> int:
    """Return the number of an utterance's frames that show its state."""
    return max(1, round(STRETCH[kind] * frames))


def _counts(votes: int, classes: int) -> "list[tuple[int, ...]]":
    """Return all ways to distribute the votes over the classes."""
    if classes == 1:
        return [(votes,)]
    return [
        (first, *rest) for first in range(votes + 1) for rest in _counts(votes - first, classes - 1)
    ]
