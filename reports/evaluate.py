"""Judge a run on one split: every number with its interval, its chance level and its majority."""

from collections.abc import Callable
from typing import Any

import numpy as np

from medusa.ensemble import bootstrap
from medusa.ensemble.members import trained_on
from medusa.ensemble.truth import UNLABELLED, Truth, training_prior, truth_of, unpredicted
from medusa.errors import MedusaError
from medusa.heads import metrics
from medusa.heads.metrics import Floats, Ints, Numbers
from medusa.heads.predictions import Predictions
from medusa.heads.run_dir import SUMMARY, RunDir
from medusa.manifests.manifest import ATTRIBUTES, Manifest

BALANCED_DRAWS = 100


class EvaluationError(MedusaError):
    """A split that has nothing to judge by."""


def evaluate(run: RunDir, manifest: Manifest, split: str = "test") -> dict[str, Any]:
    """Compare a run's predictions with the manifest's consensus labels and attributes, by id.

    Args:
        run: a finished head or stack.
        manifest: all of it.
        split: the part to judge on. Rows without a consensus are counted in `unlabelled` and left
            out of the class metrics; their attributes count.

    Returns:
        Plain values, as `medusa evaluate --json` prints them: macro_f1, micro_f1, accuracy, uar
        and balanced (mean macro-F1 over 100 class-balanced draws) as numbers; chance and majority
        for the macro-F1, and for every metric in `baselines`; interval of each; per_class,
        confusion (truth in rows), attributes; n, unlabelled, unpredicted, blocks (speakers, or
        null where utterances were resampled), classes, notes.

    Raises:
        RunError, PredictionsError: the run is not finished or does not predict that split.
        EvaluationError: no row of the split has a label.
    """
    said = run.predictions().split(split)
    splits = said.frame["split"].tolist()
    truth = truth_of(manifest, said.ids, splits, said.classes)
    labelled = truth.labels != UNLABELLED
    if not labelled.any():
        raise EvaluationError(f"no row of split {split!r} has a label; choose another with --split")
    judged, guess = truth.rows(labelled), said.logits().argmax(1)[labelled]
    prior = training_prior(manifest, run.config().get("train_split", "train"))
    result = facts_of(run, split, said, judged) | {
        "unlabelled": int((~labelled).sum()),
        "unpredicted": unpredicted(manifest, said.ids, split),
    }
    result |= class_scores(judged, guess, prior, said.classes)
    result["attributes"] = attribute_scores(truth, said)
    result["notes"] = notes_of(run, result)
    return result


def facts_of(run: RunDir, split: str, said: Predictions, judged: Truth) -> dict[str, Any]:
    blocks = judged.blocks
    return {
        "run": run.name,
        "kind": run.config().get("kind", "head"),
        "split": split,
        "classes": list(said.classes),
        "n": len(judged.labels),
        "blocks": None if blocks is None else len(set(blocks)),
    }


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


def notes_of(run: RunDir, result: dict[str, Any]) -> list[str]:
    """Return what a reader must know before believing the numbers."""
    notes: list[str] = list(run.read_json(SUMMARY).get("notes", []))
    split, blocks = result["split"], result["blocks"]
    if split in trained_on(run.config()):
        notes.append(f"This run has learnt from {split!r}; the numbers say nothing about new data.")
    absent = [name for name, scores in result["per_class"].items() if not scores["support"]]
    if absent:
        present = len(result["classes"]) - len(absent)
        notes.append(
            f"{split!r} has no {', '.join(absent)}: averages are over the other {present} classes."
        )
    if result["unpredicted"]:
        notes.append(f"{result['unpredicted']} utterances of {split!r} have no prediction.")
    if blocks is None:
        notes.append("Intervals resample utterances: fewer than two speakers are known.")
    elif blocks < bootstrap.FEW_BLOCKS:
        notes.append(f"There are only {blocks} speakers in {split!r}: the intervals are rough.")
    return notes


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
