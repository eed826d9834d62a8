"""Judge the test predictions of all folds of a cross-validation as one result."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from medusa.errors import RunError, listed
from medusa.manifests import Manifest
from medusa.scoring.distributions.human_agreement import human_agreement, vote_counts
from medusa.scoring.metrics import SCORES, Floats, confusion
from medusa.scoring.predictions import Predictions
from medusa.scoring.scores import judge
from medusa.scoring.significance import gains
from medusa.scoring.truth import Truth, truth_of


def judge_folds(
    manifest: Manifest, systems: Mapping[str, Predictions], main: str, prior: Floats
) -> dict[str, Any]:
    """Return the scores of several systems over the test predictions of all folds.

    Args:
        manifest: the whole corpus; its split is not read.
        systems: for each system, a prediction of every utterance, with the number of its fold.
        main: the system that is compared with all others.
        prior: (C,) the class counts of the training splits of all folds, for the chance level.

    Returns:
        `main`; `systems`, for each the values of `judge`, `human_agreement` and `fold_scores`;
        `gains` of the main system over the others (`significance.gains`); `unlabelled`, the number
        of utterances without a consensus label; and `unpredicted`, of those without a prediction.

    Raises:
        RunError: a system predicts an utterance twice, the systems predict different utterances,
            or no utterance has a label.
    """
    ids = _common_ids(systems)
    systems = {name: one.select(ids) for name, one in systems.items()}
    truth = _truth(manifest, systems[main])
    judged = truth.rows(truth.labelled)
    classes = {name: one.logits().argmax(1) for name, one in systems.items()}
    others = {name: one[truth.labelled] for name, one in classes.items() if name != main}
    size, votes = len(systems[main].classes), vote_counts(manifest, ids)
    return {
        "main": main,
        "unlabelled": int((~truth.labelled).sum()),
        "unpredicted": len(manifest) - len(ids),
        "systems": {
            name: judge(truth, one, prior)
            | {
                "human_agreement": human_agreement(truth, classes[name], votes),
                "folds": fold_scores(truth, one),
            }
            for name, one in systems.items()
        },
        "gains": gains(judged, classes[main][truth.labelled], others, size) if others else [],
    }


def fold_scores(truth: Truth, predictions: Predictions) -> dict[str, Any]:
    """Return the `mean`, the `sd` (standard deviation) and the `values` of every score over folds.

    Each score of a fold is an average over the classes that occur in the fold. A fold without a
    label has no value.

    Args:
        truth: of B utterances.
        predictions: of the same utterances.
    """
    folds = predictions.frame["fold"].to_numpy(np.int64)
    guesses, size = predictions.logits().argmax(1), len(predictions.classes)
    matrices = {}
    for number in np.unique(folds[truth.labelled]):
        mask = (folds == number) & truth.labelled
        matrices[str(number)] = confusion(truth.labels[mask], guesses[mask], size)
    scores = {}
    for name, score in SCORES.items():
        values = {number: float(score.formula(matrix)) for number, matrix in matrices.items()}
        each = list(values.values())
        spread = float(np.std(each, ddof=1)) if len(each) > 1 else 0.0
        scores[name] = {"mean": float(np.mean(each)), "sd": spread, "values": values}
    return scores


def _common_ids(systems: Mapping[str, Predictions]) -> list[str]:
    """Return the sorted ids, which every system predicts exactly once.

    Raises:
        RunError: an id is predicted twice, or only by some systems.
    """
    ids: list[str] = []
    for name, one in systems.items():
        own = sorted(one.ids)
        twice = [left for left, right in itertools.pairwise(own) if left == right]
        if twice:
            raise RunError(
                f"{name} predicts {listed(twice)} in two folds; make the cross-validation again"
            )
        if own != (ids or own):
            differ = sorted(set(own) ^ set(ids))
            raise RunError(
                f"{name}: expected predictions of the same utterances as in the other systems, but "
                f"{listed(differ)} differ; cross-validate all of them with --missing drop"
            )
        ids = own
    return ids


def _truth(manifest: Manifest, predictions: Predictions) -> Truth:
    """Return the truth of utterances that are all test."""
    whole = replace(manifest, frame=manifest.frame.assign(split="test"))
    return truth_of(whole, predictions.ids, ["test"] * len(predictions.ids), predictions.classes)
