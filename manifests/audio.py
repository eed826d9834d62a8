"""The header and the bytes of a recording give its facts and its digest.

Nothing is decoded but the recordings that only ffmpeg reads. `decoding` opens a recording.
"""

import hashlib
import io
import math
import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import soundfile

from medusa.errors import AudioError
from medusa.foreign import foreign
from medusa.manifests import ffmpeg
from medusa.manifests.headers import containers, mp3

CHUNK_BYTES = 1 << 20
RATES_HZ = range(500, 1_000_001)  # Of other rates, resampling would make any number of samples.
MOST_FRAMES = 1 << 40  # libsndfile gives 2**63 - 1 frames if it cannot tell their number.
TOLERANCE_S = 0.01  # The tables of corpora often round the end of a segment up.
T = TypeVar("T")


@dataclass(frozen=True)
class AudioFacts:
    """The header of a recording gives its frames per channel, its rate in Hz and its channels."""

    frames: int
    rate_hz: int
    channels: int

    @property
    def duration_s(self) -> float:
        """The seconds from the first frame to the last."""
        return self.frames / self.rate_hz


@dataclass(frozen=True)
class Recording:
    """The header facts of a file, and the digest of its bytes."""

    facts: AudioFacts
    digest: str


def facts_of(path: Path) -> AudioFacts:
    """Return the header facts of a file.

    Raises:
        AudioError: the file is missing, is not audio, holds no sound, or is shorter than its
            header promises.
    """
    if not path.is_file():
        raise AudioError(f"{path}: no such file", "missing")
    if ffmpeg.is_for_ffmpeg(path):
        return _facts_by_ffmpeg(path)
    sentence = f"{path}: not readable as audio ({path.stat().st_size} bytes)"
    with foreign(AudioError, lambda reason: f"{sentence}: {reason}; replace the file"):
        with opened(path) as sound:
            facts = AudioFacts(sound.frames, sound.samplerate, sound.channels)
            whole = sound.format != "FLAC" or _has_last_frame(sound)
        if facts.frames and facts.rate_hz not in RATES_HZ:
            raise ValueError(f"its header gives a rate of {facts.rate_hz} Hz")
        if facts.frames > MOST_FRAMES:
            raise ValueError("its length is unknown")
    if not whole:
        raise AudioError(
            f"{path}: truncated: the last of its {facts.frames} frames is missing; "
            "copy the file again",
            "truncated",
        )
    _refuse_truncated(path)
    if facts.frames == 0:
        raise AudioError(f"{path}: the file holds no sound (0 frames); replace it")
    return facts


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a recording with soundfile; sizes and lengths that its header lacks are filled in."""
    with ExitStack() as files:
        yield files.enter_context(soundfile.SoundFile(_corrected(path, files)))


@contextmanager
def decoding(path: Path) -> Iterator[Any]:
    """Open a recording as `opened` does; every error of the block becomes an AudioError."""
    sentence = f"{path}: cannot be decoded"
    explained = foreign(AudioError, lambda reason: f"{sentence}: {reason}; replace the file")
    with explained, opened(path) as sound:
        yield sound


def _corrected(path: Path, files: ExitStack) -> Path | io.IOBase:
    """Return the path, or an open file with a correct size of the sound or number of frames."""
    frames = mp3.frames_of(path)
    if frames and not frames.is_exact:
        count = struct.pack(">I", frames.found)
        return files.enter_context(
            containers.Corrected(path, frames.index_at, count)
            if frames.index_at
            else mp3.with_index(path, frames)
        )
    chunk = containers.sound_chunk(path)
    if chunk and chunk.correctable:
        return files.enter_context(containers.Corrected(path, chunk.at, chunk.correction()))
    return path


def _facts_by_ffmpeg(path: Path) -> AudioFacts:
    samples, rate_hz = ffmpeg.decode(path)
    if not len(samples):
        raise AudioError(f"{path}: the file holds no sound (0 frames); replace it")
    return AudioFacts(len(samples), rate_hz, samples.shape[1])


def digest_of(path: Path) -> str:
    """Return the sha256 of a file's bytes as hex digits.

    Raises:
        AudioError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError as problem:
        reason = problem.strerror
        raise AudioError(f"{path}: cannot be read: {reason}; check its permissions") from problem
    return digest.hexdigest()


def recording_of(path: Path) -> Recording:
    """Return the facts and the digest of a file.

    Raises:
        AudioError: for the reasons of `facts_of` and `digest_of`.
    """
    return Recording(facts_of(path), digest_of(path))


def content_of(file_digest: str, start_s: float, duration_s: float) -> str:
    """Return the 32 hex digits that name a segment of a file; a whole file starts at 0."""
    key = f"{file_digest} {float(start_s)!r} {float(duration_s)!r}"
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def segment_of(
    path: str, start_s: float, duration_s: float, facts: AudioFacts
) -> tuple[float, float]:
    """Return the start and the length of a segment.

    A start of NaN is the start of the file, and a length of NaN reaches to its end.

    Raises:
        AudioError: the segment is not inside the recording.
    """
    start_s = 0.0 if math.isnan(start_s) else start_s
    rest_s = facts.duration_s - start_s
    wanted_s = rest_s if math.isnan(duration_s) else duration_s
    if start_s < 0 or wanted_s <= 0 or wanted_s > rest_s + TOLERANCE_S:
        raise AudioError(
            f"{path}: the segment of {wanted_s:g} s from {start_s:g} s is not inside its "
            f"{facts.duration_s:.3f} s; correct its start and duration",
            "outside",
        )
    return start_s, min(wanted_s, rest_s)


def each(
    function: Callable[[Path], T],
    paths: Iterable[Path],
    advance: Callable[[], None] = lambda: None,
    workers: int = 8,
) -> tuple[dict[Path, T], dict[Path, AudioError]]:
    """Apply `facts_of`, `digest_of` or `recording_of` to many files at the same time.

    Args:
        function: the function that is applied to a file.
        paths: the files; a file that comes several times is read once.
        advance: it is called after each file.
        workers: the number of threads; reading and hashing release the interpreter's lock.

    Returns:
        The results by path, and the problems by path.
    """
    found: dict[Path, T] = {}
    problems: dict[Path, AudioError] = {}

    def result_of(path: Path) -> tuple[Path, T | AudioError]:
        try:
            return path, function(path)
        except AudioError as problem:
            return path, problem

    with ThreadPoolExecutor(workers) as pool:
        for path, result in pool.map(result_of, dict.fromkeys(paths)):
            if isinstance(result, AudioError):
                problems[path] = result
            else:
                found[path] = result
            advance()
    return found, problems


def _has_last_frame(sound: Any) -> bool:
    """Return whether the last frame that the header promises can be read."""
    try:
        sound.seek(max(sound.frames - 1, 0))
        return bool(len(sound.read(1)) == min(sound.frames, 1))
    except soundfile.LibsndfileError:
        return False


def _refuse_truncated(path: Path) -> None:
    """Raise if the header promises more sound than follows; libsndfile accepts most such files."""
    chunk, frames = containers.sound_chunk(path), mp3.frames_of(path)
    problem = "its last page is missing" if containers.is_cut_ogg(path) else ""
    if chunk and chunk.truncated:
        problem = _lack(chunk.promised, chunk.present)
    elif frames and frames.missing > containers.SLACK:
        present = frames.end - frames.start
        problem = _lack(present + frames.missing, present)
    if problem:
        raise AudioError(f"{path}: truncated: {problem}; copy the file again", "truncated")


def _lack(promised: int, present: int) -> str:
    share = math.floor(100 * present / promised)
    return f"its header promises {promised} bytes of sound, but the file has {present} ({share} %)"
