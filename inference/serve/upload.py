"""The bytes of an upload become a clip in memory. The file that the decoders need is deleted."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from medusa.errors import AudioError
from medusa.foreign import foreign
from medusa.inference.audio_input import AudioInput, clip_of
from medusa.manifests import ffmpeg
from medusa.manifests.audio import facts_of, opened

# The first bytes of the formats that only ffmpeg reads. The name that a client gives is not used:
# ffmpeg opens playlists, which name other files, whatever they are called.
FORMATS: dict[str, Callable[[bytes], bool]] = {
    ".webm": lambda head: head.startswith(b"\x1a\x45\xdf\xa3"),
    ".mp4": lambda head: head[4:8] == b"ftyp",
    ".wma": lambda head: head.startswith(b"\x30\x26\xb2\x75"),
    ".amr": lambda head: head.startswith(b"#!AMR"),
    ".aac": lambda head: head[:1] == b"\xff" and head[1:2] in (b"\xf0", b"\xf1", b"\xf8", b"\xf9"),
}
RATES_HZ = (1_000, 768_000)
WIDEST = 8 * 48_000  # samples of all channels in a second of the longest clip
NAME = "the recording"


TOO_LONG = "too-long"  # the kind of an AudioError for a clip above the limits


def read_upload(file: BinaryIO, max_seconds: float) -> AudioInput:
    """Decode an upload to the mean of its channels, at its own rate.

    Args:
        file: any format of libsndfile or ffmpeg.
        max_seconds: the longest clip.

    Returns:
        A clip with the samples (S,).

    Raises:
        AudioError: the sound cannot be read, or (with the kind `too-long`) is above the limits.
    """
    head = file.read(16)
    suffix = next((name for name, fits in FORMATS.items() if fits(head)), "")
    file.seek(0)
    with tempfile.TemporaryDirectory(prefix="medusa-") as folder:
        path = Path(folder) / f"upload{suffix}"
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        try:
            with foreign(AudioError, lambda reason: f"{NAME}: not readable as audio: {reason}"):
                samples, rate_hz = (_by_ffmpeg if suffix else _by_libsndfile)(path, max_seconds)
        except AudioError as problem:
            raise AudioError(str(problem).replace(str(path), NAME), problem.kind) from None
    if not np.isfinite(samples).all():
        raise AudioError(f"{NAME} has samples that are not numbers (NaN or infinite)")
    return clip_of(samples.mean(1, dtype=np.float32), rate_hz)


def _by_libsndfile(path: Path, max_seconds: float) -> tuple[npt.NDArray[np.float32], int]:
    facts = facts_of(path)
    _check(facts.frames, facts.channels, facts.rate_hz, max_seconds)
    with opened(path) as sound:
        samples: npt.NDArray[np.float32] = sound.read(dtype="float32", always_2d=True)
    return samples, facts.rate_hz


def _by_ffmpeg(path: Path, max_seconds: float) -> tuple[npt.NDArray[np.float32], int]:
    """Decode with ffmpeg, which stops soon after the limits."""
    limits = ("-t", f"{max_seconds + 1}", "-fs", str(round(4 * max_seconds * WIDEST) + 4096))
    samples, rate_hz = ffmpeg.decode_part(path, limits)
    if not len(samples):
        raise AudioError(f"{NAME} holds no sound (0 samples)")
    _check(len(samples), samples.shape[1], rate_hz, max_seconds)
    return samples, rate_hz


def _check(frames: int, channels: int, rate_hz: int, max_seconds: float) -> None:
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise AudioError(f"{NAME}: expected a rate of 1 to 768 kHz, found {rate_hz} Hz")
    if frames > max_seconds * rate_hz or frames * channels > max_seconds * WIDEST:
        raise AudioError(
            f"{NAME}: expected at most {max_seconds:g} s, found {frames / rate_hz:.1f} s or more "
            f"in {channels} channels; send a shorter part",
            TOO_LONG,
        )
