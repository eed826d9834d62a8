"""The label files of every release of MSP-Podcast are read into two plain tables."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from medusa.errors import ManifestError, nearest
from medusa.manifests.import_tools.csv_rows import BadRow, read_rows, strange_byte
from medusa.manifests.import_tools.tables import frame_of

ATTRIBUTES = {"EmoAct": "arousal", "EmoVal": "valence", "EmoDom": "dominance"}
CONSENSUS = ("FileName", "EmoClass", *ATTRIBUTES, "SpkrID", "Gender", "Split_Set")
NEEDED = ("FileName", "EmoClass", *ATTRIBUTES)  # The releases differ in the other columns.
VOTES = ("name", "rater", "primary", "secondary", *ATTRIBUTES.values(), "line")
TYPES = {"line": object}
NUMBER = r"\s*([^;]*?)\s*"
VOTE = re.compile(
    r"\s*(?P<rater>[^;]*?)\s*;\s*(?P<primary>[^;]*?)\s*;"
    r"(?:\s*(?P<secondary>(?!A:)[^;]*?)\s*;)?"
    rf"\s*A:{NUMBER};\s*V:{NUMBER};\s*D:{NUMBER};?\s*"
)
HEAD = re.compile(rf"\s*(\S+\.wav)\s*;\s*(\w+)\s*;\s*A:{NUMBER};\s*V:{NUMBER};\s*D:{NUMBER};?\s*")


@dataclass
class Labels:
    """The contents of one label file.

    Attributes:
        path: the file.
        consensus: a row per utterance with the text columns `CONSENSUS`, and `line`; None if the
            file has votes alone.
        votes: a row per vote with the columns `VOTES`, whose numbers are still text; None if the
            file has no votes.
        bad: the rows of `consensus` that could not be read.
        bad_votes: the rows of `votes` that could not be read.
    """

    path: Path
    consensus: pd.DataFrame | None = None
    votes: pd.DataFrame | None = None
    bad: list[BadRow] = field(default_factory=list)
    bad_votes: list[BadRow] = field(default_factory=list)


def kind_of(path: Path) -> str:
    """Return the kind of a label file by its first lines: a name in `READERS`, or ""."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = file.read(4096)
    if path.suffix.lower() == ".csv":
        columns = {name.strip().strip('"') for name in re.split("[,;\t]", head.partition("\n")[0])}
        if "FileName" not in columns:
            return ""
        if "EmoDetail" in columns:
            return "detailed csv"
        if columns & {"Workers", "WorkerID", "EmoClass_Major"}:
            return "votes csv"
        return "consensus csv" if {"EmoClass", "Split_Set", "EmoAct"} & columns else ""
    if path.suffix.lower() == ".json":
        start = head.lstrip()[:1]
        if start == "{" and "EmoClass_Major" in head:
            return "detailed json"
        return "consensus json" if start == "{" and '"EmoClass"' in head else ""
    lines = [line for line in head.splitlines() if line.strip()]
    return "labels txt" if any(HEAD.fullmatch(line) for line in lines[:3]) else ""


def consensus_csv(path: Path) -> Labels:
    """Read `labels_consensus.csv`; its columns may be in any order."""
    rows = read_rows(path)
    for column in NEEDED:
        _column(rows.header, column, path)
    table = frame_of(rows, path)
    table = table.reindex(columns=list(CONSENSUS), fill_value="").assign(line=rows.lines)
    return Labels(path, consensus=table, bad=rows.bad)


def consensus_json(path: Path) -> Labels:
    """Read `labels_consensus.json`, which has an object per recording."""
    entries, lines = _load(path)
    bad = [
        BadRow(path, lines(name), f"{name}: expected an object with {', '.join(NEEDED[1:])}")
        for name, entry in entries.items()
        if not isinstance(entry, dict) or not set(NEEDED[1:]) <= set(entry)
    ]
    odd = {row.problem.partition(":")[0] for row in bad}
    good = {name: entry for name, entry in entries.items() if name not in odd}
    table = pd.DataFrame(
        [[name, *(_text(entry.get(key)) for key in CONSENSUS[1:])] for name, entry in good.items()],
        columns=list(CONSENSUS),
        dtype="str",
    )
    return Labels(path, consensus=table.assign(line=[lines(name) for name in good]), bad=bad)


def detailed_csv(path: Path) -> Labels:
    """Read `labels_detailed.csv` of releases 1.7 to 1.12, which has one quoted cell per vote."""
    rows = read_rows(path)
    where = [_column(rows.header, column, path) for column in ("FileName", "EmoDetail")]
    found, bad = [], list(rows.bad)
    for cells, line in zip(rows.cells, rows.lines, strict=True):
        name, detail = cells[where[0]].strip(), cells[where[1]]
        vote = VOTE.fullmatch(detail)
        if vote is None:
            bad.append(BadRow(path, line, f"{name}: not a vote: {detail[:80]!r}"))
        else:
            found.append((name, *vote.groups(), line))
    return Labels(path, votes=_votes(found), bad_votes=bad)


def votes_csv(path: Path) -> Labels:
    """Read `labels_detailed.csv` of releases 1.6 and 2.0, with a column for each part of a vote."""
    rows = read_rows(path)
    workers = "Workers" if "Workers" in rows.header else "WorkerID"
    columns = ("FileName", workers, "EmoClass_Major", "EmoClass_Second", *ATTRIBUTES)
    where = [_column(rows.header, column, path) for column in columns]
    found = [
        (*(cells[column_index].strip() for column_index in where), line)
        for cells, line in zip(rows.cells, rows.lines, strict=True)
    ]
    return Labels(path, votes=_votes(found), bad_votes=rows.bad)


def detailed_json(path: Path) -> Labels:
    """Read `labels_detailed.json`, which has an object per recording and worker."""
    entries, lines = _load(path)
    found: list[tuple[object, ...]] = []
    bad = []
    for name, workers in entries.items():
        if not isinstance(workers, dict):
            bad.append(BadRow(path, lines(name), f"{name}: expected an object with the workers"))
            continue
        for worker, vote in workers.items():
            if not isinstance(vote, dict) or "EmoClass_Major" not in vote:
                bad.append(BadRow(path, lines(name), f"{name}, {worker}: no EmoClass_Major"))
                continue
            second = vote.get("EmoClass_Second")
            second = ",".join(map(str, second)) if isinstance(second, list) else _text(second)
            numbers = (_text(vote.get(key)) for key in ATTRIBUTES)
            found.append((name, worker, _text(vote["EmoClass_Major"]), second, *numbers, name))
    table = _votes(found)
    table["line"] = table["line"].map({name: lines(name) for name in entries})
    return Labels(path, votes=table, bad_votes=bad)


def labels_txt(path: Path) -> Labels:
    """Read `labels.txt`: a block per recording has the consensus, and then a line per worker."""
    bad: list[BadRow] = []
    bad_votes: list[BadRow] = []
    heads: list[tuple[object, ...]] = []
    found: list[tuple[object, ...]] = []
    name = None
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        for line, text in enumerate(file, 1):
            head = HEAD.fullmatch(text)
            vote = None if head else VOTE.fullmatch(text)
            if strange_byte(text):
                bad.append(BadRow(path, line, strange_byte(text)))
                name = name if vote else None
            elif head:
                name = head[1]
                heads.append((*head.groups(), "", "", "", line))
            elif vote and name:
                found.append((name, *vote.groups(), line))
            elif ".wav" in text:
                bad.append(BadRow(path, line, f"not a first line: {text.strip()[:80]!r}"))
                name = None
            elif text.strip():
                whose = "not a vote" if name or vote is None else "a vote of an unread recording"
                bad_votes.append(BadRow(path, line, f"{whose}: {text.strip()[:80]!r}"))
    consensus = pd.DataFrame(heads, columns=[*CONSENSUS, "line"])
    return Labels(path, consensus, _votes(found), bad, bad_votes)


def _column(header: Sequence[str], column: str, path: Path) -> int:
    """Return the position of a column."""
    if column not in header:
        present = ", ".join(header)
        raise ManifestError(
            f"{path}:1: no column {column!r}{nearest(column, header)}; it has {present}"
        )
    return header.index(column)


def _votes(found: Iterable[tuple[object, ...]]) -> pd.DataFrame:
    """Return the votes with their words in lower case, and the second choices as lists."""
    columns = dict(zip(VOTES, zip(*found, strict=True), strict=False)) or dict.fromkeys(VOTES, ())
    parts = _words()
    second = pd.Series([parts(cell) for cell in columns.pop("secondary")], dtype=object)
    table = pd.DataFrame(
        {name: pd.Series(cells, dtype=TYPES.get(name, "str")) for name, cells in columns.items()}
    )
    table["primary"] = table["primary"].str.lower()
    table["primary"] = table["primary"].where(table["primary"] != "")
    return table.assign(secondary=second)


def _words() -> Callable[[object], list[str]]:
    """Return a function that parts a cell of second choices; equal cells share one list."""
    known: dict[object, list[str]] = {}

    def parts(cell: object) -> list[str]:
        if cell not in known:
            words = cell.lower().split(",") if isinstance(cell, str) else []
            known[cell] = [word.strip() for word in words if word.strip()]
        return known[cell]

    return parts


def _load(path: Path) -> tuple[dict[str, Any], Callable[[str], int]]:
    """Return the object of a JSON file, and a function that returns the line of a key."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        line = path.read_bytes()[: problem.start].count(b"\n") + 1
        raise ManifestError(
            f"{path}:{line}: a byte that is not UTF-8; save it as UTF-8"
        ) from problem
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as problem:
        raise ManifestError(
            f"{path}:{problem.lineno}: not JSON: {problem.msg}; copy the file again"
        ) from problem
    if not isinstance(entries, dict):
        raise ManifestError(f"{path}:1: expected an object with a key per recording")
    places = dict(_places(text))
    return entries, lambda name: places.get(name, 1)


def _places(text: str) -> Iterator[tuple[str, int]]:
    """Yield the line of every key that names a recording."""
    for line, row in enumerate(text.split("\n"), 1):
        for name in re.findall(r'"([^"]+)"\s*:\s*\{', row):
            yield name, line


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


READERS = {
    "consensus csv": consensus_csv,
    "consensus json": consensus_json,
    "detailed csv": detailed_csv,
    "votes csv": votes_csv,
    "detailed json": detailed_json,
    "labels txt": labels_txt,
}
