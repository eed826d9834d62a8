"""The recordings to predict: files, folders, tables with paths, and clips in memory."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from medusa.errors import AudioError, ManifestError, MedusaError, listed
from medusa.extract.inputs import Segment
from medusa.inference.audio_input import AudioInput, clip_of
from medusa.manifests import ffmpeg
from medusa.manifests.audio import AudioFacts, decoding, each, facts_of, segment_of
from medusa.manifests.import_tools.csv_rows import read_rows
from medusa.manifests.import_tools.files import SOUNDS, recordings_below
from medusa.workspace import require_utf_8

# A column of a table of recordings -> the names that it may have.
COLUMNS = {
    "path": ("path", "file", "filename", "audio"),
    "start_s": ("start_s", "start"),
    "end_s": ("end_s", "end"),
    "duration_s": ("duration_s", "duration"),
    "text": ("text", "transcript"),
    "language": ("language",),
}
NAN = float("nan")
LARGE_BYTES = 10_000_000  # a compressed file of this size can be several gigabytes of samples


@dataclass(frozen=True)
class Row:
    """A row of a table of recordings, or a file without a table; NaN is an unknown time."""

    path: Path
    shown: str
    start_s: float = NAN
    duration_s: float = NAN
    text: str | None = None
    language: str | None = None


def recordings_of(
    inputs: Iterable[str | Path | AudioInput], scratch: Path | None = None
) -> tuple[list[AudioInput], list[str]]:
    """Return the recordings that are named, and a sentence for each that cannot be used.

    Args:
        inputs: files of sound, folders, and tables. A folder means all files of sound below it. A
            table is a csv, or a manifest; see `COLUMNS`. Paths in it are relative to its folder.
            A clip in memory comes last in the result.
        scratch: a folder for copies of large files that only ffmpeg reads, so that they are read
            in parts. Without it, such a file is decoded into memory.
    """
    rows: list[Row] = []
    clips: list[AudioInput] = []
    problems: list[str] = []
    for one in inputs:
        try:
            if isinstance(one, AudioInput):
                clips.append(one)
            else:
                rows += rows_of(Path(one))
        except MedusaError as problem:
            problems.append(str(problem))
        except OSError as problem:
            problems.append(f"{one}: expected a file or a folder, found: {problem.strerror}")
    if scratch is not None:
        rows, failed = _copied(rows, scratch)
        problems += failed
    facts, unreadable = each(facts_of, [row.path for row in rows])
    problems += [str(problem) for problem in unreadable.values()]
    found = []
    for row in rows:
        if row.path in facts:
            try:
                found.append(_recording(row, facts[row.path]))
            except AudioError as problem:
                problems.append(str(problem))
    return found + clips, list(dict.fromkeys(problems))


def _copied(rows: Sequence[Row], scratch: Path) -> tuple[list[Row], list[str]]:
    """Return the rows with copies in place of large files for ffmpeg, and the problems."""
    copies: dict[Path, Path] = {}
    problems: dict[Path, str] = {}
    for path in dict.fromkeys(row.path for row in rows):
        if ffmpeg.is_for_ffmpeg(path) and path.is_file() and path.stat().st_size > LARGE_BYTES:
            copies[path] = scratch / f"{len(copies)}.w64"
            try:
                ffmpeg.write_w64(path, copies[path])
            except AudioError as problem:
                problems[path] = str(problem)
    usable = [row for row in rows if row.path not in problems]
    return [replace(row, path=copies.get(row.path, row.path)) for row in usable], [
        *problems.values()
    ]


def from_stdin(data: bytes) -> list[str | AudioInput]:
    """Return the inputs on standard input: one path on each line, or one recording.

    Raises:
        AudioError: there is neither.
    """
    if b"\0" not in data:  # A path has no such byte, and the header of a recording has.
        return [line for line in data.decode(errors="surrogateescape").splitlines() if line.strip()]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        path.write_bytes(data)
        try:
            facts_of(path)  # The bounds are those of a file.
            with decoding(path) as sound:
                samples = sound.read(dtype="float32", always_2d=True)
        except AudioError as problem:
            raise AudioError(
                "standard input: expected paths, one a line, or a whole recording that libsndfile "
                f"reads, found {len(data)} other bytes "
                f"({str(problem).removeprefix(f'{path}: ')}); name the file instead",
                problem.kind,
            ) from problem
        return [replace(clip_of(samples, sound.samplerate), path="-")]


def _recording(row: Row, facts: AudioFacts) -> AudioInput:
    start, duration = segment_of(row.shown, row.start_s, row.duration_s, facts)
    source = Segment(row.path, start, duration)
    return AudioInput(row.shown, source, start, start + duration, row.text, row.language)


def rows_of(path: Path) -> list[Row]:
    """Return the rows of one input.

    Raises:
        MedusaError, OSError: a folder has no sound, or a table cannot be read.
    """
    require_utf_8(path)
    if path.is_dir():
        files, _ = recordings_below(path, sorted(SOUNDS))
        if not files:
            raise AudioError(f"{path}: expected files of sound below this folder, found none")
        return [Row(file, str(file)) for file in files]
    read = TABLES.get(path.suffix.lower())
    return read(path) if read else [Row(path, str(path))]


def _csv(path: Path) -> list[Row]:
    """Return the rows of a csv."""
    table = read_rows(path)
    if table.bad:
        raise ManifestError(f"{listed(table.bad)}; mend these rows of the table")
    columns = {
        name: table.header.index(next(one for one in known if one in table.header))
        for name, known in COLUMNS.items()
        if set(known) & set(table.header)
    }
    if "path" not in columns:
        raise ManifestError(
            f"{path}: expected a column {' or '.join(COLUMNS['path'])}, found "
            f"{listed(table.header)}; name the column with the files so"
        )
    rows = []
    for line, cells in zip(table.lines, table.cells, strict=True):
        values = {name: cells[number].strip() for name, number in columns.items()}
        try:
            start, duration = _times(values)
        except ValueError as problem:
            raise ManifestError(f"{path}:{line}: {problem}; write seconds such as 1.5") from problem
        texts = values.get("text"), values.get("language") or None
        rows.append(Row(path.parent / values["path"], values["path"], start, duration, *texts))
    return rows


def _times(values: dict[str, str]) -> tuple[float, float]:
    """Return the start and the duration of a row."""
    start, end, duration = (
        float(values.get(name) or NAN) for name in ("start_s", "end_s", "duration_s")
    )
    return start, duration if end != end else end - (0.0 if start != start else start)


def _manifest(path: Path) -> list[Row]:
    """Return the rows of a manifest that have audio."""
    from medusa.manifests import Manifest

    manifest = Manifest.read(path)
    frame = manifest.frame[manifest.frame["path"].notna()]
    words = frame[["text", "language"]].astype(object)
    words = words.where(words.notna(), None)
    columns = zip(
        *(frame["path"], frame["start_s"], frame["duration_s"], words["text"], words["language"]),
        strict=True,
    )
    return [Row(manifest.audio_path(path), path, *rest) for path, *rest in columns]


TABLES: dict[str, Callable[[Path], list[Row]]] = {".csv": _csv, ".parquet": _manifest}
