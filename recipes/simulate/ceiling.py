"""The score of the exact likelihood, for every set of streams."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.recipes.simulate.likelihood import class_likelihood
from medusa.recipes.simulate.world import CLASSES, STREAMS, Floats
from medusa.scoring import (
    balanced_draws,
    balanced_macro_f1_of,
    chance_macro_f1,
    confusion,
    interval,
    mean_macro_f1_over_draws,
    resampled_confusions,
)

Ints = npt.NDArray[np.int64]
DRAWS = 100  # the number of balanced draws


def views() -> dict[str, tuple[str, ...]]:
    """Return every set of streams by a name such as `wavlm + roberta`; the set of all is first."""
    names = tuple(STREAMS)
    sets = [one for size in range(len(names), 0, -1) for one in combinations(names, size)]
    return {"all" if one == names else " + ".join(one): one for one in sets}


def predictions_of(ratios: Mapping[str, Floats]) -> dict[str, Ints]:
    """Return the most likely class, argmax_c p(x | label = c), by each set of streams: (B,).

    Args:
        ratios: the ratios of every stream, (B, Z), from `stream_ratios`.
    """
    return {
        view: class_likelihood({name: ratios[name] for name in names}).argmax(1)
        for view, names in views().items()
    }


def ceilings(
    truth: Ints, predictions: Mapping[str, Ints], speakers: Sequence[str], prior: Floats
) -> dict[str, Any]:
    """Score the predictions of the exact likelihood.

    Args:
        truth: (B,) the consensus labels.
        predictions: (B,) the predictions of each set of streams.
        speakers: (B,) the speakers, which the bootstrap resamples.
        prior: (C,) the class counts of the training split.

    Returns:
        By set of streams: `ceiling` (balanced macro-F1), its 95 % `interval`, and `on_draws`, the
        mean over 100 balanced draws, in which every class has as many utterances as the rarest
        one. Also `chance` (random guesses by the prior), `uniform` (random guesses with equal
        frequencies) and `judged`, the number of utterances.
    """
    count, draws = len(CLASSES), balanced_draws(truth, DRAWS)
    found: dict[str, Any] = {"ceiling": {}, "interval": {}, "on_draws": {}}
    for view, one in predictions.items():
        found["ceiling"][view] = float(balanced_macro_f1_of(confusion(truth, one, count)))
        spread = resampled_confusions(truth, one, count, speakers)
        found["interval"][view] = list(interval(balanced_macro_f1_of(spread)))
        found["on_draws"][view] = mean_macro_f1_over_draws(truth, one, count, draws)
    every = np.unique(truth)
    guesses = {"chance": prior, "uniform": np.ones(count)}
    guessed = {name: chance_macro_f1(shares, every) for name, shares in guesses.items()}
    return found | guessed | {"judged": len(truth)}
