"""Judge a run on the corpus of another workspace, with a mapping between the classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medusa.ensemble import trained_on
from medusa.ensemble.apply import apply
from medusa.errors import ManifestError, RunError, listed, nearest
from medusa.heads.fitting.apply import CPU
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import ATTRIBUTES, LabelScheme, Manifest
from medusa.reports.judged_run import identity_of, notes_of
from medusa.scoring import (
    Predictions,
    human_agreement,
    judge,
    training_prior,
    truth_of,
    unpredicted,
    vote_counts,
)
from medusa.workspace import Workspace

ALL = "all"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClassMap:
    """The class of the target corpus that each class of the head means.

    Attributes:
        pairs: the target class of each head class, in the order of the head; None without one.
        target: the classes of the target corpus, in order.
    """

    pairs: dict[str, str | None]
    target: tuple[str, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """The K target classes that a head class means. Only these are judged."""
        return tuple(name for name in self.target if name in self.pairs.values())

    @property
    def dropped(self) -> tuple[str, ...]:
        """The target classes that no head class means."""
        return tuple(name for name in self.target if name not in self.kept)

    @property
    def unused(self) -> tuple[str, ...]:
        """The head classes that mean no target class."""
        return tuple(name for name, other in self.pairs.items() if other is None)

    def columns(self, name: str) -> list[int]:
        """Return the numbers of the head classes that mean a target class."""
        return [column for column, other in enumerate(self.pairs.values()) if other == name]

    def logits(self, logits: npt.NDArray[np.floating]) -> Floats:
        """Map logits (B, C) to the logarithms of the added posteriors, (B, K)."""
        logs = logits - np.logaddexp.reduce(logits.astype(np.float64), axis=1, keepdims=True)
        parts = [np.logaddexp.reduce(logs[:, self.columns(name)], axis=1) for name in self.kept]
        return np.stack(parts, axis=1)

    def prior(self, prior: Floats) -> Floats:
        """Map class counts (C,) to (K,)."""
        return np.array([prior[self.columns(name)].sum() for name in self.kept])


def read_map(text: str, head: tuple[str, ...], target: tuple[str, ...]) -> ClassMap:
    """Read a mapping such as `happy=happiness,angry=anger`.

    Args:
        text: pairs of head class = target class, separated by commas. Several head classes may mean
            the same target class; one with nothing after `=` means none. A head class that is not
            in the text means the target class of the same name.
        head: the classes of the head.
        target: the classes of the target corpus.

    Raises:
        ManifestError: classes are unknown or repeated (all are listed), or fewer than two classes
            are in common.
    """
    pairs: dict[str, str | None] = {name: name if name in target else None for name in head}
    problems, seen = [], set()
    for part in (piece.strip().lower() for piece in text.split(",") if piece.strip()):
        left, equals, right = (piece.strip() for piece in part.partition("="))
        if not equals:
            problems.append(f"{part!r}: expected HEAD_CLASS=CLASS")
            continue
        if left not in head:
            problems.append(f"the head has no {left!r}{nearest(left, head)}")
        if right and right not in target:
            problems.append(f"the corpus has no {right!r}{nearest(right, target)}")
        if left in seen:
            problems.append(f"{left!r} occurs twice; write it once")
        seen.add(left)
        pairs[left] = right or None
    sides = f"the head has {', '.join(head)}; the corpus has {', '.join(target)}"
    if problems:
        raise ManifestError("\n  ".join(["--map:", *problems, sides]))
    found = ClassMap(pairs, target)
    if len(found.kept) < 2:
        common = found.kept[0] if found.kept else "nothing"
        raise ManifestError(
            f"expected at least two classes in common, found {common}; {sides}; write a mapping "
            "with --map"
        )
    return found


def transfer(
    run: RunDir,
    source: Manifest,
    workspace: Workspace,
    split: str = "test",
    mapping: str = "",
    text: str | None = None,
    device: torch.device = CPU,
    drop_missing: bool = False,
) -> tuple[dict[str, Any], Predictions]:
    """Predict the corpus of another workspace with a run, and judge the predictions there.

    Args:
        run: a finished head or stack.
        source: the manifest on which it was trained, for the chance level.
        workspace: the folder of the other manifest, its features and its transcripts.
        split: the split to judge on; `all` judges every row, even those without a split.
        mapping: see `read_map`.
        text, device, drop_missing: see `heads.apply`.

    Returns:
        The values of `Evaluation` for the target classes that have a counterpart (posteriors and
        prior are added up), with the keys `on`, `map` and `dropped`. Attributes are also judged
        on rows of classes without a counterpart. Then the predictions, in the classes of the head.

    Raises:
        ManifestError, DataError: the run and the corpus do not fit together.
        RunError: the source manifest has changed since the training, or no row has a label.
    """
    target = Manifest.read(workspace.manifest)
    part = _part(target, split)
    known = run.predictions()
    truth_of(source, known.ids, known.frame["split"].tolist(), known.classes)  # raises if changed
    classes = read_map(mapping, known.classes, target.scheme.classes)
    predictions = apply(run, part, workspace, text, device, drop_missing)
    prior = classes.prior(training_prior(source, run.config().get("train_split", "train")))
    if not prior.sum():
        raise RunError(
            f"expected training rows of {listed(classes.kept)} for the chance level, found none; "
            "map classes that the run was trained on, with --map"
        )
    result = _judge(run, part, predictions, classes, prior, split)
    result |= {"on": str(workspace.root), "map": classes.pairs}
    where = result | {"split": f"{split} of {workspace.root.name or workspace.root}"}
    notes = [
        *notes_of(run, where),
        *(str(note) for note in target.provenance.get("notes", [])),
        *_differences(classes, result["dropped"]),
        *_trained_rows(run, source, part, predictions),
    ]
    result["notes"] = list(dict.fromkeys(notes))  # both corpora may have the same note
    return result, predictions


def _part(manifest: Manifest, split: str) -> Manifest:
    """Return the rows of a split, or all rows."""
    if split == ALL:
        return manifest
    try:
        return manifest.split(split)
    except ManifestError as problem:
        raise ManifestError(f"{problem}; --split {ALL} judges every row") from problem


def _judge(
    run: RunDir,
    part: Manifest,
    predictions: Predictions,
    classes: ClassMap,
    prior: Floats,
    split: str,
) -> dict[str, Any]:
    """Return all values of the evaluation except its notes, `on` and `map`."""
    labels = part.frame.loc[part.frame["id"].isin(predictions.ids), "label"]
    target = _mapped_manifest(part, classes, split)
    mapped = _mapped_predictions(predictions, classes, split)
    truth = truth_of(target, mapped.ids, mapped.frame["split"].tolist(), classes.kept)
    if not truth.labelled.any():
        raise RunError(
            f"no row of {split!r} has one of the labels {listed(classes.kept)}; judge another "
            "split with --split"
        )
    return {
        **identity_of(run, split),
        "dropped": {name: int((labels == name).sum()) for name in classes.dropped},
        "unlabelled": int((~labels.isin(classes.target)).sum()),
        "unpredicted": unpredicted(target, predictions.ids, split),
        **judge(truth, mapped, prior),
        "human_agreement": human_agreement(
            truth, mapped.logits().argmax(1), vote_counts(target, mapped.ids)
        ),
    }


def _mapped_manifest(part: Manifest, classes: ClassMap, split: str) -> Manifest:
    """Return the rows of the target corpus with one split and only the classes that are judged."""
    scheme = LabelScheme("mapped", classes.kept)
    frame = part.frame[["id", "speaker", "label", *scheme.columns, *ATTRIBUTES]].copy()
    frame["split"] = split
    frame["label"] = frame["label"].where(frame["label"].isin(classes.kept))
    shares = frame[scheme.columns]
    frame[scheme.columns] = shares.div(shares.sum(axis=1), axis=0)  # Rows without shares stay null.
    return Manifest(frame, scheme, part.votes)


def _mapped_predictions(predictions: Predictions, classes: ClassMap, split: str) -> Predictions:
    """Return the predictions as logits (B, K) of the target classes that are judged."""
    return Predictions.of(
        predictions.ids,
        [split] * len(predictions.ids),
        classes.logits(predictions.logits()),
        predictions.attributes(),
        classes.kept,
        predictions.run,
    )


def _differences(classes: ClassMap, dropped: dict[str, int]) -> list[str]:
    """Return notes about the classes that the mapping leaves out."""
    notes = []
    if dropped:
        counts = ", ".join(f"{name} ({count})" for name, count in dropped.items())
        notes.append(
            f"{sum(dropped.values())} utterances are left out: none of the run's classes means "
            f"{counts}."
        )
    if classes.unused:
        notes.append(
            f"The run's {', '.join(classes.unused)} stands for none of the corpus's classes: "
            "it is judged among the other classes."
        )
    return notes


def _trained_rows(
    run: RunDir, source: Manifest, part: Manifest, predictions: Predictions
) -> list[str]:
    """Return a note about the recordings from which the run has learnt."""
    trained = source.frame.loc[
        source.frame["split"].isin(trained_on(run.config())), "content"
    ].dropna()
    contents = part.frame.loc[part.frame["id"].isin(predictions.ids), "content"]
    count = int(contents.isin(set(trained)).sum())
    if not count:
        return []
    return [
        f"This run has learnt from {count} of these {len(contents)} recordings; the numbers do not "
        "hold for new data."
    ]
