"""From one table of text, with a row per utterance, to a manifest."""

from pathlib import Path

import numpy as np
import pandas as pd

from medusa.errors import ManifestError, listed
from medusa.manifests.import_tools.table_options import HELP
from medusa.manifests.import_tools.tables import (
    lines_of,
    numbers,
    or_null,
    ratings,
    require_columns,
    standard_splits,
)
from medusa.manifests.label_scheme import ATTRIBUTES, LabelScheme
from medusa.manifests.labels.votes import one_hot, plurality, shares_of
from medusa.manifests.manifest import Manifest

TEXTS = ("speaker", "gender", "language", "split", "text", "label")
NUMBERS = {"start": "start_s", "duration": "duration_s"} | {name: name for name in ATTRIBUTES}


def from_table(
    table: pd.DataFrame,
    root: Path,
    audio: Path,
    soft: str | None = None,
    counts: bool = False,
    classes: str | None = None,
    no_consensus: str | None = None,
    name: str | None = None,
    **columns: str | None,
) -> Manifest:
    """Return a manifest of a table of text; the options are those of the command.

    Args:
        table: every cell as text, empty where there is nothing.
        root: where it came from, for messages.
        audio: the folder that paths are relative to.

    Raises:
        ManifestError, ManifestError: as `import_corpus`.
    """
    named = {key: column for key, column in columns.items() if column}
    shares = _soft_columns(soft)
    require_columns(table, [*named.values(), *shares.values()], root)
    if table.empty:
        raise ManifestError(f"{root}: no rows; expected a header and a row per utterance")
    frame = _rows(table, root, _found(table, named), audio)
    label = _consensus(frame.pop("label"), no_consensus) if "label" in frame else None
    shares = shares or _own_soft_columns(table)
    scheme = LabelScheme(name or root.stem, _classes(root, classes, shares, label))
    soft_rows = _soft_rows(table, root, shares, scheme, counts)
    frame = pd.concat([frame, _labels(root, label, soft_rows, scheme)], axis=1)
    provenance: dict[str, object] = {"split": {"by": "corpus"}} if "split" in frame else {}
    return Manifest(frame, scheme, provenance=provenance)


def _found(table: pd.DataFrame, named: dict[str, str]) -> dict[str, str]:
    """Return the columns to read: those named, and those with the manifest's own names."""
    own = {key: NUMBERS.get(key, key) for key in HELP}
    return {key: column for key, column in own.items() if column in table} | named


def _rows(table: pd.DataFrame, root: Path, columns: dict[str, str], audio: Path) -> pd.DataFrame:
    """Return the manifest's columns, soft labels apart."""
    if "id" not in columns and "path" not in columns:
        commas = "; cells are separated by commas" if len(table.columns) == 1 else ""
        raise ManifestError(
            f"{root}: no column for the utterance; name it with --id (or --path); "
            f"it has {', '.join(table.columns)}{commas}"
        )
    names = table[columns.get("id", columns.get("path", ""))].str.strip()
    lines = lines_of(table)
    if (names == "").any():
        empty = listed(lines[row] for row in names.index[names == ""])
        raise ManifestError(f"{root}: no id in line {empty}")
    if (twice := names.duplicated()).any():
        repeated = listed(f"{names[row]} (line {lines[row]})" for row in names.index[twice])
        raise ManifestError(
            f"{root}: ids must be unique, and these come again: {repeated}; "
            "correct the table, or name another column with --id"
        )
    frame = pd.DataFrame({"id": names})
    if "path" in columns:
        given = or_null(table[columns["path"]])
        real = audio.resolve()  # a path's `..` leave the folder itself, not a link to it
        frame["path"] = given.map(
            lambda path: str((real if ".." in Path(path).parts else audio) / path),
            na_action="ignore",
        )
    for key in TEXTS:
        if key in columns:
            frame[key] = or_null(table[columns[key]])
    if "split" in frame:
        frame["split"] = standard_splits(frame["split"])
    for key, own in NUMBERS.items():
        if key in columns:
            read = ratings if own in ATTRIBUTES else numbers
            frame[own] = read(table, columns[key], root)
    return frame


def _soft_columns(soft: str | None) -> dict[str, str]:
    """Return the column of each class, from `--soft`."""
    pairs = [pair.partition("=") for pair in soft.split(",")] if soft else []
    wrong = ["".join(pair) for pair in pairs if not all(part.strip() for part in pair)]
    if wrong:
        raise ManifestError(f"--soft: expected CLASS=COLUMN,CLASS=COLUMN and got {listed(wrong)}")
    return {name.strip().lower(): column.strip() for name, _, column in pairs}


def _own_soft_columns(table: pd.DataFrame) -> dict[str, str]:
    """Return the columns that are named `p_<class>`, by class."""
    columns = [str(column) for column in table.columns if str(column).startswith("p_")]
    return {column.removeprefix("p_").lower(): column for column in columns}


def _soft_rows(
    table: pd.DataFrame, root: Path, shares: dict[str, str], scheme: LabelScheme, counts: bool
) -> pd.DataFrame | None:
    """Return the soft label columns of the table, if it has any."""
    if not shares:
        return None
    values = np.column_stack([numbers(table, shares[each], root) for each in scheme.classes])
    return shares_of(values, scheme) if counts else pd.DataFrame(values, columns=scheme.columns)


def _labels(
    root: Path,
    label: "pd.Series[str] | None",
    soft_rows: pd.DataFrame | None,
    scheme: LabelScheme,
) -> pd.DataFrame:
    """Return consensus and soft labels, each made from the other where it is missing."""
    if label is None:
        rows = pd.DataFrame() if soft_rows is None else soft_rows
        return pd.concat([plurality(rows, scheme).rename("label"), rows], axis=1)
    try:
        rows = one_hot(label, scheme)  # checks the labels too
    except ManifestError as problem:
        raise ManifestError(
            f"{root}: {problem}; name those that stand for no consensus with --no-consensus"
        ) from problem
    return pd.concat([label.rename("label"), rows if soft_rows is None else soft_rows], axis=1)


def _consensus(label: "pd.Series[str]", no_consensus: str | None) -> "pd.Series[str]":
    label = label.str.strip().str.lower()
    return label.where(~label.isin((no_consensus or "").lower().split(",")))


def _classes(
    root: Path, classes: str | None, shares: dict[str, str], label: "pd.Series[str] | None"
) -> tuple[str, ...]:
    """Return the classes in order: as given, else as in `--soft`, else the labels sorted."""
    if not shares and label is None:
        raise ManifestError(
            f"{root}: no labels; name a column with --label, or columns with "
            "--soft CLASS=COLUMN,..."
        )
    given = tuple(name.strip().lower() for name in classes.split(",")) if classes else ()
    absent = [name for name in given if shares and name not in shares]
    if absent:
        raise ManifestError(f"{root}: no soft label column for {listed(absent)} of --classes")
    if given or shares or label is None:
        return given or tuple(shares)
    return tuple(sorted(label.dropna().unique()))
