"""Train, dev and test are drawn by share; the draw balances the classes and the genders."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.errors import ManifestError, listed, plural
from medusa.manifests.manifest import Manifest

Floats = npt.NDArray[np.float64]
TRIALS = 200  # With so few trials, another seed gives another split even for ten speakers.


def by_speaker(manifest: Manifest, shares: Mapping[str, float], seed: int) -> "pd.Series[str]":
    """Give every speaker to one split.

    The speakers are dealt at random many times, so that each split gets its share of the speakers.
    The best deal is kept: its shares of the rows, of each class and of each gender are closest to
    the given shares. Every class that has rows has some in the first split.

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
            "be kept apart; import the corpus with its speakers, or split with --by utterance"
        )
    codes, known = pd.factorize(speakers, sort=True)
    splits = [name for name, share in shares.items() if share > 0]
    if len(known) < len(splits):
        raise ManifestError(
            f"{plural(len(known), 'speaker')} cannot fill {', '.join(splits)}; "
            "leave a split out (--dev 0 or --test 0), or split with --by utterance"
        )
    deal = _best_deal(_mass(manifest, codes, len(known)), shares, splits, seed, manifest)
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
    order = np.random.default_rng(seed)
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


METHODS = {"speaker": by_speaker, "utterance": by_utterance, "in-house": in_house}


def split(
    manifest: Manifest, by: str, seed: int, dev: float, test: float, keep_test: bool = False
) -> Manifest:
    """Return the manifest with a `split` for every row, and the choices in its provenance.

    Args:
        manifest: the corpus.
        by: a name in `METHODS`.
        seed: the same seed gives the same split.
        dev: the share of dev.
        test: the share of test.
        keep_test: keep the present test split, and take dev from the other rows (`dev` is then a
            share of them).

    Raises:
        ManifestError: the shares leave nothing for train, or there are no test rows to keep, or
            the function in `METHODS` raises it.
    """
    if not (0 <= dev < 1 and 0 <= test < 1 and dev + test < 1):
        raise ManifestError(
            f"--dev {dev:g} and --test {test:g}: expected shares from 0 that leave some for train"
        )
    chosen = choices(by, seed, dev, test, keep_test)
    frame = manifest.frame.copy()
    free = pd.Series(True, index=frame.index)
    if keep_test:
        free = frame["split"] != "test"
        if free.all():
            raise ManifestError(
                "no row is in split test, so there is none to keep; drop --keep-test"
            )
        test = 0.0
    if by == "in-house":
        free = frame["split"].isna() | frame["split"].isin(["train", "dev"])
        keep_test, test = True, 0.0
    shares = {"train": 1 - dev - test, "dev": dev, "test": test}
    if not keep_test:
        frame["split"] = None
    part = manifest.where(free)
    frame.loc[free, "split"] = METHODS[by](part, shares, seed).to_numpy()
    provenance = manifest.provenance | {"split": chosen}
    return Manifest(frame, manifest.scheme, manifest.votes, manifest.root, provenance)


def choices(by: str, seed: int, dev: float, test: float, keep_test: bool) -> dict[str, object]:
    """Return the provenance of a split that was made with these choices."""
    chosen: dict[str, object] = {"by": by, "seed": seed, "dev": dev}
    if by == "in-house":
        return chosen
    return chosen | ({"kept": "test"} if keep_test else {"test": test})


def own(manifest: Manifest, names: Mapping[str, str]) -> Manifest:
    """Return the manifest with the corpus's own partition, some of whose parts get new names.

    Args:
        manifest: a manifest that still has the partition with which it was imported.
        names: the new names by old names, such as `test` by `Test1`; an empty new name takes the
            rows out of every split.

    Raises:
        ManifestError: the manifest does not have the partition, or the partition has no such part.
    """
    made = manifest.provenance.get("split")
    if not (isinstance(made, dict) and made.get("by") == "corpus"):
        raise ManifestError(
            "the corpus's own partition is not in the manifest; import the corpus again with "
            "--force"
        )
    present = [str(name) for name in manifest.frame["split"].dropna().unique()]
    absent = [name for name in names if name not in present]
    if absent:
        raise ManifestError(
            f"no part {listed(absent)} in the partition; its parts are {listed(present)}"
        )
    frame = manifest.frame.copy()
    frame["split"] = frame["split"].map(lambda name: names.get(name, name) or None, "ignore")
    chosen = made | {"renamed": {**made.get("renamed", {}), **names}}
    provenance = manifest.provenance | {"split": chosen}
    return Manifest(frame, manifest.scheme, manifest.votes, manifest.root, provenance)


def refuse_to_replace(manifest: Manifest, keep_test: bool) -> None:
    """Raise if a present split would be replaced.

    Raises:
        ManifestError: there is a split; with `keep_test`, there is a dev split.
    """
    present = manifest.frame["split"].value_counts()
    if keep_test and "dev" not in present:
        return
    if len(present):
        made = manifest.provenance.get("split")
        how = [f"{key} {value}" for key, value in made.items()] if isinstance(made, dict) else []
        counts = [f"{name} {rows}" for name, rows in present.items()]
        raise ManifestError(
            f"the manifest is split already: {', '.join(counts)} rows ({', '.join(how)}); "
            "replace the split with --force, or keep its test split with --keep-test"
        )


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
    mass: list[Floats],
    shares: Mapping[str, float],
    splits: Sequence[str],
    seed: int,
    manifest: Manifest,
) -> npt.NDArray[np.intp]:
    """Return the split number of every speaker (S,) in the best of `TRIALS` random deals."""
    speakers = len(mass[0])
    wanted = np.array([shares[name] for name in splits])
    counts = _deal_sizes(speakers, wanted)
    pattern = np.repeat(np.arange(len(splits)), counts)
    deals = np.random.default_rng(seed).permuted(np.tile(pattern, (TRIALS, 1)), axis=1)
    distances = _distances(deals, mass, wanted)
    if np.isinf(distances).all():
        raise ManifestError(
            f"none of {TRIALS} deals of {speakers} speakers had every class in train: "
            f"{_rarest(manifest)}; drop the rare class, or split with --by utterance"
        )
    best: npt.NDArray[np.intp] = deals[distances.argmin()]
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
