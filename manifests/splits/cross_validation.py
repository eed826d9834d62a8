"""Cross-validation: each fold has its own split, and every row is test in one of the folds."""

from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.console import say
from medusa.errors import ManifestError, listed, plural
from medusa.manifests.manifest import Manifest
from medusa.manifests.splits.exchange import Mass, divide_evenly
from medusa.manifests.splits.folds import groups_of
from medusa.manifests.splits.same_recording import recordings, tied_speakers

MOST_FOLDS = 10  # This is the default; a corpus with fewer groups has as many folds as groups.


@dataclass(frozen=True)
class FoldPlan:
    """The choices of a cross-validation.

    Attributes:
        by: the groups that are left out: `speaker`, `session`, `corpus`, another text column of the
            manifest, or a regular expression on ids, as in `groups_of`.
        k: the number of folds; None for 10, or for the number of groups if that is smaller.
        dev: the share of dev among the rows outside test.
        seed: the seed of the search for folds.
    """

    by: str = "speaker"
    k: int | None = None
    dev: float = 0.2
    seed: int = 0


def fold_manifests(manifest: Manifest, plan: FoldPlan) -> list[Manifest]:
    """Return the manifest of every fold, which differs from the given one in its split only.

    Every row is test in one fold. The other rows of the fold are divided into train and dev by
    speaker. No speaker and no recording is in two splits of a fold: rows outside test whose speaker
    or recording is in test have no split there.

    Args:
        manifest: the rows; their present split is not read.
        plan: the choices.

    Raises:
        ManifestError: rows have no group, there are fewer groups than folds, or the groups outside
            test cannot fill train and dev.
    """
    codes, names = pd.factorize(_left_out_groups(manifest, plan), sort=True)
    k = _checked_k(plan, len(names))
    folds = divide_evenly(Mass.of(manifest, codes), np.full(k, 1 / k), plan.seed)[codes]
    manifests = []
    for number in range(k):
        split = _fold_split(manifest, pd.Series(folds == number), plan, number + 1)
        made = {**asdict(plan), "by": "cross-validation", "of": plan.by, "fold": number + 1}
        provenance = manifest.provenance | {"split": made | {"k": k}}
        frame = manifest.frame.assign(split=split)
        manifests.append(
            Manifest(frame, manifest.scheme, manifest.votes, manifest.root, provenance)
        )
    return manifests


def complete(manifest: Manifest, plan: FoldPlan) -> FoldPlan:
    """Return the plan with its number of folds.

    Raises:
        ManifestError: as `fold_manifests`.
    """
    return replace(plan, k=_checked_k(plan, _left_out_groups(manifest, plan).nunique()))


def _left_out_groups(manifest: Manifest, plan: FoldPlan) -> "pd.Series[str]":
    """Return the group (U,) of each row; speakers who share a recording are one group."""
    groups = groups_of(manifest, plan.by)
    return tied_speakers(manifest) if plan.by == "speaker" else groups


def _checked_k(plan: FoldPlan, groups: int) -> int:
    """Return the number of folds.

    Raises:
        ManifestError: there are fewer groups than folds, or fewer than two folds.
    """
    if not 0 < plan.dev < 1:
        raise ManifestError(f"--dev {plan.dev:g}: expected a share above 0 and below 1")
    k = min(groups, MOST_FOLDS) if plan.k is None else plan.k
    if k < 2 or groups < k:
        raise ManifestError(
            f"{k} folds by {plan.by}: expected from 2 folds to one for each {plan.by}, and the "
            f"manifest has {groups}; choose another --k"
        )
    return k


def _fold_split(
    manifest: Manifest, test: "pd.Series[bool]", plan: FoldPlan, fold: int
) -> "pd.Series[str]":
    """Return the split (U,) of one fold, given its test rows."""
    frame = manifest.frame
    split = pd.Series(pd.NA, index=frame.index, dtype="str")
    split[test] = "test"
    tied = pd.Series(False, index=frame.index)
    for values in (frame["speaker"], recordings(manifest)):
        tied |= values.isin(values[test].dropna()) & ~test
    if tied.any():
        say(
            f"fold {fold}: {plural(int(tied.sum()), 'row')} of a speaker or recording in test "
            f"cannot be train or dev and get no split ({listed(frame['id'][tied], 3)})"
        )
    rest = ~test & ~tied
    split[rest] = _train_dev(manifest.where(pd.Series(rest)), plan, fold)
    return split


def _train_dev(rest: Manifest, plan: FoldPlan, fold: int) -> npt.NDArray[np.object_]:
    """Return `train` or `dev` for each row outside test, by speaker."""
    if rest.frame["speaker"].notna().all():
        units = tied_speakers(rest)
    else:
        units = groups_of(rest, plan.by)
    codes, names = pd.factorize(units, sort=True)
    if len(names) < 2:
        raise ManifestError(
            f"fold {fold}: expected at least 2 speakers outside test, one for train and one for "
            f"dev, found {len(names)}; choose a larger --k, or groups that share no speaker"
        )
    roles = divide_evenly(Mass.of(rest, codes), np.array([1 - plan.dev, plan.dev]), plan.seed)
    return np.array(["train", "dev"], dtype=object)[roles[codes]]
