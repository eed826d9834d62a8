"""Train, dev and test are drawn by share; the draw balances the classes and the genders."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.errors import ManifestError, listed, plural
from medusa.manifests.manifest import Manifest
from medusa.manifests.splits.exchange import Mass, with_fewer_absent
from medusa.manifests.splits.same_recording import tied_speakers
from medusa.randomness import split_stream

Floats = npt.NDArray[np.float64]
TRIALS = 200  # With so few trials, another seed gives another split even for ten speakers.


def by_speaker(manifest: Manifest, shares: Mapping[str, float], seed: int) -> "pd.Series[str]":
    """Give every speaker to one split; speakers who share a recording are together.

    The speakers are dealt at random many times, so that each split gets its share of the speakers.
    The best deal is kept: its shares of the rows, of each class and of each gender are closest to
    the given shares. Every class that has rows has some in the first split. If another split lacks
    a class, speakers are exchanged until every class is everywhere, as far as the speakers allow.

    Args:
        manifest: the rows to split; every row needs a speaker.
        shares: the share of each split, the training split first; they sum to 1.
        seed: the same seed gives the same split.

    Returns:
        The split of every row (U,).

    Raises:
        ManifestError: rows have no speaker, or there are fewer speakers than splits, or no deal
            has every class in the training split.
    """
    speakers = manifest.frame["speaker"]
    if speakers.isna().any():
        ids = manifest.frame["id"][speakers.isna()]
        raise ManifestError(
            f"{plural(len(ids), 'utterance has')} no speaker ({listed(ids)}), so speakers cannot "
            "be kept apart; import the corpus with its speakers, or run `medusa manifest split "
            "random --by utterance`"
        )
    codes, known = pd.factorize(tied_speakers(manifest), sort=True)
    splits = [name for name, share in shares.items() if share > 0]
    if len(known) < len(splits):
        raise ManifestError(
            f"{plural(len(known), 'speaker')} cannot fill {', '.join(splits)}; "
            "leave a split out (--dev 0 or --test 0), or run `medusa manifest split random --by "
            "utterance`"
        )
    deal = _best_deal(codes, len(known), shares, splits, seed, manifest)
    return pd.Series(np.array(splits, dtype=object)[deal[codes]], dtype="str")


def by_utterance(manifest: Manifest, shares: Mapping[str, float], seed: int) -> "pd.Series[str]":
    """Divide the rows of every class by the given shares; a speaker may be in several splits.

    Rows without a consensus are divided as a class of their own. If a class is too small for every
    split, the first splits get its rows.

    Args:
        manifest: the rows to split.
        shares: the share of each split, the training split first; they sum to 1.
        seed: the same seed gives the same split.

    Returns:
        The split of every row (U,).
    """
    order = split_stream(seed)
    split = np.empty(len(manifest), dtype=object)
    bounds = np.cumsum(list(shares.values()))
    for rows in manifest.frame.groupby(manifest.frame["label"].fillna("")).indices.values():
        ends = np.rint(bounds * len(rows)).astype(int)
        ends = np.maximum(ends, 1)  # A class of one row belongs to the training split.
        split[order.permutation(rows)] = np.repeat(list(shares), np.diff(ends, prepend=0))
    return pd.Series(split, dtype="str")


def in_house(manifest: Manifest, shares: Mapping[str, float], seed: int) -> "pd.Series[str]":
    """Divide the known speakers as `by_speaker` does; rows without a speaker go to train.

    It is the 90-10 split of the paper (arXiv 2506.09556), but no known speaker is in two splits.
    """
    unknown = manifest.frame["speaker"].isna()
    split = pd.Series("train", index=manifest.frame.index, dtype="str")
    split[~unknown] = by_speaker(manifest.where(~unknown), shares, seed).to_numpy()
    return split


def _mass(manifest: Manifest, codes: npt.NDArray[np.intp], speakers: int) -> list[Floats]:
    """Return each speaker's rows (S, 1), sums of soft labels (S, C) and genders (S, G)."""
    soft = np.nan_to_num(manifest.soft().astype(np.float64))
    genders = pd.get_dummies(manifest.frame["gender"]).to_numpy(np.float64)
    rows = np.ones((len(manifest), 1))
    brought = [np.zeros((speakers, kind.shape[1])) for kind in (rows, soft, genders)]
    for total, kind in zip(brought, (rows, soft, genders), strict=True):
        np.add.at(total, codes, kind)
    return [total[:, total.sum(axis=0) > 0] for total in brought]


def _best_deal(
    codes: npt.NDArray[np.intp],
    speakers: int,
    shares: Mapping[str, float],
    splits: Sequence[str],
    seed: int,
    manifest: Manifest,
) -> npt.NDArray[np.intp]:
    """Return the split number of every speaker (S,) in the best of `TRIALS` random deals.

    If a split of this deal lacks a class, speakers are exchanged between the splits.
    """
    mass = _mass(manifest, codes, speakers)
    wanted = np.array([shares[name] for name in splits])
    counts = _deal_sizes(speakers, wanted)
    pattern = np.repeat(np.arange(len(splits)), counts)
    deals = split_stream(seed).permuted(np.tile(pattern, (TRIALS, 1)), axis=1)
    distances = _distances(deals, mass, wanted)
    best = with_fewer_absent(deals[distances.argmin()], Mass.of(manifest, codes), wanted, seed)
    if np.isinf(_distances(best[None], mass, wanted)).all():
        raise ManifestError(
            f"none of {TRIALS} deals of {speakers} speakers had every class in train: "
            f"{_rarest(manifest)}; drop the rare class, or run `medusa manifest split random --by "
            "utterance`"
        )
    return best


def _deal_sizes(speakers: int, wanted: Floats) -> npt.NDArray[np.intp]:
    """Return the number of speakers of each split: rounded, at least 1; train gets the rest."""
    counts = np.maximum(np.rint(wanted * speakers), 1).astype(np.intp)
    counts[0] += max(speakers - counts.sum(), 0)
    while counts.sum() > speakers:
        counts[counts.argmax()] -= 1
    return counts


def _distances(deals: npt.NDArray[np.intp], mass: list[Floats], wanted: Floats) -> Floats:
    """Return the distance of each deal (K, S) from the wanted shares.

    Rows, classes and genders have the same weight: each adds the mean of (share - wanted share)^2 /
    wanted share, summed over the splits. A deal without a class in train is at infinity.
    """
    distance = np.zeros(len(deals))
    for number, share in enumerate(wanted):
        chosen = (deals == number).astype(np.float64)
        for kind, brought in enumerate(mass):
            if brought.shape[1] == 0:
                continue
            got = chosen @ brought / brought.sum(axis=0)
            distance += ((got - share) ** 2 / share).mean(axis=1)
            if number == 0 and kind == 1:
                distance[(got == 0).any(axis=1)] = np.inf
    return distance


def _rarest(manifest: Manifest) -> str:
    """Return a sentence about the class with the fewest speakers."""
    rows = manifest.frame[["speaker", *manifest.scheme.columns]]
    with_class = (rows.set_index("speaker")[manifest.scheme.columns] > 0).groupby(level=0).any()
    speakers = with_class.sum()
    name = str(speakers[speakers > 0].idxmin())
    return f"{name.removeprefix('p_')} comes from {speakers[name]} of them"
