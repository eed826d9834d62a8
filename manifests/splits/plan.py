"""A split plan has the choices of a split; the manifest keeps the plan as its provenance."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import pandas as pd

from medusa.errors import ManifestError, listed
from medusa.manifests.manifest import Manifest
from medusa.manifests.near_copies.known import with_near_copies
from medusa.manifests.splits.absent_classes import tell_absent_classes
from medusa.manifests.splits.by_share import by_speaker, by_utterance, in_house
from medusa.manifests.splits.folds import fold_names, leave_out
from medusa.manifests.splits.same_recording import kept_together, tell_shared_speakers
from medusa.manifests.write_changed import changing
from medusa.workspace import Workspace

OWN = "corpus"  # A split of this name is the corpus's own partition.


@dataclass(frozen=True)
class SplitPlan:
    """The choices of a split.

    Attributes:
        by: a name in `METHODS`.
        seed: the same seed gives the same split.
        dev: the share of dev.
        test: the share of test, or the names of the groups that are left out.
        kept: `test` if the present test split is kept; `dev` is then a share of the other rows.
        of: the kind of group, as in `folds.groups_of`.
        fold: the fold that becomes test, from 1 to `folds`.
        folds: the number of folds.
    """

    by: str
    seed: int
    dev: float
    test: float | tuple[str, ...] | None = None
    kept: str = ""
    of: str = ""
    fold: int = 0
    folds: int = 0

    def provenance(self) -> dict[str, object]:
        """Return the choices that belong to this kind of split, as JSON values."""
        defaults = {field.name: field.default for field in fields(self)}
        used = {name: value for name, value in asdict(self).items() if value != defaults[name]}
        return used | ({"test": [*self.test]} if isinstance(self.test, tuple) else {})


def divided(manifest: Manifest, plan: SplitPlan) -> Manifest:
    """Return the manifest with a `split` for every row, and the plan in its provenance.

    Rows of one recording are in one split.

    Raises:
        ManifestError: the shares leave nothing for train, or there are no test rows to keep, or
            the functions of `by_share` and `folds` raise it.
    """
    split = METHODS[plan.by](manifest, plan)
    return _with_split(manifest, split, plan.provenance())


def _with_split(
    manifest: Manifest, split: "pd.Series[str]", made: Mapping[str, object]
) -> Manifest:
    """Return the manifest with the split, in which rows of one recording are together."""
    frame = manifest.frame.assign(split=kept_together(manifest, split))
    provenance = manifest.provenance | {"split": made}
    whole = Manifest(frame, manifest.scheme, manifest.votes, manifest.root, provenance)
    tell_shared_speakers(whole)
    tell_absent_classes(whole)
    return whole


def split_corpus(workspace: Workspace, plan: SplitPlan, *, force: bool = False) -> bool:
    """Divide the manifest of a workspace by a plan; return False if the plan made it already.

    Near copies of recordings are looked for, unless they take too long, and are in one split.

    Args:
        workspace: the workspace.
        plan: the choices of the split.
        force: replace a present split.

    Raises:
        ManifestError: there is another split, or as `divided`.
    """
    with changing(workspace.manifest):
        present = Manifest.read(workspace.manifest)
        if not force:
            if present.provenance.get("split") == plan.provenance():
                return False
            refuse_to_replace(present, plan)
        divided(with_near_copies(present), plan).write(workspace.manifest)
    return True


def refuse_to_replace(manifest: Manifest, plan: SplitPlan) -> None:
    """Raise if the plan would replace a present split.

    A plan that keeps the test split may replace train, and an in-house plan may replace the train
    and dev of the corpus's own partition.

    Raises:
        ManifestError: there is a split; with `plan.kept`, there is a dev split.
    """
    present = manifest.frame["split"].value_counts()
    made = manifest.provenance.get("split", {})
    allowed = plan.by == "in-house" and made.get("by") == OWN
    if allowed or not len(present) or (plan.kept and "dev" not in present):
        return
    counts = ", ".join(f"{name} {rows}" for name, rows in present.items())
    how = ", ".join(f"{key} {value}" for key, value in made.items())
    raise ManifestError(
        f"the manifest is split already: {counts} rows ({how}); replace the split with --force, or "
        "keep its test split with `medusa manifest split random --keep-test`"
    )


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
    if not (isinstance(made, dict) and made.get("by") == OWN):
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
    split = manifest.frame["split"].map(lambda name: names.get(name, name) or None, "ignore")
    manifest = with_near_copies(manifest)
    return _with_split(manifest, split, made | {"renamed": {**made.get("renamed", {}), **names}})


def _random(manifest: Manifest, plan: SplitPlan) -> "pd.Series[str]":
    """Draw train, dev and test among all rows, or train and dev among the rows outside test."""
    draw = by_speaker if plan.by == "speaker" else by_utterance
    test = float(plan.test) if isinstance(plan.test, int | float) else 0.0
    if not plan.kept:
        return draw(manifest, _shares(plan.dev, test), plan.seed)
    free = manifest.frame["split"] != plan.kept
    if free.all():
        raise ManifestError("no row is in split test, so there is none to keep; drop --keep-test")
    split = manifest.frame["split"].copy()
    split[free] = draw(manifest.where(free), _shares(plan.dev, test), plan.seed).to_numpy()
    return split


def _in_house(manifest: Manifest, plan: SplitPlan) -> "pd.Series[str]":
    """Draw train and dev again among the rows that are in train, in dev or in no split."""
    split = manifest.frame["split"].copy()
    free = split.isna() | split.isin(["train", "dev"])
    shares = _shares(plan.dev, 0.0)
    split[free] = in_house(manifest.where(free), shares, plan.seed).to_numpy()
    return split


def _groups(manifest: Manifest, plan: SplitPlan) -> "pd.Series[str]":
    """Put the named groups, or the groups of the fold, into test."""
    if isinstance(plan.test, tuple):
        names = [*plan.test]
    else:
        names = fold_names(manifest, plan.fold, plan.folds, plan.of, plan.seed)
    return leave_out(manifest, names, plan.of, plan.dev, plan.seed)


def _shares(dev: float, test: float) -> dict[str, float]:
    """Return the share of each split; the training split is first and gets the rest."""
    if not (dev >= 0 and test >= 0 and dev + test < 1):
        raise ManifestError(
            f"--dev {dev:g} and --test {test:g}: expected shares from 0 that leave some for train"
        )
    return {"train": 1 - dev - test, "dev": dev, "test": test}


METHODS = {
    **{"speaker": _random, "utterance": _random, "in-house": _in_house},
    **{"leave-out": _groups, "folds": _groups},
}
