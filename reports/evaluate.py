"""Judge a run on one split: every number with its interval, its chance level and its majority."""

from typing import Any

from medusa.ensemble import trained_on
from medusa.errors import RunError
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests import Manifest
from medusa.scoring import FEW_BLOCKS, judge, training_prior, truth_of, unpredicted


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
        RunError, RunError: the run is not finished or does not predict that split.
        RunError: no row of the split has a label.
    """
    predictions = run.predictions().split(split)
    splits = predictions.frame["split"].tolist()
    truth = truth_of(manifest, predictions.ids, splits, predictions.classes)
    if not truth.labelled.any():
        raise RunError(f"no row of split {split!r} has a label; choose another with --split")
    prior = training_prior(manifest, run.config().get("train_split", "train"))
    result = identity_of(run, split) | {
        "unlabelled": int((~truth.labelled).sum()),
        "unpredicted": unpredicted(manifest, predictions.ids, split),
    }
    result |= judge(truth, predictions, prior)
    result["notes"] = notes_of(run, result)
    return result


def identity_of(run: RunDir, split: str) -> dict[str, Any]:
    """Return what an evaluation is about: the run's name and kind, and the split."""
    return {"run": run.name, "kind": run.config().get("kind", "head"), "split": split}


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
    elif blocks < FEW_BLOCKS:
        notes.append(f"There are only {blocks} speakers in {split!r}: the intervals are rough.")
    return notes
