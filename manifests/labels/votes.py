"""Votes become labels: each class is counted, and the most frequent class is the consensus."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.errors import ManifestError, listed, nearest
from medusa.manifests.label_scheme import LabelScheme

Counts = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]
SUM_TOLERANCE = 1e-3  # The shares of a soft label may be rounded.
TIE = 1e-6  # Two shares that are closer than this are equal.


def count_votes(votes: pd.DataFrame, ids: "pd.Series[str]", classes: Sequence[str]) -> Counts:
    """Count the primary votes of every utterance.

    Args:
        votes: a row per vote with columns `id` and `primary`; a null in `primary` is not counted.
        ids: the utterances (U,).
        classes: the classes (C,).

    Returns:
        Counts (U, C + 1); the last column holds the votes outside the scheme.

    Raises:
        ManifestError: a vote is for an utterance that is not in `ids`.
    """
    given = votes[votes["primary"].notna()]
    rows = pd.Index(ids).get_indexer(pd.Index(given["id"]))
    if (rows < 0).any():
        strangers = given["id"][rows < 0].unique()
        raise ManifestError(f"votes for utterances that are not in the table: {listed(strangers)}")
    columns = pd.Index(classes).get_indexer(pd.Index(given["primary"]))
    columns[columns < 0] = len(classes)
    width = len(classes) + 1
    flat = np.bincount(rows * width + columns, minlength=len(ids) * width)
    return flat.reshape(len(ids), width)


def shares_of(counts: Numbers, scheme: LabelScheme) -> pd.DataFrame:
    """Divide each row by its sum.

    Args:
        counts: (U, C), not negative; NaN counts as 0.
        scheme: the C classes.

    Returns:
        Columns `p_<class>` (U, C), each row summing to 1, or all null where the sum is 0.
    """
    inside = np.nan_to_num(counts.astype(np.float64))
    total = inside.sum(axis=1, keepdims=True)
    shares = np.divide(inside, total, out=np.full_like(inside, np.nan), where=total > 0)
    return pd.DataFrame(shares.astype(np.float32), columns=scheme.columns)


def consensus(counts: Numbers, classes: Sequence[str]) -> "pd.Series[str]":
    """Return the class with most votes; null for a tie, and if votes outside the scheme win.

    Args:
        counts: the counts (U, C + 1) of `count_votes`, or shares.
        classes: the classes (C,).
    """
    winner = counts.argmax(axis=1)
    most = counts.max(axis=1)
    alone = (most[:, None] - counts < TIE).sum(axis=1) == 1
    decided = alone & (most > 0) & (winner < len(classes))
    names = np.array([*classes, ""], dtype=object)[winner]
    return pd.Series(np.where(decided, names, None), dtype="str")


def plurality(soft: pd.DataFrame, scheme: LabelScheme) -> "pd.Series[str]":
    """Return the class with the largest share of the soft label (U, C); null for a tie or none."""
    shares = np.nan_to_num(soft[scheme.columns].to_numpy(np.float64))
    return consensus(np.column_stack([shares, np.zeros(len(shares))]), scheme.classes)


def one_hot(labels: "pd.Series[str]", scheme: LabelScheme) -> pd.DataFrame:
    """Return soft labels with a share of 1 for the consensus class; null without a consensus.

    Raises:
        ManifestError: a label is not a class of the scheme.
    """
    check_labels(labels, scheme.classes)
    columns = pd.Index(scheme.classes).get_indexer(pd.Index(labels))
    shares = np.eye(len(scheme.classes), dtype=np.float32)[columns]
    shares[columns < 0] = np.nan
    return pd.DataFrame(shares, columns=scheme.columns)


def check_labels(labels: "pd.Series[str]", classes: Sequence[str]) -> None:
    """Raise a ManifestError that lists the labels outside the classes, with the nearest class."""
    outside = sorted(set(labels.dropna().unique()) - set(classes))
    if outside:
        wrong = listed(f"{name!r}{nearest(name, classes)}" for name in outside)
        raise ManifestError(f"not a class: {wrong}; the classes are {', '.join(classes)}")


def from_votes(
    votes: pd.DataFrame, ids: "pd.Series[str]", scheme: LabelScheme
) -> tuple["pd.Series[str]", pd.DataFrame]:
    """Return the consensus label (U,) and the soft labels (U, C) of the votes.

    A soft label is the share of an utterance's votes for each class; votes outside the scheme are
    not counted. Source: arXiv 2506.09556, "Soft Targets".
    """
    counts = count_votes(votes, ids, scheme.classes)
    return consensus(counts, scheme.classes), shares_of(counts[:, :-1], scheme)
