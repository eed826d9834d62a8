"""A backbone's decoder is checked before the weights are read."""

from medusa.errors import MedusaError
from medusa.extract.backbones.whisper import frames_of
from medusa.extract.checkpoints import whisper_files
from medusa.extract.encoders import Backbone
from medusa.extract.transcription.decoder import spoken


def require_decoder(backbone: Backbone) -> None:
    """Raise an error if a backbone cannot transcribe."""
    if backbone.family != "whisper":
        raise MedusaError(
            f"--transcribe: {backbone.name} has no decoder of openai-whisper; "
            "run `medusa transcribe` by itself"
        )


def decoder_of(backbone: Backbone, language: str | None) -> whisper_files.WhisperFile:
    """Return the file of a backbone whose decoder can transcribe in this language.

    Args:
        backbone: the backbone.
        language: the code of a language; None to detect it.

    Raises:
        MedusaError: the backbone is not openai-whisper's, has a shorter window, or does not
            support the language.
    """
    require_decoder(backbone)
    file = whisper_files.find(backbone.source)
    if frames_of(backbone) < whisper_files.read_dims(file.path)["n_audio_ctx"]:
        raise MedusaError(
            "--transcribe: the decoder needs the whole window; leave window_s out, or run "
            "`medusa transcribe` by itself"
        )
    spoken(whisper_files.is_multilingual(file.path), language)
    return file
