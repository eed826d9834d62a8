"""The demo's made-up world: the variables, their probabilities and the best possible score.

Each utterance has a class, an arousal (one number, which the voice shows) and words of a polarity
(which the text shows). Given the class, voice and words are independent:

    class ~ PRIOR;  arousal | class ~ Normal(AROUSAL[class], AROUSAL_SD)
    polarity of each of its 2 or 3 emotion words | class ~ POLARITY[class]
    each of 5 votes | class ~ VOTE[class]

The voice separates angry and happy from sad and neutral. The words separate angry and sad from
happy and neutral. Both are noisy. All probabilities are known, so the best possible prediction is
known, too.
"""

from itertools import pairwise, product
from math import comb, erf, log, pi, sqrt

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

CLASSES = ("angry", "happy", "sad", "neutral")
PRIOR = (0.17, 0.20, 0.20, 0.43)
AROUSAL = (1.1, 0.9, -1.1, -0.7)
AROUSAL_SD = 0.7
POLARITIES = ("negative", "plain", "positive")
POLARITY = ((0.60, 0.28, 0.12), (0.08, 0.28, 0.64), (0.64, 0.28, 0.08), (0.12, 0.38, 0.50))
SLOTS = (2, 3)  # emotion words in a sentence, equally likely for every class
VOTES = 5
BALLOT = (*CLASSES, "other")
VOTE = (
    (0.66, 0.06, 0.10, 0.12, 0.06),
    (0.05, 0.66, 0.04, 0.20, 0.05),
    (0.09, 0.03, 0.64, 0.19, 0.05),
    (0.06, 0.10, 0.10, 0.70, 0.04),
)
COUNTS = tuple(f"n_{name}" for name in POLARITIES)
VIEWS = ("voice", "words")


def draw(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the latent variables of `count` utterances.

    Returns:
        One row per utterance: `true_class`, `arousal_latent`, `n_negative`, `n_plain` and
        `n_positive`.
    """
    kinds = rng.choice(len(CLASSES), size=count, p=PRIOR)
    arousal = rng.normal(np.take(AROUSAL, kinds), AROUSAL_SD)
    slots = rng.choice(SLOTS, size=count)
    words = [rng.multinomial(n, POLARITY[kind]) for n, kind in zip(slots, kinds, strict=True)]
    frame = pd.DataFrame(np.array(words).reshape(count, len(COUNTS)), columns=list(COUNTS))
    frame.insert(0, "arousal_latent", arousal)
    frame.insert(0, "true_class", np.take(CLASSES, kinds))
    return frame


def ballots(classes: "pd.Series[str]", rng: np.random.Generator) -> list[list[str]]:
    """Draw the votes of every utterance: `VOTES` names from `BALLOT` for each true class."""
    rows = [VOTE[CLASSES.index(name)] for name in classes]
    return [[BALLOT[vote] for vote in rng.choice(len(BALLOT), VOTES, p=row)] for row in rows]


def log_likelihood(latents: pd.DataFrame, views: tuple[str, ...] = VIEWS) -> Floats:
    """Return the exact log p(observation of the views | class), (utterances, classes).

    Args:
        latents: the rows of `draw`.
        views: `voice` (arousal), `words` (polarity counts), or both.
    """
    total = np.zeros((len(latents), len(CLASSES)))
    if "voice" in views:
        distance = latents["arousal_latent"].to_numpy(np.float64)[:, None] - np.array(AROUSAL)
        total += -0.5 * (distance / AROUSAL_SD) ** 2 - log(AROUSAL_SD * sqrt(2 * pi))
    if "words" in views:
        counts = latents[list(COUNTS)].to_numpy(np.int64)
        orders = np.array(
            [comb(int(row.sum()), row[0]) * comb(row[1] + row[2], row[1]) for row in counts]
        )
        total += counts @ np.log(np.array(POLARITY)).T + np.log(orders)[:, None]
    return total


def best_accuracy(views: tuple[str, ...] = VIEWS, prior: tuple[float, ...] = PRIOR) -> float:
    """Return the accuracy of the best possible prediction of the true class from these views.

    It is the expectation of max_c p(c) p(observation | c). The words are summed over. The arousal
    is integrated between the points at which the best class changes.
    """
    seen = _word_outcomes() if "words" in views else [np.ones(len(CLASSES))]
    if "voice" not in views:
        return float(sum((np.array(prior) * given).max() for given in seen))
    return sum(_best_over_arousal(np.array(prior) * given) for given in seen)


def _word_outcomes() -> list[Floats]:
    """Return p(counts | class) of every possible triple of counts, each (classes,)."""
    found = []
    for n in SLOTS:
        for a, b in product(range(n + 1), repeat=2):
            if a + b <= n:
                counts = np.array([a, b, n - a - b])
                ways = comb(n, a) * comb(n - a, b)
                found.append(ways * np.prod(np.array(POLARITY) ** counts, axis=1) / len(SLOTS))
    return found


def _best_over_arousal(mass: Floats) -> float:
    """Integrate max_c mass[c] Normal(x; AROUSAL[c], AROUSAL_SD) over x, exactly.

    All classes have one variance, so the log-odds are lines in x. The best class changes only
    where two of these lines cross.
    """
    slopes = np.array(AROUSAL) / AROUSAL_SD**2
    heights = np.log(mass) - np.array(AROUSAL) ** 2 / (2 * AROUSAL_SD**2)
    pairs = [(i, j) for i in range(len(mass)) for j in range(i) if slopes[i] != slopes[j]]
    cuts = sorted((heights[j] - heights[i]) / (slopes[i] - slopes[j]) for i, j in pairs)
    edges = [-np.inf, *cuts, np.inf]
    total = 0.0
    for low, high in pairwise(edges):
        inside = (max(low, -50.0) + min(high, 50.0)) / 2
        best = int(np.argmax(heights + slopes * inside))
        total += mass[best] * (_below(high, best) - _below(low, best))
    return total


def _below(x: float, kind: int) -> float:
    """Return P(arousal < x | class)."""
    return (1 + erf((x - AROUSAL[kind]) / (AROUSAL_SD * sqrt(2)))) / 2
