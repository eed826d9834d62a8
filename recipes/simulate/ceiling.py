"""How well one who knows the model answers, for every set of streams."""

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
DRAWS = 100  # balanced ones


def views() -> dict[str, tuple[str, ...]]:
    """Return every set of streams, the whole first, by a name such as `wavlm + roberta`."""
    names = tuple(STREAMS)
    sets = [one for size in range(len(names), 0, -1) for one in combinations(names, size)]
    return {"all" if one == names else " + ".join(one): one for one in sets}


def predictions_of(ratios: Mapping[str, Floats]) -> dict[str, Ints]:
    """Return what is most likely, argmax_c p(x | label = c), to each set of streams: (B,).

    Args:
        ratios: of every stream, (B, Z), from `stream_ratios`.
    """
    return {
        view: class_likelihood({name: ratios[name] for name in names}).argmax(1)
        for view, names in views().items()
    }


def ceilings(
    truth: Ints, predictions: Mapping[str, Ints], speakers: Sequence[str], prior: Floats
) -> dict[str, Any]:
    """Judge the exact answers.

    Args:
        truth: (B,) consensus labels.
        said: each set of streams' answers, (B,).
        speakers: (B,) whom the bootstrap draws whole.
        prior: (C,) class counts of the training split.

    Returns:
        By set of streams: `ceiling` (balanced macro-F1), its 95 % `interval`, and `on_draws`, the
        average over 100 balanced draws of as many utterances a class as the rarest has. Beside
        them `chance` (guessing by the prior), `uniform` (guessing evenly) and `judged`, how many.
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
