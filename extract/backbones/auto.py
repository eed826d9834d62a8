"""The backbone `auto` takes any checkpoint; the configuration determines the family."""

from pathlib import Path

from medusa.errors import CheckpointError
from medusa.extract.backbones import ssl, text, whisper, whisper_hf
from medusa.extract.checkpoints.hugging_face import find
from medusa.extract.encoders.encoder import Backbone, BackboneEncoder, Checkpoint

CHECKPOINTS = {"auto": Checkpoint("")}
INPUT, ON_HUB = "", True


def describe(name: str, checkpoint: str, revision: str | None) -> Backbone:
    """Return the facts, described by the family of the checkpoint.

    Raises:
        CheckpointError: the checkpoint cannot be found, or belongs to no known family.
    """
    if Path(checkpoint).is_file():
        return whisper.describe(name, checkpoint, revision)
    ref = find(checkpoint, revision)
    config = ref.config()
    if config.model_type == "whisper":
        return whisper_hf.describe_config(name, ref, config)
    if ssl.reads_samples(config):
        return ssl.describe_config(name, ref, config)
    if text.reads_tokens(config):
        return text.describe_config(name, ref, config)
    raise CheckpointError(
        f"{checkpoint}: {config.model_type} is neither an encoder of samples (wavlm, hubert, "
        "wav2vec2, data2vec-audio, ...) nor an encoder of text (roberta, modernbert, bert, ...) "
        "nor Whisper; name another --checkpoint"
    )


def load(backbone: Backbone, layers: tuple[int, ...], device: str) -> BackboneEncoder:
    """Raise an error: `describe` names another family, and that family loads the weights."""
    raise CheckpointError(f"{backbone.source}: no family describes this checkpoint")
