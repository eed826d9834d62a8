"""ffmpeg decodes the recordings that libsndfile cannot read: m4a, aac, wma, amr and video."""

import json
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

SUFFIXES = (".m4a", ".aac", ".mp4", ".wma", ".amr", ".webm", ".mkv", ".mov", ".3gp", ".m4b")
MISSING = (
    "needs ffmpeg, which is not installed here; install it (Debian: apt install ffmpeg), or "
    "convert the file to wav or flac"
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


@lru_cache(maxsize=2)
def _decode(path: Path, _modified_ns: int, _size: int) -> tuple[npt.NDArray[np.float32], int]:
    # The prefix `file:` keeps ffmpeg from taking a name for a protocol.
    name = f"file:{path}"
    query = ["-select_streams", "a:0", "-show_entries", "stream=sample_rate,channels"]
    found = json.loads(_run("ffprobe", *query, "-of", "json", name))
    if not found.get("streams"):
        raise FfmpegError("has no audio stream; replace the file")
    stream = found["streams"][0]
    raw = _run("ffmpeg", "-nostdin", "-i", name, "-map", "0:a:0", "-f", "f32le", "pipe:1")
    samples = np.frombuffer(raw, np.float32).reshape(-1, int(stream["channels"]))
    return samples, int(stream["sample_rate"])


def _run(program: str, *words: str) -> bytes:
    if shutil.which(program) is None:
        raise FfmpegError(MISSING)
    done = subprocess.run([program, "-v", "error", *words], capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit code {done.returncode}"
        raise FfmpegError(f"not readable by {program}: {reason}; replace the file")
    return done.stdout
