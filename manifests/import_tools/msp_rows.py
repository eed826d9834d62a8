"""The names, classes and ratings in MSP-Podcast's label files are checked row by row."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.errors import ManifestError
from medusa.manifests.import_tools.csv_rows import BadRow
from medusa.manifests.import_tools.msp_labels import ATTRIBUTES, Labels
from medusa.manifests.import_tools.tables import or_null, standard_splits
from medusa.manifests.manifest import VOTE_COLUMNS

NAME = re.compile(r"[^/\\]+\.wav")


def utterances(labels: Labels, letters: Mapping[str, str]) -> pd.DataFrame:
    """Return the valid utterances; the other rows are added to `labels.bad`.

    Args:
        labels: a file with a consensus.
        letters: the class of each letter; the class is empty for a letter that has none.

    Returns:
        A table with the columns id, label, the attributes, speaker, gender and split.
    """
    if labels.consensus is None:
        raise ManifestError(f"{labels.path}: the file has no consensus")
    table = labels.consensus
    names, codes = table["FileName"].str.strip(), table["EmoClass"].str.strip()
    wrong = _wrong_names(names)
    wrong |= {row: "the name comes twice" for row in _where(names.duplicated())}
    meant = {word: word for word in letters.values()} | dict(letters)
    label = codes.map(meant).where(codes.isin([*meant]), codes.str.lower().map(meant))
    wrong |= {row: f"{codes[row]!r} is not a class" for row in _where(label.isna())}
    frame = pd.DataFrame({"id": names.str.removesuffix(".wav"), "label": or_null(label.fillna(""))})
    for column, name in ATTRIBUTES.items():
        frame[name], strange = _rating(table[column], column)
        wrong |= strange
    frame["speaker"] = _known(table["SpkrID"])
    frame["gender"] = _known(table["Gender"]).str.lower()
    frame["split"] = standard_splits(or_null(table["Split_Set"].fillna("")))
    labels.bad += _bad_rows(wrong, table["line"], names, labels.path)
    return _without(frame, wrong)


def checked_votes(labels: Labels) -> pd.DataFrame:
    """Return the valid votes, as in a manifest; the other rows are added to `labels.bad_votes`."""
    table = labels.votes
    if table is None:
        raise ManifestError(f"{labels.path}: the file has no votes")
    wrong = _wrong_names(table["name"])
    frame = pd.DataFrame({"id": table["name"].str.removesuffix(".wav")})
    frame["rater"] = or_null(table["rater"].astype("str"))
    frame[["primary", "secondary"]] = table[["primary", "secondary"]]
    for name in ATTRIBUTES.values():
        frame[name], strange = _rating(table[name].astype("str"), name)
        wrong |= strange
    labels.bad_votes += _bad_rows(wrong, table["line"], table["name"], labels.path)
    return _without(frame, wrong)[list(VOTE_COLUMNS)]


def _wrong_names(names: "pd.Series[str]") -> dict[int, str]:
    """Return the rows whose name is not a file name NAME.wav without a folder."""
    codes, different = pd.factorize(names)
    right = [bool(NAME.fullmatch(name)) and ".." not in name for name in different]
    return {row: "the name is not NAME.wav" for row in _where(~np.array(right, bool)[codes])}


def _rating(cells: "pd.Series[str]", column: str) -> tuple["pd.Series[float]", dict[int, str]]:
    """Return the numbers from 1 to 7, and by row the problems of the other cells."""
    text = cells.fillna("").str.strip()
    values = pd.to_numeric(text, errors="coerce").astype(np.float64)
    empty = text.str.lower().isin(["", "nan", "none"])
    wrong = ~empty & ~values.between(1, 7)
    problems = {
        int(row): f"{column} is {text.iloc[row]!r}, not 1 to 7" for row in np.flatnonzero(wrong)
    }
    return values.where(~wrong), problems


def _known(cells: "pd.Series[str]") -> "pd.Series[str]":
    text = cells.fillna("").str.strip()
    return or_null(text.where(text.str.lower() != "unknown", ""))


def _bad_rows(
    wrong: dict[int, str], lines: "pd.Series[int]", names: "pd.Series[str]", path: Path
) -> list[BadRow]:
    return [
        BadRow(path, int(lines.iloc[row]), f"{names.iloc[row]}: {problem}")
        for row, problem in sorted(wrong.items())
    ]


def _without(frame: pd.DataFrame, wrong: dict[int, str]) -> pd.DataFrame:
    return frame.drop(index=frame.index[list(wrong)]).reset_index(drop=True)


def _where(mask: "pd.Series[bool] | npt.NDArray[np.bool_]") -> list[int]:
    return [int(row) for row in np.flatnonzero(mask)]
