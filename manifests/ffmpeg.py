"""ffmpeg decodes the recordings that libsndfile cannot read: m4a, aac, wma, amr and video."""

import shutil
import struct
import subprocess
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

SUFFIXES = (".m4a", ".aac", ".mp4", ".wma", ".amr", ".webm", ".mkv", ".mov", ".3gp", ".m4b")
MISSING = (
    "needs ffmpeg, and neither the system nor the package imageio-ffmpeg has one for this "
    "platform; install it (Debian: apt install ffmpeg), or convert the file to wav or flac"
)


class FfmpegError(Exception):
    """ffmpeg returned no sound; the message is the part of a sentence after the file's name."""


def is_for_ffmpeg(path: Path) -> bool:
    """Return whether a file is of a kind that only ffmpeg reads."""
    return path.suffix.lower() in SUFFIXES


def decode(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Return all samples (frames, channels) of a file's first audio stream, and its rate in Hz.

    The samples of the last two files are kept, because segments of one recording follow each other.

    Raises:
        FfmpegError: ffmpeg is not installed, or it finds no sound.
    """
    stat = path.stat()
    return _decode(path, stat.st_mtime_ns, stat.st_size)


@cache
def program() -> str:
    """Return the path of the system's ffmpeg, or else of the one in the package imageio-ffmpeg.

    Raises:
        FfmpegError: there is neither.
    """
    if path := shutil.which("ffmpeg"):
        return path
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as problem:
        raise FfmpegError(MISSING) from problem


@lru_cache(maxsize=2)
def _decode(path: Path, _modified_ns: int, _size: int) -> tuple[npt.NDArray[np.float32], int]:
    return decode_part(path)


def decode_part(path: Path, limits: Sequence[str] = ()) -> tuple[npt.NDArray[np.float32], int]:
    """Return the samples (frames, channels) and the rate as `decode` does, and keep nothing.

    Args:
        path: the file.
        limits: options of ffmpeg for the output, such as `-t` and the most seconds.

    Raises:
        FfmpegError: ffmpeg is not installed, or it finds no sound.
    """
    # The prefix `file:` keeps ffmpeg from taking a name for a protocol. AU is the simplest format
    # that carries the rate and the channels: six numbers, then the samples in big-endian order.
    words = ["-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe"]
    words += ["-i", f"file:{path}", "-map", "0:a:0", *limits]
    words += ["-f", "au", "-c:a", "pcm_f32be", "pipe:1"]
    done = subprocess.run([program(), *words], capture_output=True, check=False)
    if done.returncode:
        raise FfmpegError(_reason(done))
    _, samples_at, _, _, rate_hz, channels = struct.unpack(">6I", done.stdout[:24])
    samples = np.frombuffer(done.stdout, ">f4", offset=samples_at).astype(np.float32)
    return samples.reshape(-1, channels), rate_hz


def write_w64(path: Path, output: Path) -> None:
    """Write all samples of a file's first audio stream as W64, which libsndfile reads in parts.

    ffmpeg reads and writes a little at a time, so a recording of any length needs no memory.

    Raises:
        FfmpegError: ffmpeg is not installed, or it finds no sound.
    """
    words = ["-nostdin", "-v", "error", "-y", "-i", f"file:{path}", "-map", "0:a:0"]
    words += ["-f", "w64", "-c:a", "pcm_f32le", f"file:{output}"]
    done = subprocess.run([program(), *words], capture_output=True, check=False)
    if done.returncode:
        raise FfmpegError(_reason(done))


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    text = done.stderr.decode(errors="replace").strip()
    if "matches no streams" in text:
        return "has no audio stream; replace the file"
    reason = text.splitlines()[-1] if text else f"exit code {done.returncode}"
    return f"not readable by ffmpeg: {reason}; replace the file"
