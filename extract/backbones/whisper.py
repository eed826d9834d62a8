"""The encoder of openai-whisper; its frames are cut to the true length of the clip."""

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
MELS, WINDOW_S = 128, 30.0  # the sizes of large-v3
RATE_HZ = 16_000
FRAME = 320  # the samples of one frame of the encoder: two mel frames of 10 ms
MEL_HOP = FRAME // 2
SILENCE = 1200  # samples: three windows of the transform, so that the last mel frame is silent
EDGE = 5  # mel frames of silence; the two convolutions see silence and the window's end apart

States = Callable[[Tensor, Sequence[int], int | None], Sequence[Tensor]]
"""The type of a function that runs an encoder. Its arguments are mel spectrograms (B, mels, mel
frames), shortened like `Windows.mels`; the layers; and a number of frames T. It returns the states
(B, T, D) of these layers: the first T frames, or the whole window if T is None. The state of the
last layer includes the final norm."""


def describe(name: str, checkpoint: str, revision: str | None) -> Backbone:
    """Return the facts of an official model or a `{dims, model_state_dict}` file.

    Raises:
        CheckpointError: the file cannot be found, is of another kind, or a revision is given.
    """
    if revision:
        raise CheckpointError(
            f"revision {revision}: openai-whisper has no revisions; leave revision out"
        )
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
    """Return the facts of a Whisper encoder, which are the same in both libraries."""
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
        default_layers="middle",
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
        CheckpointError: the weights cannot be read.
    """
    encoder = whisper_files.read_model(backbone.source, device).encoder
    encoder.positional_embedding = encoder.positional_embedding[: frames_of(backbone)]
    return WhisperEncoder(partial(states, encoder), backbone, layers, device)


def frames_of(backbone: Backbone) -> int:
    """Return the number of frames of a window."""
    window_s: float = backbone.preprocessing["window_s"]
    return round(window_s * RATE_HZ) // FRAME


def states(
    encoder: Any, mel: Tensor, layers: Sequence[int], frames: int | None = None
) -> list[Tensor]:
    """Run an openai-whisper encoder as `States` describes, up to the last of the layers."""
    x = gelu(encoder.conv2(gelu(encoder.conv1(mel)))).permute(0, 2, 1)
    x = _whole(x, len(encoder.positional_embedding)) + encoder.positional_embedding
    states_by_layer, last_layer = {0: x}, max(layers)
    for number, block in enumerate(encoder.blocks[:last_layer], 1):
        x = block(x) if number < last_layer else _first(block, x, frames)
        if number in layers:
            states_by_layer[number] = x
    if last_layer == len(encoder.blocks):
        states_by_layer[last_layer] = encoder.ln_post(x)
    return [states_by_layer[layer][:, :frames] for layer in layers]


def _whole(x: Tensor, frames: int) -> Tensor:
    """Insert the silence that the spectrogram lacks before the window's last frame: (B, T, D)."""
    silence = x[:, -2:-1].expand(-1, frames - x.shape[1], -1)
    return torch.cat([x[:, :-1], silence, x[:, -1:]], 1)


def _first(block: Any, x: Tensor, frames: int | None) -> Tensor:
    """Return a block's output for the first frames only; they attend to all frames."""
    normed = block.attn_ln(x)
    x = x[:, :frames] + block.attn(normed[:, :frames], normed)[0]
    output: Tensor = x + block.mlp(block.mlp_ln(x))
    return output


@dataclass(frozen=True)
class Windows:
    """The spectrograms of one utterance, cut into windows.

    Attributes:
        mels: a spectrogram (mels, mel frames) for each window. If only silence follows, it is
            shortened: the missing frames equal its last one.
        lengths: the number of frames in each window that belong to the clip.
        mel_frames: the mel frames of a whole window.
        language: the code of the language that the manifest names.
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
    """Append silence to spectrograms, and stack them: (windows, mels, mel frames)."""
    return torch.stack([_lengthened(mel, mel_frames) for mel in mels])


def _lengthened(mel: Tensor, mel_frames: int) -> Tensor:
    """Repeat the last frame of a spectrogram until it has so many frames: (mels, mel frames)."""
    return torch.cat([mel, mel[:, -1:].expand(-1, mel_frames - mel.shape[1])], 1)


def windows_of(wave: Wave, window: int, mels: int) -> Windows:
    """Cut samples into consecutive windows; the last one is padded with silence.

    Args:
        wave: the samples (S,) at 16 kHz.
        window: the samples in a window, 30 s for every official model.
        mels: the width of the spectrogram.
    """
    pieces = [wave[at : at + window] for at in range(0, len(wave), window)]
    return Windows(
        mels=[_mel(piece, window, mels) for piece in pieces],
        lengths=[math.ceil(len(piece) / FRAME) for piece in pieces],
        mel_frames=window // MEL_HOP,
    )


def _mel(piece: Wave, window: int, mels: int) -> Tensor:
    """Return the spectrogram (mels, mel frames) of a piece that is padded with silence to a window.

    Only the start of the silence is computed, because all its frames are equal.
    """
    from whisper import log_mel_spectrogram

    padded = np.pad(piece, (0, min(SILENCE, window - len(piece))))
    mel: Tensor = log_mel_spectrogram(torch.from_numpy(padded), mels)
    frames = 2 * math.ceil((mel.shape[1] + EDGE) / 2)  # the second convolution has a stride of two
    return _lengthened(mel, min(frames, window // MEL_HOP))


class WhisperEncoder:
    """Whisper's encoder on windows of fixed length, which are padded with silence.

    Whisper's window is 30 s; a shorter `window_s` uses the first of its positions. The frames of
    the padding are cut off, except in the mode `medusa-published`: S samples become ceil(S / 320)
    frames. Longer recordings are encoded in consecutive windows.

    The published code itself calls encoder and decoder without tokens, which transformers 5
    refuses. The mode has the encoder's states, which the paper names.

    Args:
        states: a function that runs the encoder, as `States` describes.
        backbone: the facts of the encoder.
        layers: the layers to return, as in `docs/contracts.md`.
        device: the device of the weights.
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
        # The published code keeps the frames of the silence behind a clip.
        self.padding_too = backbone.preprocessing.get("like") == "medusa-published"

    def prepare(self, source: Wave) -> Windows:
        return windows_of(source, self.window, self.mels)

    @torch.inference_mode()
    def encode(self, items: Sequence[Windows]) -> list[Encoded]:
        window_mels = [mel for item in items for mel in item.mels]
        mels = stacked(window_mels, max(mel.shape[1] for mel in window_mels)).to(self.device)
        frames = None if self.padding_too else max(max(item.lengths) for item in items)
        windows = iter(torch.stack(list(self.states(mels, self.layers, frames)), 1))
        return [
            Encoded(torch.cat([self._true(next(windows), length) for length in item.lengths], 1))
            for item in items
        ]

    def _true(self, values: Tensor, length: int) -> Tensor:
        """Return the frames (K, T, D) of a window that are kept."""
        return values if self.padding_too else values[:, :length]
