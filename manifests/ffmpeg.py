"""ffmpeg decodes the recordings that libsndfile cannot read: m4a, aac, wma, amr and video."""

import shutil
import struct
import subprocess
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medusa.errors import AudioError

SUFFIXES = (".m4a", ".aac", ".mp4", ".wma", ".amr", ".webm", ".mkv", ".mov", ".3gp", ".m4b")
# ffmpeg's warnings of a file that ends too early. In streams without a length, it warns of the last
# packet only.
CUT = ("partial file", "ended prematurely")
NOT_WHOLE = ("Error submitting packet", "Error while decoding")
WITHOUT_LENGTH = (".aac", ".amr", ".wma")
MISSING = (
    "needs ffmpeg, and neither the system nor the package imageio-ffmpeg has one for this "
    "platform; install it (Debian: apt install ffmpeg), or convert the file to wav or flac"
)


def is_for_ffmpeg(path: Path) -> bool:
    """Return whether a file is of a kind that only ffmpeg reads."""
    return path.suffix.lower() in SUFFIXES


def decode(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Return all samples (frames, channels) of a file's first audio stream, and its rate in Hz.

    The samples of the last two files are kept, because segments of one recording follow each other.

    Raises:
        AudioError: ffmpeg is not installed, or it finds no sound, or the file is cut short.
    """
    stat = path.stat()
    return _decode(path, stat.st_mtime_ns, stat.st_size)


@cache
def program() -> str:
    """Return the path of the system's ffmpeg, or else of the one in the package imageio-ffmpeg.

    Raises:
        RuntimeError: there is neither.
    """
    if path := shutil.which("ffmpeg"):
        return path
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


@lru_cache(maxsize=2)
def _decode(path: Path, _modified_ns: int, _size: int) -> tuple[npt.NDArray[np.float32], int]:
    return decode_part(path)


def decode_part(path: Path, limits: Sequence[str] = ()) -> tuple[npt.NDArray[np.float32], int]:
    """Return the samples (frames, channels) and the rate as `decode` does, and keep nothing.

    Args:
        path: the file.
        limits: options of ffmpeg for the output, such as `-t` and the most seconds.

    Raises:
        AudioError: ffmpeg is not installed, or it finds no sound.
    """
    # AU is the simplest format that carries the rate and the channels: six numbers, then the
    # samples in big-endian order.
    sound = _converted(path, *limits, "-f", "au", "-c:a", "pcm_f32be", "pipe:1")
    _, samples_at, _, _, rate_hz, channels = struct.unpack(">6I", sound[:24])
    samples = np.frombuffer(sound, ">f4", offset=samples_at).astype(np.float32)
    return samples.reshape(-1, channels), rate_hz


def write_w64(path: Path, output: Path) -> None:
    """Write all samples of a file's first audio stream as W64, which libsndfile reads in parts.

    ffmpeg reads and writes a little at a time, so a recording of any length needs no memory.

    Raises:
        AudioError: ffmpeg is not installed, or it finds no sound.
    """
    _converted(path, "-y", "-f", "w64", "-c:a", "pcm_f32le", f"file:{output}")


def _converted(path: Path, *output: str) -> bytes:
    """Convert the first audio stream of a file; return the bytes on ffmpeg's standard output."""
    try:
        words = [program(), "-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe"]
    except RuntimeError as problem:
        raise AudioError(f"{path}: {MISSING}") from problem
    # The prefix `file:` keeps ffmpeg from taking a name for a protocol.
    words += ["-i", f"file:{path}", "-map", "0:a:0", *output]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        raise AudioError(f"{path}: {_reason(done)}")
    _refuse_truncated(path, done.stderr.decode(errors="replace"))
    return done.stdout


def _refuse_truncated(path: Path, warnings: str) -> None:
    """Raise if ffmpeg warns of a cut file; it decodes such a file as far as it goes."""
    marks = (*CUT, *NOT_WHOLE) if path.suffix.lower() in WITHOUT_LENGTH else CUT
    line = next((line for line in warnings.splitlines() if any(mark in line for mark in marks)), "")
    if line:
        raise AudioError(
            f"{path}: truncated: ffmpeg reports {line.rpartition('] ')[2]!r}; copy the file again",
            "truncated",
        )


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    text = done.stderr.decode(errors="replace").strip()
    if "matches no streams" in text:
        return "has no audio stream; replace the file"
    reason = text.splitlines()[-1] if text else f"exit code {done.returncode}"
    return f"not readable by ffmpeg: {reason}; replace the file"
