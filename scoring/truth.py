"""The labels, attributes and speakers of predicted utterances, looked up in the manifest by id."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medusa.errors import RunError, listed
from medusa.manifests import ATTRIBUTES, Manifest
from medusa.manifests.splits.same_recording import with_tied_speakers

NO_CONSENSUS = -1  # the class number of an utterance without a consensus label
JUDGING_SPLITS = ("test", "dev")  # the first of these that has labels judges


@dataclass(frozen=True)
class Truth:
    """The truth of B utterances, in the order of the ids that were looked up.

    Attributes:
        labels: (B,) the number of the consensus class, or -1 without a consensus.
        soft: (B, C) soft labels. A consensus without votes is one-hot; without either, NaN.
        attributes: (B, 3) arousal, valence and dominance; NaN if unknown.
        speakers: (B,) the speakers; None if unknown. Those who share a recording have one name.
    """

    labels: npt.NDArray[np.int64]
    soft: npt.NDArray[np.float32]
    attributes: npt.NDArray[np.float32]
    speakers: list[str | None]

    def rows(self, mask: npt.NDArray[np.bool_]) -> "Truth":
        """Return the utterances for which `mask` (B,) is true."""
        speakers = [name for name, keep in zip(self.speakers, mask, strict=True) if keep]
        return Truth(self.labels[mask], self.soft[mask], self.attributes[mask], speakers)

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """The mask (B,) of the utterances that have a consensus label."""
        labelled: npt.NDArray[np.bool_] = self.labels != NO_CONSENSUS
        return labelled

    @property
    def blocks(self) -> list[str] | None:
        """The blocks (B,) that a bootstrap draws: speakers, or utterances of unknown speakers.

        None if fewer than two speakers are known. The bootstrap then draws utterances.
        """
        if len({name for name in self.speakers if name is not None}) < 2:
            return None
        return [f"?{row}" if name is None else name for row, name in enumerate(self.speakers)]


def truth_of(
    manifest: Manifest, ids: Sequence[str], splits: Sequence[str], classes: Sequence[str]
) -> Truth:
    """Look up predicted utterances in the manifest.

    Args:
        manifest: the manifest on which the run was trained.
        ids: (B,) the utterances.
        splits: (B,) their splits when the predictions were made.
        classes: the order of the predicted logits.

    Raises:
        RunError: the manifest has other classes, lacks an id, or has it in another split.
    """
    if tuple(classes) != manifest.scheme.classes:
        raise RunError(
            f"the predictions' classes are {', '.join(classes)}, the manifest's are "
            f"{', '.join(manifest.scheme.classes)}; fit again on this manifest"
        )
    _same_utterances(manifest, ids, splits)
    frame = with_tied_speakers(manifest).frame.set_index("id").loc[list(ids)]
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.asarray(frame["label"].map(numbers).fillna(NO_CONSENSUS), np.int64)
    soft = frame[manifest.scheme.columns].to_numpy(np.float32, copy=True)
    hard = np.isnan(soft).any(1) & (labels != NO_CONSENSUS)
    soft[hard] = np.eye(len(classes), dtype=np.float32)[labels[hard]]
    return Truth(
        labels=labels,
        soft=soft,
        attributes=frame[list(ATTRIBUTES)].to_numpy(np.float32),
        speakers=[name if isinstance(name, str) else None for name in frame["speaker"]],
    )


def judging_split(splits: npt.NDArray[np.str_], truth: Truth) -> str:
    """Return `test` if it has labels, else `dev`.

    Args:
        splits: (B,) the split of every utterance.
        truth: the truth of the same utterances.

    Raises:
        RunError: neither split has a label.
    """
    labelled = set(splits[truth.labelled].tolist())
    for name in JUDGING_SPLITS:
        if name in labelled:
            return name
    raise RunError(
        f"no row of split {' or '.join(JUDGING_SPLITS)} has a label to judge by; make splits with "
        "labels, with `medusa manifest split`"
    )


def unpredicted(manifest: Manifest, ids: Sequence[str], split: str) -> int:
    """Return the number of utterances of a split without a prediction (features were missing)."""
    expected = manifest.frame.loc[manifest.frame["split"] == split, "id"]
    return int((~expected.isin(list(ids))).sum())


def training_prior(manifest: Manifest, split: str = "train") -> npt.NDArray[np.float64]:
    """Return the number of rows of each class in the split of the heads' training, (C,).

    Raises:
        RunError: no row of the split has a label.
    """
    labels = manifest.frame.loc[manifest.frame["split"] == split, "label"]
    counts = labels.value_counts().reindex(list(manifest.scheme.classes)).fillna(0)
    if not counts.sum():
        raise RunError(
            f"no row of split {split!r} has a label, so the chance level is unknown; the manifest "
            "has changed since the training: fit again"
        )
    return np.asarray(counts, np.float64)


def _same_utterances(manifest: Manifest, ids: Sequence[str], splits: Sequence[str]) -> None:
    now = dict(zip(manifest.frame["id"], manifest.frame["split"], strict=True))
    remedy = "the manifest has changed since the training: fit again"
    gone = [name for name in ids if name not in now]
    if gone:
        raise RunError(f"the manifest does not have {listed(gone)}; {remedy}")
    pairs = zip(ids, splits, strict=True)
    moved = [f"{name} ({old} then, {now[name]} now)" for name, old in pairs if now[name] != old]
    if moved:
        raise RunError(f"these utterances have moved to another split: {listed(moved)}; {remedy}")
