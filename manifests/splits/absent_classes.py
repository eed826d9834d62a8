"""The rows of each class in each split, and sentences about the classes that a split lacks."""

from collections.abc import Sequence

import pandas as pd

from medusa.console import say
from medusa.errors import listed, plural
from medusa.manifests.manifest import Manifest

ROLES = ("train", "dev", "test")


def class_rows(manifest: Manifest) -> pd.DataFrame:
    """Return the number of rows of each class with a consensus (columns) in each split (rows)."""
    frame = manifest.frame.dropna(subset=["split", "label"])
    counts = pd.crosstab(frame["split"], frame["label"])
    known = [name for name in manifest.scheme.classes if (manifest.frame["label"] == name).any()]
    roles = [name for name in ROLES if (manifest.frame["split"] == name).any()]
    return counts.reindex(index=roles, columns=known, fill_value=0)


def absent_classes(manifest: Manifest) -> list[str]:
    """Return `dev has no disgust` for every labelled split that lacks a class of the corpus."""
    return [
        f"{role} has no {listed([name for name in counts.index if not counts[name]], 20)}"
        for role, counts in class_rows(manifest).iterrows()
        if counts.any() and not counts.all()
    ]


def tell_absent_classes(manifest: Manifest) -> None:
    """Report every class that a labelled split lacks."""
    for sentence in absent_classes(manifest):
        say(f"{sentence}.")


def fewest_rows(folds: Sequence[Manifest]) -> str:
    """Return a sentence about the rarest class of train, dev and test over all folds."""
    parts = []
    tables = [class_rows(one).assign(fold=number) for number, one in enumerate(folds, 1)]
    rows = pd.concat(tables).reset_index().melt(["split", "fold"], var_name="label")
    for role, part in rows.groupby("split", sort=False):
        count, label, fold = min(zip(part["value"], part["label"], part["fold"], strict=True))
        parts.append(f"{plural(count, 'row')} of {label} in {role!s} of fold {fold}")
    return f"The fewest rows of a class are {listed(parts)}."
