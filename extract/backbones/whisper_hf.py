"""Hugging Face's Whisper encoder, for `--backbone auto`; the features are those of `whisper`."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import Parameter

from medusa.extract.backbones.whisper import (
    FRAME,
    MEL_HOP,
    RATE_HZ,
    WhisperEncoder,
    facts,
    frames_of,
    stacked,
)
from medusa.extract.checkpoints.hugging_face import CheckpointRef, find, load_model
from medusa.extract.encoders.encoder import Backbone, Checkpoint

CHECKPOINTS: dict[str, Checkpoint] = {}  # only `auto` describes these checkpoints
INPUT, ON_HUB = "audio", True


def describe(name: str, checkpoint: str, revision: str | None) -> Backbone:
    """Return the facts of a checkpoint from its configuration.

    Raises:
        CheckpointError: the checkpoint cannot be found.
    """
    ref = find(checkpoint, revision)
    return describe_config(name, ref, ref.config())


def describe_config(name: str, ref: CheckpointRef, config: Any) -> Backbone:
    """Return the facts of a checkpoint whose configuration is known."""
    return facts(
        name,
        family="whisper_hf",
        source=ref.source,
        identity=(ref.name, ref.revision),
        n_layers=config.encoder_layers,
        width=config.d_model,
        mels=config.num_mel_bins,
        window_s=config.max_source_positions * FRAME / RATE_HZ,
    )


def load(backbone: Backbone, layers: tuple[int, ...], device: str) -> WhisperEncoder:
    """Read the weights.

    Raises:
        CheckpointError: the weights cannot be read, or are incomplete.
    """
    encoder, frames = load_model(backbone, device).get_encoder(), frames_of(backbone)
    positions = encoder.embed_positions
    positions.weight, positions.num_embeddings = Parameter(positions.weight[:frames], False), frames
    encoder.config.max_source_positions = frames
    mel_frames = frames * FRAME // MEL_HOP

    def states(mel: Tensor, layers: Sequence[int], kept: int | None) -> list[Tensor]:
        output = encoder(stacked(list(mel), mel_frames), output_hidden_states=True)
        hidden_states = [*output.hidden_states[:-1], output.last_hidden_state]
        return [hidden_states[layer][:, :kept] for layer in layers]

    return WhisperEncoder(states, backbone, layers, device)
