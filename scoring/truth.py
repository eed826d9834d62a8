"""The labels, attributes and speakers of predicted utterances, looked up in the manifest by id."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medusa.errors import RunError, listed
from medusa.manifests import ATTRIBUTES, Manifest

NO_CONSENSUS = -1  # the class number of an utterance without a consensus label
JUDGING_SPLITS = ("test", "dev")  # the first of these that has labels judges


@dataclass(frozen=True)
class Truth:
    """The truth about B utterances, in the order they were asked for.

    Attributes:
        labels: (B,) the consensus class's number; -1 where there is none.
        soft: (B, C) soft labels; one-hot where there is only a consensus, NaN where neither is.
        attributes: (B, 3) arousal, valence, dominance; NaN where unknown.
        speakers: (B,) None where unknown.
    """

    labels: npt.NDArray[np.int64]
    soft: npt.NDArray[np.float32]
    attributes: npt.NDArray[np.float32]
    speakers: list[str | None]

    def rows(self, mask: npt.NDArray[np.bool_]) -> "Truth":
        """Return the utterances where `mask` (B,) is true."""
        speakers = [name for name, keep in zip(self.speakers, mask, strict=True) if keep]
        return Truth(self.labels[mask], self.soft[mask], self.attributes[mask], speakers)

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """(B,) whether the utterance has a consensus label."""
        labelled: npt.NDArray[np.bool_] = self.labels != NO_CONSENSUS
        return labelled

    @property
    def blocks(self) -> list[str] | None:
        """(B,) what a bootstrap draws whole: the speaker, or the utterance where it is unknown.

        None when fewer than two speakers are known: then the utterances are drawn.
        """
        if len({name for name in self.speakers if name is not None}) < 2:
            return None
        return [f"?{row}" if name is None else name for row, name in enumerate(self.speakers)]


def truth_of(
    manifest: Manifest, ids: Sequence[str], splits: Sequence[str], classes: Sequence[str]
) -> Truth:
    """Look up predicted utterances in the manifest.

    Args:
        manifest: all of it.
        ids: (B,) the utterances.
        splits: (B,) their splits when the predictions were made.
        classes: the order of the predicted logits.

    Raises:
        RunError: classes, ids or splits are not the manifest's (any more).
    """
    if tuple(classes) != manifest.scheme.classes:
        raise RunError(
            f"the predictions' classes are {', '.join(classes)}, the manifest's are "
            f"{', '.join(manifest.scheme.classes)}; fit again on this manifest"
        )
    _same_utterances(manifest, ids, splits)
    frame = manifest.frame.set_index("id", drop=False).loc[list(ids)]
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
    """Return `test` where it has labels, else `dev`.

    Args:
        splits: (B,) the split of every utterance.
        truth: the truth about the same utterances.

    Raises:
        RunError: neither has a label.
    """
    labelled = set(splits[truth.labelled].tolist())
    for name in JUDGING_SPLITS:
        if name in labelled:
            return name
    raise RunError(f"no row of split {' or '.join(JUDGING_SPLITS)} has a label to judge by")


def unpredicted(manifest: Manifest, ids: Sequence[str], split: str) -> int:
    """Return how many utterances of a split have no prediction: their features were missing."""
    expected = manifest.frame.loc[manifest.frame["split"] == split, "id"]
    return int((~expected.isin(list(ids))).sum())


def training_prior(manifest: Manifest, split: str = "train") -> npt.NDArray[np.float64]:
    """Return how often each class is the consensus label in the split heads were trained on, (C,).

    Raises:
        RunError: no row there has a label.
    """
    labels = manifest.frame.loc[manifest.frame["split"] == split, "label"]
    counts = labels.value_counts().reindex(list(manifest.scheme.classes)).fillna(0)
    if not counts.sum():
        raise RunError(f"no row of split {split!r} has a label, so the chance level is unknown")
    return np.asarray(counts, np.float64)


def _same_utterances(manifest: Manifest, ids: Sequence[str], splits: Sequence[str]) -> None:
    now = dict(zip(manifest.frame["id"], manifest.frame["split"], strict=True))
    remedy = "the manifest has changed since: fit again"
    gone = [name for name in ids if name not in now]
    if gone:
        raise RunError(f"the manifest does not have {listed(gone)}; {remedy}")
    pairs = zip(ids, splits, strict=True)
    moved = [f"{name} ({old} then, {now[name]} now)" for name, old in pairs if now[name] != old]
    if moved:
        raise RunError(f"these utterances have moved to another split: {listed(moved)}; {remedy}")
