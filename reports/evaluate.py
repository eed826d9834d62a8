"""Judge a run on one split: every number with its interval, its chance level and its majority."""

from typing import Any

from medusa.ensemble.members import trained_on
from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests.manifest import Manifest
from medusa.scoring import resampling as bootstrap
from medusa.scoring.predictions import Predictions
from medusa.scoring.scores import attribute_scores, class_scores
from medusa.scoring.truth import UNLABELLED, Truth, training_prior, truth_of, unpredicted


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
