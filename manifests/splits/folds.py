"""Folds and leave-one-out make whole speakers, sessions or corpora the test split."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from medusa.errors import ManifestError, listed, nearest, plural
from medusa.manifests.manifest import Manifest
from medusa.manifests.splits.by_share import by_speaker
from medusa.randomness import split_stream

COLUMNS = ("speaker", "gender", "language", "text", "path", "split")
SESSION = r"^(Ses\d+|S\d+|session\w*?\d+)"
CORPUS = r"^([^/]+)/"


def groups_of(manifest: Manifest, of: str) -> "pd.Series[str]":
    """Return the group of every row.

    Args:
        manifest: the rows.
        of: `speaker` or another column of texts, such as `gender`; `session`, the start of the
            speaker's name (`Ses05F` is in `Ses05`); `corpus`, the part of an id before the slash;
            or a regular expression for ids, whose first group gives the name.

    Raises:
        ManifestError: rows have no such group.
    """
    frame = manifest.frame
    if of in COLUMNS:
        groups = frame[of]
    elif of in ("session", "corpus"):
        column = frame["speaker"] if of == "session" else frame["id"]
        groups = column.str.extract(SESSION if of == "session" else CORPUS, flags=re.I)[0]
    else:
        groups = frame["id"].str.extract(_pattern(of))[0]
    without = groups.isna()
    if without.any():
        raise ManifestError(
            f"{plural(without.sum(), 'utterance has')} no {of} "
            f"({listed(frame['id'][without], 3)}), so the groups are incomplete; "
            f"{HINTS.get(of, 'choose another column, or correct the regular expression')}"
        )
    return groups


def leave_out(
    manifest: Manifest, names: Sequence[str], of: str, dev: float, seed: int
) -> "pd.Series[str]":
    """Put whole groups into test, and a share of the other speakers into dev.

    Args:
        manifest: the rows.
        names: the groups that become test.
        of: the kind of group, as in `groups_of`.
        dev: the share of dev among the other rows; 0 leaves dev empty.
        seed: the seed by which the speakers of dev are drawn.

    Raises:
        ManifestError: there is no such group, or no row is left for train.
    """
    if not 0 <= dev < 1:
        raise ManifestError(f"--dev {dev:g}: expected a share from 0 that leaves some for train")
    groups = groups_of(manifest, of)
    known = sorted(groups.unique())
    absent = [f"{name!r}{nearest(name, known)}" for name in names if name not in known]
    if absent:
        raise ManifestError(f"no {of} {listed(absent)}; the manifest has {listed(known, 30)}")
    test = groups.isin(list(names))
    if test.all():
        raise ManifestError(
            f"{listed(names)}: with these left out, no row remains for train; leave out fewer"
        )
    split = pd.Series("test", index=groups.index, dtype="str")
    rest = manifest.where(~test)
    split[~test] = by_speaker(rest, {"train": 1 - dev, "dev": dev}, seed).to_numpy()
    return split


def fold_names(manifest: Manifest, fold: int, folds: int, of: str, seed: int) -> list[str]:
    """Return the groups of one fold of K; every group is in one fold, and the sizes are similar.

    The largest group comes first, and `seed` decides between equals. Each group goes into the fold
    with the fewest rows. With as many folds as groups, each fold leaves one group out.

    Raises:
        ManifestError: there is no such fold, or there are fewer groups than folds.
    """
    groups = groups_of(manifest, of)
    if folds < 2:
        raise ManifestError(f"{folds} folds: expected 2 folds or more")
    if not 0 < fold <= folds:
        raise ManifestError(f"fold {fold} of {folds}: expected a fold from 1 to {folds}")
    if groups.nunique() < folds:
        raise ManifestError(f"{groups.nunique()} {of}s cannot fill {folds} folds")
    return sorted(divide_groups(groups, folds, seed)[fold - 1])


def divide_groups(groups: "pd.Series[str]", folds: int, seed: int) -> list[list[str]]:
    """Return the groups of each of K folds, as `fold_names` describes them.

    Args:
        groups: the group of every row; there are at least K groups.
        folds: K.
        seed: the seed that decides between groups of one size.
    """
    sizes = groups.value_counts().sort_index()
    order = split_stream(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes.to_numpy()[order], kind="stable")]
    rows = np.zeros(folds)
    members: list[list[str]] = [[] for _ in range(folds)]
    for group in order:
        smallest = int(rows.argmin())
        members[smallest].append(str(sizes.index[group]))
        rows[smallest] += sizes.iloc[group]
    return members


def _pattern(text: str) -> str:
    try:
        if re.compile(text).groups >= 1:
            return text
    except re.error as problem:
        raise ManifestError(f"--of {text!r}: not a regular expression: {problem}") from problem
    raise ManifestError(
        f"--of {text!r}: expected speaker, session, corpus, another column of texts, or a regular "
        "expression with a group in brackets, such as '^(Ses..)'"
    )


HINTS = {
    "speaker": "import the corpus with its speakers",
    "session": "name it by a regular expression on the ids: --of '^(Ses..)'",
    "corpus": "ids of several corpora look like emodb/03a01Fa; see `medusa manifest merge`",
}
