"""A segment of a recording is decoded to mono float32 samples at the rate of an encoder."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from medusa.errors import AudioError
from medusa.manifests import ffmpeg
from medusa.manifests.audio import content_of, decoding, digest_of, facts_of

Wave = npt.NDArray[np.float32]
RESAMPLER = "HQ"


@dataclass(frozen=True)
class Segment:
    """The position of an utterance's sound: a file, and the seconds inside it."""

    path: Path
    start_s: float
    duration_s: float


@dataclass(frozen=True, eq=False)
class Sound:
    """Sound in memory: samples (S,) or (S, channels), nominally from -1 to 1, and their rate."""

    samples: Wave
    rate_hz: int
    name: str = "clip"


def read_sound(sound: Sound, rate_hz: int) -> Wave:
    """Return the samples (S,) of a clip at another rate, as `read_segment` does for a file.

    Raises:
        AudioError: the clip is empty, or holds a sample that is not a number.
    """
    if not len(sound.samples):
        raise AudioError(f"{sound.name}: the clip holds no sound (0 samples); record it again")
    samples = np.asarray(sound.samples, np.float32)
    return _at_rate(samples.reshape(len(samples), -1), sound.rate_hz, rate_hz, sound.name)


def read_segment(segment: Segment, rate_hz: int) -> Wave:
    """Decode a segment to the mean of its channels; soxr resamples it if the rate differs.

    Args:
        segment: any sample rate, any number of channels, any format of libsndfile or ffmpeg.
        rate_hz: the rate of the result.

    Returns:
        The samples (S,), nominally from -1 to 1.

    Raises:
        AudioError: the file is missing, unreadable, truncated, shorter than the segment, or holds
            a sample that is not a number.
    """
    facts = facts_of(segment.path)
    start = round(segment.start_s * facts.rate_hz)
    wanted = round(segment.duration_s * facts.rate_hz)
    samples = _decode(segment.path, start, wanted)
    # Both the start and the length of a segment at the file's end may have been rounded up.
    if len(samples) < max(wanted - 1, 1):
        raise AudioError(
            f"{segment.path}: its manifest row needs {segment.duration_s:.3f} s from "
            f"{segment.start_s:.3f} s, but the file has {facts.duration_s:.3f} s; "
            "put the whole file back, or import the corpus again"
        )
    return _at_rate(samples, facts.rate_hz, rate_hz, str(segment.path))


def _at_rate(samples: Wave, found_hz: int, rate_hz: int, name: str) -> Wave:
    """Return the mean of the channels of samples (S, channels), at another rate."""
    mono = mean_of_channels(samples, name)
    if found_hz != rate_hz:
        mono = soxr.resample(mono, found_hz, rate_hz, quality=RESAMPLER)
    return np.ascontiguousarray(mono, dtype=np.float32)


def mean_of_channels(samples: Wave, name: str) -> Wave:
    """Return the mean (S,) of the channels of samples (S, channels).

    Raises:
        AudioError: a sample is not a number.
    """
    if not np.isfinite(samples).all():
        raise AudioError(
            f"{name}: has samples that are not numbers (NaN or infinite); replace the file"
        )
    mono: Wave = samples[:, 0] if samples.shape[1] == 1 else samples.mean(1, dtype=np.float32)
    return mono


def check_content(segment: Segment, content: str) -> None:
    """Compare the file's bytes with the manifest's `content`, which is their digest.

    Raises:
        AudioError: the file was changed after the import.
    """
    stat = segment.path.stat()
    digest = _digest(segment.path, stat.st_mtime_ns, stat.st_size)
    if content_of(digest, segment.start_s, segment.duration_s) != content:
        raise AudioError(
            f"{segment.path}: this is not the file that was imported (its bytes have changed); "
            "import the corpus again with `medusa manifest import`"
        )


@lru_cache(maxsize=64)  # segments of one long recording follow each other
def _digest(path: Path, _modified_ns: int, _size: int) -> str:
    """Return the digest of a file; a changed time or size makes the cached digest invalid."""
    return digest_of(path)


def _decode(path: Path, start: int, wanted: int) -> Wave:
    """Return up to `wanted` sample frames from `start` on: (sample frames, channels)."""
    if ffmpeg.is_for_ffmpeg(path):
        return ffmpeg.decode(path)[0][start : start + wanted]
    with decoding(path) as sound:
        sound.seek(min(start, sound.frames))
        samples: Wave = sound.read(wanted, dtype="float32", always_2d=True)
        return samples
