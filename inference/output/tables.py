"""Predictions as a table of text or Parquet, on standard output or in a file."""

import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from medusa.atomic import atomic
from medusa.errors import ConfigError, nearest
from medusa.inference.output.tracks import audacity, rttm, webvtt
from medusa.reports.tables.result_table import without_formula

SUFFIXES = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "audacity",
    ".vtt": "webvtt",
    ".rttm": "rttm",
}


def write_predictions(frame: pd.DataFrame, output: Path | None, kind: str | None = None) -> None:
    """Write predictions to a file, or to standard output.

    Args:
        frame: the table of `result_table`.
        output: the file; None for standard output. The tracks of several recordings are one file
            for each, in the folder `output`.
        kind: a name in `FORMATS`; by default it follows from the ending of the file, else `csv`.

    Raises:
        ConfigError: the format is unknown, or cannot be written to this place.
    """
    name = format_of(output, kind)
    if name in TRACKS and (frame["path"].nunique() > 1 or (output and output.is_dir())):
        _write_tracks(frame, output, name)
        return
    content = FORMATS[name](frame)
    if output is not None:
        _write(output, content)
    elif name == "parquet":
        if sys.stdout.isatty():
            raise ConfigError("--format parquet: expected a file; name it with -o FILE.parquet")
        sys.stdout.buffer.write(content)
    else:
        sys.stdout.write(content.decode())


def format_of(output: Path | None, kind: str | None) -> str:
    """Return the format of an output.

    Raises:
        ConfigError: there is no such format.
    """
    name = kind or SUFFIXES.get(output.suffix.lower() if output else "", "csv")
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise ConfigError(f"--format {name}: expected one of {known}{nearest(name, FORMATS)}")
    return name


def _write_tracks(frame: pd.DataFrame, output: Path | None, name: str) -> None:
    """Write a track for each recording into a folder."""
    if output is None or output.suffix:
        raise ConfigError(
            f"--format {name}: expected a folder for the tracks of {frame['path'].nunique()} "
            f"recordings, found {output or 'standard output'}; name one with -o FOLDER"
        )
    ending = next(suffix for suffix, kind in SUFFIXES.items() if kind == name)
    taken: set[str] = set()
    for path, rows in frame.groupby("path", sort=False):
        stem = _unused(Path(str(path)).stem or "clip", taken)
        _write(output / f"{stem}{ending}", FORMATS[name](rows))


def _unused(stem: str, taken: set[str]) -> str:
    """Return a name that no other recording of the folder has."""
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name)
    return name


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial:
        partial.write_bytes(content)


def _csv(frame: pd.DataFrame) -> bytes:
    """Return a csv; the flags of a row are separated by spaces."""
    flat = frame.assign(flags=frame["flags"].map(" ".join))
    return flat.to_csv(index=False, float_format="%.7g", lineterminator="\n").encode()


def _spreadsheet(frame: pd.DataFrame) -> bytes:
    """Return a csv in which no path and no transcript is a formula."""
    texts = ["path", "label", "transcript"]
    safe = {name: frame[name].map(without_formula, na_action="ignore") for name in texts}
    return _csv(frame.assign(**safe))


def _json_lines(frame: pd.DataFrame) -> bytes:
    """Return one JSON object for each row; an attribute that is not predicted is null."""
    return frame.to_json(
        orient="records", lines=True, force_ascii=False, double_precision=7
    ).encode()


def _parquet(frame: pd.DataFrame) -> bytes:
    """Return a Parquet file; the column `flags` is a list of words."""
    content = io.BytesIO()
    typed = frame.assign(transcript=frame["transcript"].astype("string"))
    typed.to_parquet(content, index=False)
    return content.getvalue()


def _audformat(frame: pd.DataFrame) -> bytes:
    """Return the csv of a segmented table of audformat: its index is file, start and end."""
    times = {
        name: pd.to_timedelta(np.asarray(frame[name], float), unit="s").astype(str)
        for name in ("start", "end")
    }
    flat = frame.assign(**times, flags=frame["flags"].map(" ".join))
    return flat.rename(columns={"path": "file"}).to_csv(index=False, lineterminator="\n").encode()


# A format -> the function that turns the table into the bytes of a file.
TRACKS: Mapping[str, Callable[[pd.DataFrame], bytes]] = {"audacity": audacity, "webvtt": webvtt}
FORMATS: Mapping[str, Callable[[pd.DataFrame], bytes]] = {
    "csv": _csv,
    "spreadsheet": _spreadsheet,
    "jsonl": _json_lines,
    "parquet": _parquet,
    "audformat": _audformat,
    **TRACKS,
    "rttm": rttm,
}
