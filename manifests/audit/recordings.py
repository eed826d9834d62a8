"""This part of the audit checks the headers and the bytes of the recordings."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from medusa.errors import AudioError, plural
from medusa.manifests.audio import AudioFacts, content_of, each, facts_of, recording_of, segment_of
from medusa.manifests.audit.cut_recordings import cut_recordings
from medusa.manifests.audit.findings import Finding, Subject

REMEDIES = {
    "missing": "put the files back, or use `medusa manifest import --drop-bad-audio`",
    "unreadable": "replace the files, or use `medusa manifest import --drop-bad-audio`",
    "truncated": "copy the files again, or use `medusa manifest import --drop-bad-audio`",
    "outside": "correct start and duration, and import the corpus again",
}


def audio_files(
    subject: Subject, digests: bool = False, advance: Callable[[], None] = lambda: None
) -> Iterator[Finding]:
    """Find rows without audio, and recordings that are missing, unreadable, truncated or changed.

    Recordings that were cut to one length are found, too.

    Args:
        subject: the manifest.
        digests: read every recording and compare its bytes with those imported.
        advance: it is called after each recording.
    """
    silent = subject.frame["path"].isna()
    if silent.any():
        remedy = "nothing, if the corpus has no audio; only text backbones can use these rows"
        message = f"{plural(silent.sum(), 'row has')} no audio"
        yield Finding("note", "audio", message, remedy, subject.ids(silent))
    rows = subject.frame[~silent]
    unnamed = rows["content"].isna()
    if unnamed.any():
        message = f"{plural(unnamed.sum(), 'row has')} a recording but no content digest"
        where = tuple(rows["id"][unnamed].astype(str))
        yield Finding("error", "audio", message, "import the corpus again", where)
    folder = subject.folder.resolve()  # A `..` in a path leaves the folder itself, not a link.
    file_paths = {str(path): os.path.normpath(folder / str(path)) for path in rows["path"]}
    files = {path: Path(file) for path, file in file_paths.items()}
    facts, now, problems = _look(files, digests, advance)
    problems |= _outside(rows, files, facts)
    for kind, remedy in REMEDIES.items():
        where = tuple(str(problem) for problem in problems.values() if problem.kind == kind)
        if where:
            message = f"{plural(len(where), 'recording is')} {kind}"
            message += " the file that contains it" if kind == "outside" else ""
            yield Finding("error", "audio", message, remedy, where)
    yield from _changed(rows, files, now)
    yield from _rates(facts)
    yield from cut_recordings(subject)


def _rates(facts: dict[Path, AudioFacts]) -> Iterator[Finding]:
    """Find several sample rates: a resampled recording sounds different."""
    rates = pd.Series([fact.rate_hz for fact in facts.values()]).value_counts()
    if len(rates) > 1:
        shown = ", ".join(f"{count} at {rate} Hz" for rate, count in rates.items())
        message = f"recordings have {len(rates)} sample rates: {shown}"
        remedy = "nothing, if the mix is equal in all classes and splits; all become 16 kHz"
        yield Finding("warning", "audio", message, remedy)


def _look(
    files: dict[str, Path], digests: bool, advance: Callable[[], None]
) -> tuple[dict[Path, AudioFacts], dict[Path, str], dict[Path, AudioError]]:
    """Return by file the header facts, the digests if `digests` is set, and the problems."""
    if not digests:
        facts, problems = each(facts_of, files.values(), advance)
        return facts, {}, problems
    found, problems = each(recording_of, files.values(), advance)
    facts = {file: recording.facts for file, recording in found.items()}
    return facts, {file: recording.digest for file, recording in found.items()}, problems


def _outside(
    rows: pd.DataFrame, files: dict[str, Path], facts: dict[Path, AudioFacts]
) -> dict[Path, AudioError]:
    """Return the problems of the segments that are not inside their file."""
    problems: dict[Path, AudioError] = {}
    columns = (rows["path"], rows["start_s"], rows["duration_s"])
    for path, start_s, duration_s in zip(*columns, strict=True):
        if files[path] in facts:
            try:
                segment_of(path, start_s, duration_s, facts[files[path]])
            except AudioError as problem:
                problems[Path(f"{path} {start_s}")] = problem
    return problems


def _changed(rows: pd.DataFrame, files: dict[str, Path], now: dict[Path, str]) -> Iterator[Finding]:
    """Find recordings whose bytes changed since the import; `now` has their present digests."""
    where = []
    columns = (rows["id"], rows["path"], rows["content"], rows["start_s"], rows["duration_s"])
    for name, path, content, start_s, duration_s in zip(*columns, strict=True):
        digest = now.get(files[path])
        if digest and pd.notna(content) and content_of(digest, start_s, duration_s) != content:
            where.append(str(name))
    if where:
        message = f"the recordings of {plural(len(where), 'row has')} changed since the import"
        remedy = "import the corpus again; then extract the features of these recordings again"
        yield Finding("error", "audio", message, remedy, tuple(where))
