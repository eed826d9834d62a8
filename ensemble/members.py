"""The predictions of several runs for the same utterances, joined by id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.errors import RunError, listed
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.scoring import NOT_A_FOLD, Predictions, Truth, truth_of

CLOSED_FORM = "shrinkage, scale and floor"
# Training speakers choose the settings of the three convex heads. Dev chooses those of other heads.
CHOSEN_ON_DEV = {"discriminant": CLOSED_FORM, "logistic": "", "svm": "", "knn": ""}


@dataclass(frozen=True)
class Members:
    """The predictions of M runs for B utterances, in the order of sorted ids.

    Attributes:
        names: (M,) the names of the runs.
        ids: (B,) the utterances.
        splits: (B,) the split of each utterance when the runs were made.
        folds: (B,) the fold that predicted the utterance, -1 outside folds. If the folds of the
            runs differ, all are -1.
        classes: the order of the logits, the same in every run.
        logits: (M, B, C).
        posteriors: (M, B, C).
        attributes: (A, B, 3) of the A runs that predict attributes. A may be 0.
        foldless: the reason why all folds are -1, or an empty text.
    """

    names: tuple[str, ...]
    ids: list[str]
    splits: npt.NDArray[np.str_]
    folds: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    logits: npt.NDArray[np.float32]
    posteriors: npt.NDArray[np.float32]
    attributes: npt.NDArray[np.float32]
    foldless: str = ""

    def truth(self, manifest: Manifest) -> Truth:
        """Return the truth of the utterances; see `truth_of`."""
        return truth_of(manifest, self.ids, self.splits.tolist(), self.classes)


def join(runs: Sequence[RunDir]) -> Members:
    """Read the predictions of runs and align them by id; see `align`.

    Raises:
        RunError: there are no runs, a run is not finished, two runs have one name, or their
            classes, ids or splits differ.
    """
    if not runs:
        raise RunError("no runs to combine; train some with `medusa fit-head`")
    different_names(runs)
    return align({run.name: run.predictions() for run in runs})


def align(predictions: Mapping[str, Predictions], how: str = "strict") -> Members:
    """Align the predictions of several runs by id; the order of their rows has no influence.

    Args:
        predictions: the predictions of each run, by its name.
        how: `strict` requires the same ids and splits in every run. `inner` keeps the utterances
            that all runs predict.

    Raises:
        RunError: classes differ; with `strict`, ids or splits differ. All differences are listed.
    """
    _same_classes(predictions)
    each = [set(one.ids) for one in predictions.values()]
    ids = sorted(set.union(*each) if how == "strict" else set.intersection(*each))
    if how == "strict":
        _same_ids(predictions, ids)
    predictions = {name: one.select(ids) for name, one in predictions.items()}
    if how == "strict":
        _same_splits(predictions)
    tables = list(predictions.values())
    attributes = [values for one in tables if (values := one.attributes()) is not None]
    folds, foldless = _folds(predictions)
    return Members(
        names=tuple(predictions),
        ids=ids,
        splits=tables[0].frame["split"].to_numpy(str),
        folds=folds,
        classes=tables[0].classes,
        logits=np.stack([one.logits() for one in tables]),
        posteriors=np.stack([one.posteriors() for one in tables]),
        attributes=np.stack(attributes) if attributes else np.empty((0, len(ids), 3), np.float32),
        foldless=foldless,
    )


def different_names(runs: Sequence[RunDir]) -> None:
    """Raise if two runs have one name, because members are named by it.

    Raises:
        RunError: two runs in different folders have the same name.
    """
    paths: dict[str, list[str]] = {}
    for run in runs:
        paths.setdefault(run.name, []).append(str(run.path))
    if twice := [listed(several) for several in paths.values() if len(several) > 1]:
        raise RunError(f"runs of one name: {'; '.join(twice)}; rename a folder, or leave it out")


def _folds(predictions: Mapping[str, Predictions]) -> tuple[npt.NDArray[np.int64], str]:
    """Return the fold of every utterance, and the reason if it is -1 for all."""
    folds = {name: one.frame["fold"].to_numpy(np.int64) for name, one in predictions.items()}
    name, first = next(iter(folds.items()))
    if without := [one for one, own in folds.items() if (own == NOT_A_FOLD).all()]:
        return np.full_like(first, NOT_A_FOLD), f"{listed(without)} predicted nothing out of fold"
    if other := [one for one, own in folds.items() if not np.array_equal(own, first)]:
        return np.full_like(first, NOT_A_FOLD), f"{listed(other)} had other folds than {name}"
    return first, ""


def trained_on(config: dict[str, Any]) -> list[str]:
    """Return the splits from which a run has learnt; for a stack, those of its members, too."""
    splits: list[str] = config.get("trained_on") or [config.get("train_split", "train")]
    return splits


def chosen_on_dev(run: RunDir) -> str:
    """Return the parts of a run that dev has chosen, in words; empty if it has chosen none."""
    config = run.config()
    if config.get("kind") == "stack":
        members = [RunDir(run.path.parent / one["name"]) for one in config["members"]]
        chosen = any(not one.exists or chosen_on_dev(one) for one in members)
        return "the weights of its members" if chosen else ""
    if "imported" in config:
        return ""
    return CHOSEN_ON_DEV.get(config.get("head", {}).get("name", ""), "the weights")


def _same_classes(predictions: Mapping[str, Predictions]) -> None:
    name, first = next(iter(predictions.items()))
    other = [
        f"{run} has {', '.join(one.classes)}"
        for run, one in predictions.items()
        if one.classes != first.classes
    ]
    if other:
        raise RunError(
            f"the runs' classes or their order differ: {name} has {', '.join(first.classes)}; "
            f"{'; '.join(other)}; combine runs of one manifest"
        )


def _same_ids(predictions: Mapping[str, Predictions], ids: Sequence[str]) -> None:
    problems = []
    for name, one in predictions.items():
        predicted = set(one.ids)
        if len(predicted) != len(one.ids):
            problems.append(f"{name} predicts some ids twice")
        if absent := [utterance for utterance in ids if utterance not in predicted]:
            problems.append(f"{name} has no prediction for {listed(absent)}")
    if problems:
        raise RunError(
            "the runs predict different utterances: " + "; ".join(problems) + "; "
            "fit those heads again on the present manifest, or leave them out"
        )


def _same_splits(predictions: Mapping[str, Predictions]) -> None:
    name, first = next(iter(predictions.items()))
    for other, one in predictions.items():
        differ = (one.frame["split"] != first.frame["split"]).to_numpy(bool)
        if differ.any():
            row = int(differ.argmax())
            raise RunError(
                f"{int(differ.sum())} utterances were in another split when {other} was made than "
                f"for {name} ({first.ids[row]}: {one.frame['split'][row]!r}, not "
                f"{first.frame['split'][row]!r}); fit both on the same split"
            )
