"""All scores of predictions about labelled utterances, each with its interval and baselines."""

from collections.abc import Callable
from typing import Any

import numpy as np

from medusa.manifests.manifest import ATTRIBUTES
from medusa.scoring import metrics
from medusa.scoring import resampling as bootstrap
from medusa.scoring.metrics import Floats, Ints, Numbers
from medusa.scoring.predictions import Predictions
from medusa.scoring.truth import Truth

BALANCED_DRAWS = 100


def class_scores(
    truth: Truth, guess: Ints, prior: Floats, classes: tuple[str, ...]
) -> dict[str, Any]:
    """Return all class metrics of predictions (B,) about labelled utterances."""
    size = len(classes)
    matrix = metrics.confusion(truth.labels, guess, size)
    totals = bootstrap.resampled_confusions(truth.labels, guess, size, truth.blocks)
    chance = metrics.chance_confusion(prior, truth.labels)
    majority = metrics.majority_confusion(prior, truth.labels)
    values = {name: float(score(matrix)) for name, score in SCORES.items()}
    interval = {name: bootstrap.interval(score(totals)) for name, score in SCORES.items()}
    draws = metrics.balanced_draws(truth.labels, BALANCED_DRAWS)
    mean = metrics.mean_macro_f1_over_draws(truth.labels, guess, size, draws)
    shift = mean - values["balanced"]  # of the finite draws against their large-sample value
    low, high = interval["balanced"]
    return values | {
        "balanced": mean,
        "chance": metrics.chance_macro_f1(prior, truth.labels),
        "majority": metrics.majority_macro_f1(prior, truth.labels),
        "majority_class": classes[int(prior.argmax())],
        "interval": {name: list(pair) for name, pair in interval.items()}
        | {"balanced": [low + shift, high + shift]},
        "baselines": {
            name: {"chance": float(score(chance)), "majority": float(score(majority))}
            for name, score in SCORES.items()
        },
        "per_class": _per_class(matrix, totals, classes),
        "confusion": matrix.tolist(),
    }


def _per_class(matrix: Numbers, totals: Floats, classes: tuple[str, ...]) -> dict[str, Any]:
    scores = metrics.per_class(matrix)
    low, high = np.percentile(metrics.per_class(totals)["f1"], bootstrap.INTERVAL, axis=0)
    return {
        name: {
            "precision": float(scores["precision"][row]),
            "recall": float(scores["recall"][row]),
            "f1": float(scores["f1"][row]),
            "support": int(scores["support"][row]),
            "interval": [float(low[row]), float(high[row])],
        }
        for row, name in enumerate(classes)
    }


def attribute_scores(truth: Truth, said: Predictions) -> dict[str, Any]:
    """Return CCC and MSE of each attribute that is both known and predicted somewhere."""
    predicted = said.attributes()
    result: dict[str, Any] = {}
    for column, name in enumerate(ATTRIBUTES):
        if predicted is None:
            break
        known = ~np.isnan(truth.attributes[:, column]) & ~np.isnan(predicted[:, column])
        if known.sum() < 2:
            continue
        there = truth.rows(known)
        pair = there.attributes[:, column], predicted[known, column]
        totals = bootstrap.resampled_moments(*pair, there.blocks)
        result[name] = {
            "ccc": metrics.ccc(*pair),
            "mse": metrics.mse(*pair),
            "n": int(known.sum()),
            "interval": {
                "ccc": list(bootstrap.interval(metrics.ccc_of(totals))),
                "mse": list(bootstrap.interval(metrics.mse_of(totals))),
            },
        }
    return result


def balanced_of(matrix: Numbers) -> Floats:
    """Macro-F1 of confusion matrices (..., C, C) if every class in the truth were as frequent."""
    support = matrix.sum(-1, keepdims=True)
    return metrics.macro_f1_of(matrix / np.maximum(support, 1))


SCORES: dict[str, Callable[[Numbers], Floats]] = {
    "macro_f1": metrics.macro_f1_of,
    "micro_f1": metrics.accuracy_of,  # the same number where an utterance has one class
    "accuracy": metrics.accuracy_of,
    "uar": metrics.uar_of,
    "balanced": balanced_of,
}
NAMES = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "accuracy": "accuracy",
    "uar": "UAR",
    "balanced": "macro-F1, balanced draws",
}
