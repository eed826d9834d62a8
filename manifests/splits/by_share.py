"""Train, dev and test: speakers kept apart, shares and class proportions as asked for."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.errors import ManifestError, listed, plural
from medusa.manifests.manifest import Manifest

Floats = npt.NDArray[np.float64]
TRIALS = 200  # few enough that another seed gives another split even for ten speakers


def by_speaker(manifest: Manifest, shares: Mapping[str, float], seed: int) -> "pd.Series[str]":
    """Give every speaker to one split.

    Speakers are dealt at random many times, each split getting its share of the speakers; kept is
    the deal whose shares of the rows, of each class and of each gender come closest to the
    shares asked for. Every class that has rows gets some in the first split.

    Args:
        manifest: the rows to split; every one needs a speaker.
        shares: the share of each split, the training split first; they sum to 1.
        seed: the same seed gives the same split.

    Returns:
        The split of every row (U,).

    Raises:
        ManifestError: rows without a speaker, fewer speakers than splits, or no deal found with
            every class in the training split.
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
    """Give every class's rows to the splits by the shares asked for; speakers may cross.

    Rows without a consensus are shared out as a class of their own. A class too small for every
    split goes to the first ones.

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
        ends = np.maximum(ends, 1)  # a class of one row is there to learn from
        split[order.permutation(rows)] = np.repeat(list(shares), np.diff(ends, prepend=0))
    return pd.Series(split, dtype="str")


def in_house(manifest: Manifest, shares: Mapping[str, float], seed: int) -> "pd.Series[str]":
    """Give the known speakers to the splits as `by_speaker`; rows without one are for training.

    The 90-10 split of the paper (arXiv 2506.09556), with speakers kept apart where they are known.
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
        keep_test: leave the rows that are `test` now alone, and take dev from the others (its
            share is then of those).

    Raises:
        ManifestError: shares that leave nothing to train on, no test rows to keep, or as `METHODS`.
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
    """Return what provenance says about a split that was made with these choices."""
    chosen: dict[str, object] = {"by": by, "seed": seed, "dev": dev}
    if by == "in-house":
        return chosen
    return chosen | ({"kept": "test"} if keep_test else {"test": test})


def own(manifest: Manifest, names: Mapping[str, str]) -> Manifest:
    """Return the manifest with the corpus's own partition, some of its parts under other names.

    Args:
        manifest: one that still has the partition it was imported with.
        names: new names by old ones, `Test1` to `test`; an empty one takes the rows out.

    Raises:
        ManifestError: the partition is not there (any more), or has no such part.
    """
    made = manifest.provenance.get("split")
    if not (isinstance(made, dict) and made.get("by") == "corpus"):
        raise ManifestError(
            "the corpus's own partition is not in the manifest (any more); "
            "import the corpus again with --force"
        )
    present = [str(name) for name in manifest.frame["split"].dropna().unique()]
    absent = [name for name in names if name not in present]
    if absent:
        raise ManifestError(
            f"no part {listed(absent)} in the partition; there is {listed(present)}"
        )
    frame = manifest.frame.copy()
    frame["split"] = frame["split"].map(lambda name: names.get(name, name) or None, "ignore")
    chosen = made | {"renamed": {**made.get("renamed", {}), **names}}
    provenance = manifest.provenance | {"split": chosen}
    return Manifest(frame, manifest.scheme, manifest.votes, manifest.root, provenance)


def refuse_to_replace(manifest: Manifest, keep_test: bool) -> None:
    """Raise if there is a split that the user has not asked to replace.

    Raises:
        ManifestError: with `keep_test`, there is a dev split; without, there is any split.
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
            "replace that with --force, or keep its test split with --keep-test"
        )


def _mass(manifest: Manifest, codes: npt.NDArray[np.intp], speakers: int) -> list[Floats]:
    """Return what each speaker brings: rows (S, 1), class mass (S, C), genders (S, G)."""
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
    """Share out the speakers: the nearest whole numbers, at least 1 each, the rest to train."""
    counts = np.maximum(np.rint(wanted * speakers), 1).astype(np.intp)
    counts[0] += max(speakers - counts.sum(), 0)
    while counts.sum() > speakers:
        counts[counts.argmax()] -= 1
    return counts


def _distances(deals: npt.NDArray[np.intp], mass: list[Floats], wanted: Floats) -> Floats:
    """Return how far each deal (K, S) is from the shares wanted; infinite without a class in train.

    Rows, classes and genders weigh the same: the mean over each of (share got - share wanted)^2 /
    share wanted, summed over the splits.
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
    """Say which class has the fewest speakers."""
    rows = manifest.frame[["speaker", *manifest.scheme.columns]]
    with_class = (rows.set_index("speaker")[manifest.scheme.columns] > 0).groupby(level=0).any()
    speakers = with_class.sum()
    name = str(speakers[speakers > 0].idxmin())
    return f"{name.removeprefix('p_')} comes from {speakers[name]} of them"
