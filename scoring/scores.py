"""All scores of the predictions of labelled utterances, each with its interval and baselines."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medusa.errors import RunError
from medusa.manifests import ATTRIBUTES
from medusa.scoring import metrics, resampling
from medusa.scoring.calibration.reliability import calibration_scores
from medusa.scoring.distributions.shares import distribution_scores
from medusa.scoring.metrics import SCORES, Floats, Ints, Numbers
from medusa.scoring.predictions import Predictions
from medusa.scoring.truth import Truth

BALANCED_DRAWS = 100
FEW_UTTERANCES = 5  # The interval of a class with fewer true utterances is not shown.


def judge(truth: Truth, predictions: Predictions, prior: Floats) -> dict[str, Any]:
    """Return all scores of one run's predictions.

    Args:
        truth: the truth of B utterances. The class scores leave out utterances without a
            consensus label; the attribute scores include them.
        predictions: the predictions of the same utterances, in the same order.
        prior: (C,) class counts of the training split, for the chance level.

    Returns:
        `classes`; `n`, the number of labelled utterances; `blocks`, the number of speakers, or
        None if utterances are resampled; the values of `class_scores`; `attributes`, the values of
        `attribute_scores`; `calibration`, those of `calibration_scores`; and `distributions`, those
        of `distribution_scores`.

    Raises:
        RunError: no utterance has a label.
    """
    if not truth.labelled.any():
        raise RunError(
            "none of the judged utterances has a label; judge a split that has labels, with --split"
        )
    judged = truth.rows(truth.labelled)
    predicted = predictions.logits().argmax(1)[truth.labelled]
    posteriors = predictions.posteriors().astype(np.float64)
    blocks = judged.blocks
    return {
        "classes": list(predictions.classes),
        "n": len(judged.labels),
        "blocks": None if blocks is None else len(set(blocks)),
        **class_scores(judged, predicted, prior, predictions.classes),
        "attributes": attribute_scores(truth, predictions),
        "calibration": calibration_scores(judged, posteriors[truth.labelled]),
        "distributions": distribution_scores(truth, posteriors),
    }


def mean_scores(runs: Sequence[Numbers], truth: Truth) -> dict[str, Any]:
    """Return the mean macro_f1, accuracy and uar of several runs, and the interval of macro_f1.

    Args:
        runs: the logits or posteriors (B, C) of each run.
        truth: the truth of the same B utterances, all of them labelled.
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
    """Return all scores of the classes.

    Args:
        truth: the truth of B labelled utterances.
        predicted: (B,) predicted class numbers.
        prior: (C,) class counts of the training split.
        classes: the names of the C classes.

    Returns:
        Each score of `SCORES`; `interval` and `baselines` (`chance` and `majority`) of each;
        `chance`, `majority` and `majority_class` of the macro-F1; `per_class`; and `confusion`,
        with the truth in its rows. `balanced` is the mean over 100 class-balanced draws, and its
        interval is that of the large-sample value, shifted to this mean.
    """
    size = len(classes)
    matrix = metrics.confusion(truth.labels, predicted, size)
    totals = resampling.resampled_confusions(truth.labels, predicted, size, truth.blocks)
    chance = metrics.chance_confusion(prior, truth.labels)
    majority = metrics.majority_confusion(prior, truth.labels)
    formulas = {name: score.formula for name, score in SCORES.items()}
    values = {name: float(formula(matrix)) for name, formula in formulas.items()}
    interval = {name: resampling.interval(formula(totals)) for name, formula in formulas.items()}
    draws = metrics.balanced_draws(truth.labels, BALANCED_DRAWS)
    mean = metrics.mean_macro_f1_over_draws(truth.labels, predicted, size, draws)
    shift = mean - values["balanced"]  # the finite draws differ from the large-sample value
    low, high = interval["balanced"]
    return values | {
        "balanced": mean,
        "chance": metrics.chance_macro_f1(prior, truth.labels),
        "majority": metrics.majority_macro_f1(prior, truth.labels),
        "majority_class": classes[int(prior.argmax())],
        "interval": {name: list(pair) for name, pair in interval.items()}
        | {"balanced": [max(0.0, low + shift), min(1.0, high + shift)]},
        "baselines": {
            name: {"chance": float(formula(chance)), "majority": float(formula(majority))}
            for name, formula in formulas.items()
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


def class_interval(one: Mapping[str, Any]) -> str:
    """Return the interval of a class's F1 as text, or `too few` below five true utterances.

    From so few utterances, the bootstrap gives intervals such as 0 – 0, which look certain.

    Args:
        one: a value of `per_class`.
    """
    if one["support"] < FEW_UTTERANCES:
        return "too few"
    return "{:.3f} – {:.3f}".format(*one["interval"])


def attribute_scores(truth: Truth, predictions: Predictions) -> dict[str, Any]:
    """Return `ccc` and `mse`, the number `n` of utterances and `interval` of every attribute.

    Only utterances count whose attribute is both known and predicted. An attribute with fewer
    than two such utterances is left out.
    """
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
