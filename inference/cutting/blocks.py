"""The samples of a recording, a minute at a time, so that its length needs no memory."""

from collections.abc import Iterator
from typing import Any

import soxr

from medusa.extract.inputs import Segment, Wave
from medusa.extract.inputs.segments import mean_of_channels
from medusa.inference.audio_input import AudioInput
from medusa.manifests import ffmpeg
from medusa.manifests.audio import decoding

RATE_HZ = 16_000
BLOCK_S = 60.0  # the seconds of sound in memory


def resampled_blocks(recording: AudioInput) -> Iterator[Wave]:
    """Yield the mean of a recording's channels at 16 kHz, a minute at a time.

    Raises:
        AudioError: the file cannot be read, or has samples that are not numbers.
    """
    resampler: Any = None
    last: Wave | None = None
    for block, rate_hz in blocks(recording):
        mono = mean_of_channels(block, recording.path)
        if rate_hz == RATE_HZ:
            yield mono
            continue
        resampler = resampler or soxr.ResampleStream(rate_hz, RATE_HZ, 1, "float32", "HQ")
        yield resampler.resample_chunk(mono)
        last = mono[:0]
    if last is not None:
        yield resampler.resample_chunk(last, last=True)


def blocks(recording: AudioInput) -> Iterator[tuple[Wave, int]]:
    """Yield the samples (S, channels) of a recording, a minute at a time, with their rate in Hz.

    Raises:
        AudioError: the file cannot be read.
    """
    source = recording.source
    if not isinstance(source, Segment):
        samples = source.samples.reshape(len(source.samples), -1)
        yield from _parts(samples, source.rate_hz)
        return
    if ffmpeg.is_for_ffmpeg(source.path):
        samples, rate_hz = ffmpeg.decode(source.path)
        first = round(source.start_s * rate_hz)
        yield from _parts(samples[first : first + round(source.duration_s * rate_hz)], rate_hz)
        return
    with decoding(source.path) as sound:
        rate_hz = sound.samplerate
        sound.seek(round(source.start_s * rate_hz))
        left = round(source.duration_s * rate_hz)
        while left > 0:
            size = min(left, round(BLOCK_S * rate_hz))
            block = sound.read(size, dtype="float32", always_2d=True)
            if not len(block):
                return
            yield block, rate_hz
            left -= len(block)


def _parts(samples: Wave, rate_hz: int) -> Iterator[tuple[Wave, int]]:
    size = round(BLOCK_S * rate_hz)
    for start in range(0, len(samples), size):
        yield samples[start : start + size], rate_hz
