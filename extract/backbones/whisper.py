"""The encoder of openai-whisper, cut to the true length of what it heard."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import gelu

from medusa.errors import CheckpointError
from medusa.extract.checkpoints import whisper_files
from medusa.extract.encoders.encoder import Backbone, Checkpoint, Encoded
from medusa.extract.inputs.segments import RESAMPLER, Wave

CHECKPOINTS = {"whisper": Checkpoint("large-v3", 32, 1280)}
INPUT, ON_HUB = "audio", False
MELS, WINDOW_S = 128, 30.0  # of large-v3
RATE_HZ = 16_000
FRAME = 320  # samples behind one frame of the encoder: two mel frames of 10 ms
MEL_HOP = FRAME // 2
SILENCE = 1200  # samples: three windows of the transform, so that the last frame hears nothing else
EDGE = 5  # mel frames of silence that the two convolutions need, to tell it from the window's end

States = Callable[[Tensor, Sequence[int], int | None], Sequence[Tensor]]
"""Mel spectrograms (B, mels, mel frames), ended early as `Windows.mels` are, layers and a number of
frames T to the states (B, T, D) of these layers, each of its first T frames (None: all of the
window's); that of the last layer is normed."""


def describe(name: str, checkpoint: str, revision: str | None) -> Backbone:
    """Return the facts of an official model or a `{dims, model_state_dict}` file.

    Raises:
        CheckpointError: not to be had, not such a file, or a revision was given.
    """
    if revision:
        raise CheckpointError(f"--revision {revision}: openai-whisper has none; leave it out")
    file = whisper_files.find(checkpoint)
    dims = whisper_files.read_dims(file.path)
    return facts(
        name,
        family="whisper",
        source=file.source,
        identity=(file.checkpoint, file.revision),
        n_layers=dims["n_audio_layer"],
        width=dims["n_audio_state"],
        mels=dims["n_mels"],
        window_s=dims["n_audio_ctx"] * FRAME / RATE_HZ,
    )


def published(name: str) -> Backbone:
    """Return the facts of the usual checkpoint, for plans."""
    usual = CHECKPOINTS[name]
    identity = (usual.source, "")
    return facts(name, "whisper", usual.source, identity, usual.layers, usual.width, MELS, WINDOW_S)


def facts(
    name: str,
    family: str,
    source: str,
    identity: tuple[str, str],
    n_layers: int,
    width: int,
    mels: int,
    window_s: float,
) -> Backbone:
    """Return what is the same for every Whisper, whoever's code runs it."""
    return Backbone(
        name=name,
        family=family,
        source=source,
        checkpoint=identity[0],
        revision=identity[1],
        input="audio",
        n_layers=n_layers,
        width=width,
        frame_shift_s=FRAME / RATE_HZ,
        rate_hz=RATE_HZ,
        default_layers="last",
        preprocessing={
            "rate_hz": RATE_HZ,
            "resampler": f"soxr {RESAMPLER}",
            "mels": mels,
            "window_s": window_s,
            "length": "true",
        },
        least_s=window_s,
        variants=("like",),
    )


def load(backbone: Backbone, layers: tuple[int, ...], device: str) -> "WhisperEncoder":
    """Read the weights of the encoder.

    Raises:
        CheckpointError: they cannot be read.
    """
    encoder = whisper_files.read_model(backbone.source, device).encoder
    encoder.positional_embedding = encoder.positional_embedding[: frames_of(backbone)]
    return WhisperEncoder(partial(states, encoder), backbone, layers, device)


def frames_of(backbone: Backbone) -> int:
    """Return the frames of a window."""
    window_s: float = backbone.preprocessing["window_s"]
    return round(window_s * RATE_HZ) // FRAME


def states(
    encoder: Any, mel: Tensor, layers: Sequence[int], frames: int | None = None
) -> list[Tensor]:
    """Return states of an openai-whisper encoder, as `States`; nothing else is computed."""
    x = gelu(encoder.conv2(gelu(encoder.conv1(mel)))).permute(0, 2, 1)
    x = _whole(x, len(encoder.positional_embedding)) + encoder.positional_embedding
    found, last = {0: x}, max(layers)
    for number, block in enumerate(encoder.blocks[:last], 1):
        x = block(x) if number < last else _first(block, x, frames)
        if number in layers:
            found[number] = x
    if last == len(encoder.blocks):
        found[last] = encoder.ln_post(x)
    return [found[layer][:, :frames] for layer in layers]


def _whole(x: Tensor, frames: int) -> Tensor:
    """Put the silence that was spared back before the window's last frame (B, T, D)."""
    silence = x[:, -2:-1].expand(-1, frames - x.shape[1], -1)
    return torch.cat([x[:, :-1], silence, x[:, -1:]], 1)


def _first(block: Any, x: Tensor, frames: int | None) -> Tensor:
    """Return what a block makes of the first frames, which hear all the others."""
    normed = block.attn_ln(x)
    x = x[:, :frames] + block.attn(normed[:, :frames], normed)[0]
    made: Tensor = x + block.mlp(block.mlp_ln(x))
    return made


@dataclass(frozen=True)
class Windows:
    """One utterance as Whisper hears it.

    Attributes:
        mels: spectrograms (mels, mel frames), ended early where nothing but silence follows: all
            its frames are as the last one.
        lengths: the frames that are true of each.
        mel_frames: of a whole window.
        language: the code of what the corpus says is spoken.
    """

    mels: list[Tensor]
    lengths: list[int]
    mel_frames: int
    language: str | None = None

    @property
    def whole(self) -> Tensor:
        """The spectrograms with all their silence, (windows, mels, mel frames)."""
        return stacked(self.mels, self.mel_frames)


def stacked(mels: Sequence[Tensor], mel_frames: int) -> Tensor:
    """Put silence behind spectrograms until all are that long, (windows, mels, mel frames)."""
    return torch.stack([_lengthened(mel, mel_frames) for mel in mels])


def _lengthened(mel: Tensor, mel_frames: int) -> Tensor:
    return torch.cat([mel, mel[:, -1:].expand(-1, mel_frames - mel.shape[1])], 1)


def windows_of(wave: Wave, window: int, mels: int) -> Windows:
    """Cut samples into windows that follow each other, the last padded with silence.

    Args:
        wave: samples (S,) at 16 kHz.
        window: samples in a window, 30 s for every official model.
        mels: width of the spectrogram.
    """
    pieces = [wave[at : at + window] for at in range(0, len(wave), window)]
    return Windows(
        mels=[_mel(piece, window, mels) for piece in pieces],
        lengths=[math.ceil(len(piece) / FRAME) for piece in pieces],
        mel_frames=window // MEL_HOP,
    )


def _mel(piece: Wave, window: int, mels: int) -> Tensor:
    """Return the spectrogram (mels, mel frames) of a piece padded with silence to a window.

    Of the silence there is only the start: all its frames are alike, and most clips are short.
    """
    from whisper import log_mel_spectrogram

    near = np.pad(piece, (0, min(SILENCE, window - len(piece))))
    mel: Tensor = log_mel_spectrogram(torch.from_numpy(near), mels)
    frames = 2 * math.ceil((mel.shape[1] + EDGE) / 2)  # the second convolution takes two at a time
    return _lengthened(mel, min(frames, window // MEL_HOP))


class WhisperEncoder:
    """Whisper's encoder on windows of fixed length, padded with silence and cut afterwards.

    Whisper takes 30 s; a shorter `window_s` uses the first of its positions. The frames of the
    padding are cut off (and kept only in the mode `medusa-published`): S samples give ceil(S / 320)
    frames. Longer recordings are encoded in windows that follow each other.

    Args:
        states: runs the weights, as `States` says.
        backbone: whose weights `states` runs.
        layers: to return, as in `docs/contracts.md`.
        device: of `states`.
    """

    batch_invariant = True

    def __init__(
        self,
        states: States,
        backbone: Backbone,
        layers: tuple[int, ...],
        device: str,
    ) -> None:
        self.states, self.layers, self.device = states, layers, device
        self.mels: int = backbone.preprocessing["mels"]
        self.window = frames_of(backbone) * FRAME
        # the published code keeps what Whisper says of the silence behind a clip
        self.padding_too = backbone.preprocessing.get("like") == "medusa-published"

    def prepare(self, source: Wave) -> Windows:
        return windows_of(source, self.window, self.mels)

    @torch.inference_mode()
    def encode(self, items: Sequence[Windows]) -> list[Encoded]:
        cut = [mel for item in items for mel in item.mels]
        mels = stacked(cut, max(mel.shape[1] for mel in cut)).to(self.device)
        frames = None if self.padding_too else max(max(item.lengths) for item in items)
        windows = iter(torch.stack(list(self.states(mels, self.layers, frames)), 1))
        return [
            Encoded(torch.cat([self._true(next(windows), length) for length in item.lengths], 1))
            for item in items
        ]

    def _true(self, values: Tensor, length: int) -> Tensor:
        return values if self.padding_too else values[:, :length]
