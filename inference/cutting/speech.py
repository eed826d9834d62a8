"""The stretches of speech in a recording, found by silero-vad (MIT licence).

The recording is read and resampled block by block, so a file of any length needs little memory.
Source: Silero Team, "Silero VAD", github.com/snakers4/silero-vad; the package has its weights.
"""

import warnings
from functools import cache
from typing import Any

import numpy as np
import torch

from medusa.errors import ConfigError
from medusa.extract.inputs import Wave
from medusa.inference.audio_input import AudioInput
from medusa.inference.cutting.blocks import RATE_HZ, resampled_blocks
from medusa.inference.cutting.options import FurtherCutOptions

FRAME = 512  # the samples that the detector reads at a time


def speech_times(recording: AudioInput, options: FurtherCutOptions) -> list[tuple[float, float]]:
    """Return start and end of every stretch of speech, in seconds from the recording's start.

    Args:
        recording: a file, a segment of a file, or a clip.
        options: the settings of the detector.

    Raises:
        ConfigError: silero-vad is not installed.
        AudioError: the file cannot be read.
    """
    model, cut = _detector()
    model.reset_states()
    shares: list[float] = []
    samples = 0
    rest = np.empty(0, np.float32)
    with torch.inference_mode():
        for block in resampled_blocks(recording):
            samples += len(block)
            rest = np.concatenate([rest, block])
            whole = len(rest) // FRAME * FRAME
            shares += [_share(model, rest[at : at + FRAME]) for at in range(0, whole, FRAME)]
            rest = rest[whole:]
        if len(rest):
            shares.append(_share(model, np.pad(rest, (0, FRAME - len(rest)))))
    found = cut(
        shares,
        threshold=options.vad_threshold,
        min_speech_duration_ms=1000 * options.vad_least_s,
        max_speech_duration_s=options.vad_longest_s,
        min_silence_duration_ms=1000 * options.vad_silence_s,
        speech_pad_ms=1000 * options.vad_pad_s,
        audio_length_samples=samples,
    )
    return [(one["start"] / RATE_HZ, one["end"] / RATE_HZ) for one in found]


def _share(model: Any, frame: Wave) -> float:
    """Return the probability of speech in a frame of 512 samples."""
    return float(model(torch.from_numpy(frame), RATE_HZ))


@cache
def _detector() -> tuple[Any, Any]:
    """Return silero-vad's model, and its function from probabilities to times."""
    threads = torch.get_num_threads()
    try:
        import silero_vad
    except ImportError as problem:
        raise ConfigError(
            "--vad: silero-vad is not installed; run `pip install 'medusa-ser[vad]'`, or cut with "
            "--window-s"
        ) from problem
    finally:
        torch.set_num_threads(threads)  # The import sets it to one.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # It loads its model with torch.jit.
        model = silero_vad.load_silero_vad()
    return model, silero_vad.get_speech_timestamps_from_probs
