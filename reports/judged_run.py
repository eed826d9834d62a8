"""Judge a run on one split: every score with its interval, chance level and majority level."""

from typing import Any

import numpy as np

from medusa.ensemble import chosen_on_dev, trained_on
from medusa.errors import RunError
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests import Manifest
from medusa.scoring import (
    FEW_BLOCKS,
    Predictions,
    Truth,
    human_agreement,
    judge,
    temperature_effect,
    training_prior,
    truth_of,
    unpredicted,
    vote_counts,
)

DEV = "dev"


def judge_run(run: RunDir, manifest: Manifest, split: str = "test") -> dict[str, Any]:
    """Compare the predictions of a run with the consensus labels and attributes of a manifest.

    Args:
        run: a finished head or stack.
        manifest: the manifest on which it was trained.
        split: the split to judge on. The class scores leave out rows without a consensus, and
            `unlabelled` counts them. The attribute scores include them.

    Returns:
        The keys and values of `Evaluation`, in `reports.evaluate`.

    Raises:
        RunError: the run is not finished or does not predict that split, or no row of the split has
            a label.
    """
    everything = run.predictions()
    predictions = everything.split(split)
    splits = predictions.frame["split"].tolist()
    truth = truth_of(manifest, predictions.ids, splits, predictions.classes)
    if not truth.labelled.any():
        raise RunError(f"no row of split {split!r} has a label; judge another split with --split")
    prior = training_prior(manifest, run.config().get("train_split", "train"))
    result = identity_of(run, split) | {
        "unlabelled": int((~truth.labelled).sum()),
        "unpredicted": unpredicted(manifest, predictions.ids, split),
    }
    result |= judge(truth, predictions, prior)
    votes, predicted = vote_counts(manifest, predictions.ids), predictions.logits().argmax(1)
    result["human_agreement"] = human_agreement(truth, predicted, votes)
    result["calibration"]["temperature"] = _temperature(run, manifest, truth, everything, split)
    result["notes"] = notes_of(run, result)
    return result


def _temperature(
    run: RunDir, manifest: Manifest, truth: Truth, everything: Predictions, split: str
) -> dict[str, Any] | None:
    """Return the effect of a temperature that is fitted on dev, or None if dev has no label.

    If the run has learnt from dev, `learnt` is true. Dev itself has no temperature: its effect
    there would be too good.
    """
    if split == DEV or DEV not in set(everything.frame["split"]):
        return None
    predictions, dev = everything.split(split), everything.split(DEV)
    known = truth_of(manifest, dev.ids, dev.frame["split"].tolist(), dev.classes)
    if not known.labelled.any():
        return None
    effect = temperature_effect(
        known.rows(known.labelled),
        dev.logits()[known.labelled].astype(np.float64),
        truth.rows(truth.labelled),
        predictions.logits()[truth.labelled].astype(np.float64),
    )
    return effect | {"learnt": DEV in trained_on(run.config())}


def identity_of(run: RunDir, split: str) -> dict[str, Any]:
    """Return the subject of an evaluation: the name and the kind of the run, and the split."""
    return {"run": run.name, "kind": run.config().get("kind", "head"), "split": split}


def notes_of(run: RunDir, result: dict[str, Any]) -> list[str]:
    """Return sentences that a reader must know before believing the numbers."""
    notes: list[str] = list(run.read_json(SUMMARY).get("notes", []))
    split, blocks = result["split"], result["blocks"]
    if split in trained_on(run.config()):
        notes.append(f"This run has learnt from {split!r}; the numbers do not hold for new data.")
    elif split == "dev" and (parts := chosen_on_dev(run)):
        notes.append(f"'dev' has chosen {parts}; the numbers are somewhat too good.")
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
    elif blocks < FEW_BLOCKS:
        notes.append(
            f"There are only {blocks} speakers and {result['n']} utterances in {split!r}, so the "
            "intervals are rough; `medusa cross-validate` judges every utterance."
        )
    return notes
