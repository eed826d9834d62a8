"""An importer's rows get their audio: each recording is read and digested once."""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from medusa.errors import AudioError, listed, plural
from medusa.manifests.audio import content_of, each, recording_of, segment_of
from medusa.manifests.import_tools.tally import Line
from medusa.manifests.manifest import Manifest, nest_votes


def attach_audio(
    manifest: Manifest,
    folder: Path,
    drop_bad_audio: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Manifest, dict[str, str]]:
    """Fill in `start_s`, `duration_s` and `content`, and make `path` relative to `folder`.

    Args:
        manifest: an importer's result; `path` is absolute, or relative to the current folder.
        folder: the folder of the file to which the manifest will be written.
        drop_bad_audio: keep rows whose recording cannot be used, without their audio.
        advance: it is called after each distinct file.

    Returns:
        The finished manifest, and by id the problems of the dropped audio.

    Raises:
        AudioError: recordings cannot be used, and `drop_bad_audio` is not set; the message counts
            all of them.
    """
    paths = manifest.frame["path"].dropna().unique()
    files = {str(path): Path(os.path.abspath(path)) for path in paths}
    recordings, unreadable = each(recording_of, files.values(), advance)
    problems: dict[str, str] = {}
    rows = []
    for name, path, start_s, duration_s in _segments(manifest.frame):
        row: tuple[str | None, str | None, float, float] = (None, None, math.nan, math.nan)
        if path is not None:
            file = files[path]
            try:
                if file in unreadable:
                    raise unreadable[file]
                facts = recordings[file].facts
                segment = segment_of(path, start_s, duration_s, facts)
                content = content_of(recordings[file].digest, *segment)
                row = (os.path.relpath(file, folder.resolve()), content, *segment)
            except AudioError as problem:
                problems[name] = str(problem)
        rows.append(row)
    if problems and not drop_bad_audio:
        raise AudioError(_refusal(problems))
    columns = ["path", "content", "start_s", "duration_s"]
    frame = manifest.frame.copy()
    frame[columns] = pd.DataFrame(rows, columns=columns, index=frame.index)
    lines = manifest.provenance.get("import") or [Line("utterances", len(frame)).to_dict()]
    if problems:
        audio = Line("utterances with audio", int(manifest.frame["path"].notna().sum()))
        audio.drop("whose recording cannot be used", len(problems))
        lines = [*lines, audio.to_dict()]
    provenance = manifest.provenance | {"import": lines}
    return Manifest(frame, manifest.scheme, manifest.votes, folder, provenance), problems


def _segments(frame: pd.DataFrame) -> Iterator[tuple[str, str | None, float, float]]:
    """Yield the id, the path (None without audio), the start and the duration (NaN if unknown)."""
    paths = frame["path"].astype(object).where(frame["path"].notna(), None)
    yield from zip(frame["id"], paths, frame["start_s"], frame["duration_s"], strict=True)


def same_rows(one: Manifest, other: Manifest) -> bool:
    """Return whether two manifests are equal except for the split."""
    if one.scheme != other.scheme or (one.votes is None) != (other.votes is None):
        return False
    frames = [each.frame.drop(columns="split") for each in (one, other)]
    if not frames[0].equals(frames[1]):
        return False
    if one.votes is None or other.votes is None:
        return True
    nested = [nest_votes(each.votes, each.frame["id"]) for each in (one, other)]
    return bool(nested[0].equals(nested[1]))


def _refusal(problems: dict[str, str]) -> str:
    lines = [f"  {name}: {problem}" for name, problem in list(problems.items())[:20]]
    more = f"\n  and {len(problems) - 20} more" if len(problems) > 20 else ""
    if all(problem.endswith(": no such file") for problem in problems.values()):
        more += "\npaths are relative to the folder of the table; for a csv, --audio names another"
    return (
        f"{plural(len(problems), 'utterance has')} audio that cannot be used "
        f"({listed(problems, 3)}):\n"
        + "\n".join(lines)
        + more
        + "\nmend the files or the table, or keep these rows without audio: "
        "medusa manifest import --drop-bad-audio CORPUS ROOT"
    )
