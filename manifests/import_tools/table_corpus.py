"""A table of text with a row per utterance becomes a manifest."""

from pathlib import Path

import numpy as np
import pandas as pd

from medusa.errors import ManifestError, listed
from medusa.manifests.audio import each, facts_of
from medusa.manifests.import_tools.csv_rows import BadRow
from medusa.manifests.import_tools.table_options import COLUMNS, NUMBERS, TEXTS, named_columns
from medusa.manifests.import_tools.tables import (
    SPLIT_CHANNELS,
    amounts,
    lines_of,
    numbers,
    or_null,
    ratings,
    refuse_bad_rows,
    require_columns,
    standard_splits,
)
from medusa.manifests.import_tools.unused_columns import unused_columns
from medusa.manifests.label_scheme import ATTRIBUTES, LabelScheme
from medusa.manifests.labels.votes import SUM_TOLERANCE, one_hot, plurality, shares_of
from medusa.manifests.manifest import Manifest
from medusa.manifests.pairs import pairs

CHANNEL_COLUMNS = ("channel", "channels", "channel_id", "ch", "side")
CHANNEL = r"(?:ch(?:annel)?[ ._-]?)?\d{1,2}(?:\.0)?|left|right|l|r|a|b"  # Parquet has 1.0, too.


def from_table(
    table: pd.DataFrame,
    root: Path,
    audio: Path,
    columns: str | None = None,
    soft: str | None = None,
    counts: bool = False,
    classes: str | None = None,
    no_consensus: str | None = None,
    name: str | None = None,
) -> Manifest:
    """Return a manifest of a table of text; the other arguments are the options of the command.

    Args:
        table: every cell as text; a cell without a value is empty.
        root: the origin of the table, for messages.
        audio: the folder that paths are relative to.

    Raises:
        ManifestError: a named column is missing, or cells are not numbers, or ratings are not from
            1 to 7, or there is no id and no path, or a label is not a class, or soft
            labels are negative or do not sum to 1, or a row is one channel of several.
    """
    named = named_columns(columns)
    given = pairs(soft or "", "--soft CLASS=COLUMN,CLASS=COLUMN")
    shares = {class_name.lower(): column for class_name, column in given.items()}
    require_columns(table, [*named.values(), *shares.values()], root)
    if table.empty:
        raise ManifestError(f"{root}: no rows; expected a header and a row per utterance")
    read = {key: key for key in COLUMNS if key in table} | named
    frame = _rows(table, root, read, audio)
    _refuse_single_channels(table, frame, root)
    label = _consensus(frame.pop("label"), no_consensus) if "label" in frame else None
    shares = shares or _own_soft_columns(table)
    scheme = LabelScheme(name or root.stem, _classes(root, classes, shares, label))
    soft_rows = _soft_rows(table, root, shares, scheme, counts)
    frame = pd.concat([frame, _labels(root, label, soft_rows, scheme)], axis=1)
    provenance: dict[str, object] = {"split": {"by": "corpus"}} if "split" in frame else {}
    used = {*read.values(), *shares.values()}
    provenance |= unused_columns(table, used, speaker="speaker" in frame)
    return Manifest(frame, scheme, provenance=provenance)


def _rows(table: pd.DataFrame, root: Path, columns: dict[str, str], audio: Path) -> pd.DataFrame:
    """Return the manifest's columns without the soft labels."""
    if "id" not in columns and "path" not in columns:
        raise ManifestError(
            f"{root}: no column for the utterance; name it with --columns id=COLUMN (or "
            f"path=COLUMN); the columns are {', '.join(table.columns)}"
        )
    names = table[columns.get("id", columns.get("path", ""))].str.strip()
    if "id" not in columns:
        names = _stems(names)
    lines = lines_of(table)
    if (names == "").any():
        empty = listed(lines[row] for row in names.index[names == ""])
        raise ManifestError(f"{root}: no id in line {empty}; give every row its id")
    if (twice := names.duplicated()).any():
        repeated = listed(f"{names[row]} (line {lines[row]})" for row in names.index[twice])
        raise ManifestError(
            f"{root}: ids must be unique, but these come again: {repeated}; "
            "correct the table, or name another column with --columns id=COLUMN"
        )
    frame = pd.DataFrame({"id": names})
    if "path" in columns:
        given = or_null(table[columns["path"]])
        real = audio.resolve()  # A `..` in a path leaves the folder itself, not a link to it.
        frame["path"] = given.map(
            lambda path: str((real if ".." in Path(path).parts else audio) / path),
            na_action="ignore",
        )
    for key in TEXTS:
        if key in columns:
            frame[key] = or_null(table[columns[key]])
    if "split" in frame:
        frame["split"] = standard_splits(frame["split"])
    for key in NUMBERS:
        if key in columns:
            read = ratings if key in ATTRIBUTES else numbers
            frame[key] = read(table, columns[key], root)
    return frame


def _stems(paths: "pd.Series[str]") -> "pd.Series[str]":
    """Return the names of the files without their suffix, or the paths where a name repeats."""
    stems = paths.map(lambda path: Path(path).stem)
    return stems if not stems.duplicated().any() and (stems != "").all() else paths


def _refuse_single_channels(table: pd.DataFrame, frame: pd.DataFrame, root: Path) -> None:
    """Raise if a column `channel` names channels of recordings that have several."""
    column = next((name for name in table if str(name).lower() in CHANNEL_COLUMNS), None)
    if column is None or "path" not in frame:
        return
    named = table[column].str.strip().str.lower().str.fullmatch(CHANNEL) & frame["path"].notna()
    facts, _ = each(facts_of, map(Path, frame["path"][named]))
    lines = zip(lines_of(table), table[column], frame["path"], named, strict=True)
    bad = [
        BadRow(root, line, f"channel {cell} of the {facts[Path(path)].channels} of {path}")
        for line, cell, path, is_named in lines
        if is_named and Path(path) in facts and facts[Path(path)].channels > 1
    ]
    refuse_bad_rows(bad, f"{SPLIT_CHANNELS}, or remove the column if the rows are all channels")


def _own_soft_columns(table: pd.DataFrame) -> dict[str, str]:
    """Return the columns with names `p_<class>`, by class."""
    columns = [str(column) for column in table.columns if str(column).startswith("p_")]
    return {column.removeprefix("p_").lower(): column for column in columns}


def _soft_rows(
    table: pd.DataFrame, root: Path, shares: dict[str, str], scheme: LabelScheme, counts: bool
) -> pd.DataFrame | None:
    """Return the soft labels of the table, or None if it has no columns for them."""
    if not shares:
        return None
    columns = [shares[name] for name in scheme.classes]
    values = np.column_stack([amounts(table, column, root) for column in columns])
    if counts:
        return shares_of(values, scheme)
    sums = values.sum(axis=1)  # A row of empty cells has no soft label.
    wrong = ~np.isnan(values).all(axis=1) & ~(np.abs(sums - 1) <= SUM_TOLERANCE)
    lines = zip(lines_of(table), sums, wrong, strict=True)
    bad = [
        BadRow(root, line, f"{', '.join(columns)} add up to {total:g}, not to 1")
        for line, total, odd in lines
        if odd
    ]
    refuse_bad_rows(bad, "fill empty cells with 0, and divide votes or percentages with --counts")
    return pd.DataFrame(values, columns=scheme.columns)


def _labels(
    root: Path,
    label: "pd.Series[str] | None",
    soft_rows: pd.DataFrame | None,
    scheme: LabelScheme,
) -> pd.DataFrame:
    """Return the labels and the soft labels; each is made from the other if it is missing."""
    if label is None and soft_rows is None:  # The corpus has no labels.
        return pd.DataFrame(index=range(0))
    if label is None:
        rows = pd.DataFrame() if soft_rows is None else soft_rows
        return pd.concat([plurality(rows, scheme).rename("label"), rows], axis=1)
    try:
        rows = one_hot(label, scheme)  # It also checks the labels.
    except ManifestError as problem:
        raise ManifestError(
            f"{root}: {problem}; name labels that mean no consensus with --no-consensus"
        ) from problem
    return pd.concat([label.rename("label"), rows if soft_rows is None else soft_rows], axis=1)


def _consensus(label: "pd.Series[str]", no_consensus: str | None) -> "pd.Series[str]":
    label = label.str.strip().str.lower()
    return label.where(~label.isin((no_consensus or "").lower().split(",")))


def _classes(
    root: Path, classes: str | None, shares: dict[str, str], label: "pd.Series[str] | None"
) -> tuple[str, ...]:
    """Return the classes in the order of `--classes`, or of `--soft`, or sorted.

    A corpus without labels has the classes of `--classes`, or none.
    """
    given = tuple(name.strip().lower() for name in classes.split(",")) if classes else ()
    absent = [name for name in given if shares and name not in shares]
    if absent:
        raise ManifestError(f"{root}: no soft label column for {listed(absent)} of --classes")
    if given or shares or label is None:
        return given or tuple(shares)
    found = tuple(sorted(label.dropna().unique()))
    if not found:
        raise ManifestError(
            f"{root}: no row has a label; if the rows are only to be predicted, name the classes "
            "of the model with --classes CLASS,..."
        )
    return found
