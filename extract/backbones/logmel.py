"""Log-mel frames are the simplest features: they have no weights and need no download."""

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from medusa.errors import MedusaError, nearest
from medusa.extract.encoders import Backbone, Checkpoint, Encoded, average_frames
from medusa.extract.inputs.segments import RESAMPLER, Wave

CHECKPOINTS = {"logmel": Checkpoint("mel_80"), "logmel128": Checkpoint("mel_128")}
INPUT, ON_HUB = "audio", False
MELS = {"mel_80": 80, "mel_128": 128}
RATE_HZ, N_FFT, HOP = 16_000, 400, 160


def describe(name: str, checkpoint: str, revision: str | None) -> Backbone:
    """Return the facts; `checkpoint` is `mel_80` or `mel_128`, the revision is the filters' digest.

    Raises:
        MedusaError: the filter bank is unknown, or a revision is given.
    """
    if checkpoint not in MELS:
        hint = nearest(checkpoint, MELS)
        raise MedusaError(f"--checkpoint {checkpoint}: expected {', '.join(MELS)} for {name}{hint}")
    if revision:
        raise MedusaError(f"revision {revision}: {name} has no revisions; leave it out")
    digest = hashlib.sha256(mel_filters(checkpoint).numpy().tobytes()).hexdigest()
    return Backbone(
        name=name,
        family="logmel",
        source=checkpoint,
        checkpoint=checkpoint,
        revision=digest[:16],
        input="audio",
        n_layers=0,
        width=MELS[checkpoint],
        frame_shift_s=2 * HOP / RATE_HZ,
        rate_hz=RATE_HZ,
        default_layers="last",
        preprocessing={"rate_hz": RATE_HZ, "resampler": f"soxr {RESAMPLER}", "n_fft": N_FFT},
    )


def load(backbone: Backbone, layers: tuple[int, ...], device: str) -> "Logmel":
    """Return the encoder; layer 0 is the only one."""
    return Logmel(mel_filters(backbone.checkpoint).to(device))


@lru_cache(maxsize=2)
def mel_filters(name: str) -> Tensor:
    """Return Whisper's filter bank (mels, N_FFT // 2 + 1), without importing Whisper (slow)."""
    package = importlib.util.find_spec("whisper")
    if package is None or not package.submodule_search_locations:
        raise MedusaError(
            "logmel: the package openai-whisper, whose mel filters are used, is not installed; run "
            "`pip install openai-whisper`"
        )
    path = Path(package.submodule_search_locations[0]) / "assets" / "mel_filters.npz"
    with np.load(path, allow_pickle=False) as bank:
        return torch.from_numpy(bank[name])


class Logmel:
    """Compute Whisper's log-mel spectrogram of the whole utterance, at 50 frames a second.

    The formula: take the power of a centred short-time Fourier transform at 16 kHz (Hann windows of
    25 ms, 10 ms apart; the samples are reflected at both ends; the last frame is dropped). Apply
    Whisper's mel filters. Take log10 of at least 1e-10, clamp it to within 8 of the utterance's own
    maximum, add 4 and divide by 4. Then average frames 0 and 1, 2 and 3, ...; a last odd frame
    stays alone. Nothing is padded to 30 s. Utterances that are shorter than one window are padded
    to its length, and flagged.

    Source: `log_mel_spectrogram` of openai-whisper (Radford et al. 2022, sec. 2.2).
    """

    batch_invariant = True

    def __init__(self, filters: Tensor) -> None:
        self.filters = filters
        self.window = torch.hann_window(N_FFT, device=filters.device)

    def prepare(self, source: Wave) -> "Reflected":
        short = len(source) < N_FFT
        wave = np.pad(source, (0, N_FFT - len(source))) if short else source
        frames = len(wave) // HOP
        reflected = np.pad(wave, N_FFT // 2, mode="reflect")
        return Reflected(torch.from_numpy(reflected), frames, ("padded",) if short else ())

    def encode(self, items: Sequence["Reflected"]) -> list[Encoded]:
        waves = pad_sequence([item.wave for item in items], batch_first=True).to(self.window.device)
        spectrum = torch.stft(
            waves, N_FFT, HOP, window=self.window, center=False, return_complex=True
        )
        mels = self.filters @ spectrum.abs().square()
        logs = mels.clamp(min=1e-10).log10()
        return [
            Encoded(_frames(log[:, : item.frames]), item.flags)
            for item, log in zip(items, logs, strict=True)
        ]


@dataclass(frozen=True)
class Reflected:
    """Samples that are reflected by half a window at both ends, and their number of frames."""

    wave: Tensor
    frames: int
    flags: tuple[str, ...]


def _frames(log: Tensor) -> Tensor:
    """Clamp and scale (mels, 10 ms frames), and average two frames into one: (1, frames, mels)."""
    scaled = ((torch.maximum(log, log.max() - 8) + 4) / 4).T
    return average_frames(scaled[None], 2)
