"""A sample of the training split: whole speakers, with the class shares of the split."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.errors import DataError
from medusa.manifests import Manifest
from medusa.manifests.splits.folds import fold_names, groups_of
from medusa.manifests.splits.same_recording import with_tied_speakers
from medusa.randomness import random_stream

FOLDS = 5
LARGEST_SHARE = 0.25  # A speaker with more of the sample than this is thinned.


def draw_sample(manifest: Manifest, size: int, seed: int = 0) -> Manifest:
    """Draw training utterances with a consensus label, speaker by speaker.

    The next speaker is the one that brings the class shares of the sample closest to those of the
    split. Speakers with more than a quarter of the sample are thinned to it, class by class.

    Args:
        manifest: with splits. Only rows of `train` are read.
        size: the largest number of utterances.
        seed: the seed of the draws.

    Raises:
        ManifestError: there is no split, or speakers are unknown.
        DataError: fewer than two speakers or classes fit into the sample.
    """
    train = with_tied_speakers(manifest.split("train"))
    train = train.where(train.frame["label"].isin(train.scheme.classes))
    rng = random_stream(seed, "layer probe")
    frame = train.frame.assign(group=groups_of(train, "speaker")) if len(train) else train.frame
    shares = frame["label"].value_counts(normalize=True)
    thinned = _thinned(frame, max(1, int(size * LARGEST_SHARE)), rng) if len(frame) else frame
    chosen = _speakers(thinned, shares, size, rng) if len(frame) else []
    kept = thinned[thinned["group"].isin(chosen)] if chosen else thinned.iloc[:0]
    if len(chosen) < 2 or kept["label"].nunique() < 2:
        raise DataError(
            f"the sample of {size} training utterances has {len(chosen)} speakers and "
            f"{kept['label'].nunique()} classes; expected two or more of each; use a larger "
            "--utterances, or divide the corpus again (`medusa manifest split`)"
        )
    return train.where(train.frame["id"].isin(kept["id"]))


def labels_and_folds(
    sample: Manifest, seed: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[str]]:
    """Return the class number, the fold and the speaker of each utterance of a sample.

    All utterances of a speaker are in the same fold. With fewer than five speakers, each is a fold.
    """
    frame = sample.frame
    numbers = {name: number for number, name in enumerate(sample.scheme.classes)}
    labels = np.array([numbers[label] for label in frame["label"]], np.int64)
    count = min(FOLDS, frame["speaker"].nunique())
    fold_of = {
        speaker: fold
        for fold in range(count)
        for speaker in fold_names(sample, fold + 1, count, "speaker", seed)
    }
    speakers = [str(name) for name in frame["speaker"]]
    return labels, np.array([fold_of[name] for name in speakers], np.int64), speakers


def _thinned(frame: pd.DataFrame, most: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return at most `most` rows of each speaker, with about the speaker's own class shares."""
    order = frame.iloc[rng.permutation(len(frame))]
    # The n-th of N rows of a class is at n / N, so that the first rows have all classes in share.
    number = order.groupby(["group", "label"]).cumcount() + 0.5
    at = number / order.groupby(["group", "label"])["id"].transform("size")
    ranks = at.groupby(order["group"]).rank(method="first")
    return order[ranks <= most]


def _speakers(
    frame: pd.DataFrame, shares: "pd.Series[float]", size: int, rng: np.random.Generator
) -> list[str]:
    """Return the speakers of the sample, chosen one by one."""
    table = pd.crosstab(frame["group"], frame["label"])
    names: list[str] = [str(name) for name in table.index]
    counts: npt.NDArray[np.float64] = table.to_numpy(np.float64)
    target = shares[table.columns].to_numpy(np.float64)
    order = rng.permutation(len(names))
    names, counts = [names[number] for number in order], counts[order]
    total, left, chosen = np.zeros(len(target)), np.ones(len(names), bool), list[str]()
    while True:
        sums = total + counts
        fits = left & (sums.sum(1) <= size)
        if not fits.any():
            return chosen
        distance = np.abs(sums / sums.sum(1, keepdims=True) - target).sum(1)
        best = int(np.where(fits, distance, np.inf).argmin())
        total, left[best] = sums[best], False
        chosen.append(names[best])
