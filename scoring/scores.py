"""All scores of predictions about labelled utterances, each with its interval and baselines."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from medusa.errors import RunError
from medusa.manifests import ATTRIBUTES
from medusa.scoring import metrics, resampling
from medusa.scoring.metrics import Floats, Ints, Numbers
from medusa.scoring.predictions import Predictions
from medusa.scoring.truth import Truth

BALANCED_DRAWS = 100


def judge(truth: Truth, predictions: Predictions, prior: Floats) -> dict[str, Any]:
    """Return all scores of one run's predictions.

    Args:
        truth: B utterances. Those without a consensus label are left out of the class scores;
            their attributes count.
        predictions: about the same utterances, in the same order.
        prior: (C,) class counts of the training split, for the chance level.

    Returns:
        `classes`, `n` (labelled utterances), `blocks` (speakers, or None where utterances are
        resampled), everything that `class_scores` returns, and `attributes`.

    Raises:
        RunError: no utterance has a label.
    """
    if not truth.labelled.any():
        raise RunError("no utterance has a label to judge by")
    judged = truth.rows(truth.labelled)
    predicted = predictions.logits().argmax(1)[truth.labelled]
    blocks = judged.blocks
    return {
        "classes": list(predictions.classes),
        "n": len(judged.labels),
        "blocks": None if blocks is None else len(set(blocks)),
        **class_scores(judged, predicted, prior, predictions.classes),
        "attributes": attribute_scores(truth, predictions),
    }


def mean_scores(runs: Sequence[Numbers], truth: Truth) -> dict[str, Any]:
    """Return macro_f1, accuracy, uar and the macro-F1's interval, averaged over several runs.

    Args:
        runs: class scores (B, C), such as logits or posteriors, of each run.
        truth: the same B utterances, all labelled.
    """
    classes, matrices, resampled = runs[0].shape[1], [], []
    for scores in runs:
        predicted = scores.argmax(1)
        matrices.append(metrics.confusion(truth.labels, predicted, classes))
        totals = resampling.resampled_confusions(truth.labels, predicted, classes, truth.blocks)
        resampled.append(metrics.macro_f1_of(totals))
    stacked = np.stack(matrices)
    return {
        "macro_f1": float(metrics.macro_f1_of(stacked).mean()),
        "accuracy": float(metrics.accuracy_of(stacked).mean()),
        "uar": float(metrics.uar_of(stacked).mean()),
        "interval": list(resampling.interval(np.mean(resampled, axis=0))),
    }


def class_scores(
    truth: Truth, predicted: Ints, prior: Floats, classes: tuple[str, ...]
) -> dict[str, Any]:
    """Return all class metrics of predictions (B,) about labelled utterances."""
    size = len(classes)
    matrix = metrics.confusion(truth.labels, predicted, size)
    totals = resampling.resampled_confusions(truth.labels, predicted, size, truth.blocks)
    chance = metrics.chance_confusion(prior, truth.labels)
    majority = metrics.majority_confusion(prior, truth.labels)
    values = {name: float(score(matrix)) for name, score in SCORES.items()}
    interval = {name: resampling.interval(score(totals)) for name, score in SCORES.items()}
    draws = metrics.balanced_draws(truth.labels, BALANCED_DRAWS)
    mean = metrics.mean_macro_f1_over_draws(truth.labels, predicted, size, draws)
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
    low, high = np.percentile(metrics.per_class(totals)["f1"], resampling.INTERVAL, axis=0)
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


def attribute_scores(truth: Truth, predictions: Predictions) -> dict[str, Any]:
    """Return CCC and MSE of each attribute that is both known and predicted somewhere."""
    predicted = predictions.attributes()
    result: dict[str, Any] = {}
    for column, name in enumerate(ATTRIBUTES):
        if predicted is None:
            break
        known = ~np.isnan(truth.attributes[:, column]) & ~np.isnan(predicted[:, column])
        if known.sum() < 2:
            continue
        rated = truth.rows(known)
        pair = rated.attributes[:, column], predicted[known, column]
        totals = resampling.resampled_moments(*pair, rated.blocks)
        result[name] = {
            "ccc": metrics.ccc(*pair),
            "mse": metrics.mse(*pair),
            "n": int(known.sum()),
            "interval": {
                "ccc": list(resampling.interval(metrics.ccc_of(totals))),
                "mse": list(resampling.interval(metrics.mse_of(totals))),
            },
        }
    return result


SCORES: dict[str, Callable[[Numbers], Floats]] = {
    "macro_f1": metrics.macro_f1_of,
    "micro_f1": metrics.accuracy_of,  # the same number where an utterance has one class
    "accuracy": metrics.accuracy_of,
    "uar": metrics.uar_of,
    "balanced": metrics.balanced_macro_f1_of,
}
NAMES = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "accuracy": "accuracy",
    "uar": "UAR",
    "balanced": "macro-F1, balanced draws",
}
