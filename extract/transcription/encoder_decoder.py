"""Whisper's encoder and decoder as one model, which reads an utterance once for both results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from medusa.errors import MedusaError
from medusa.extract.backbones.whisper import WhisperEncoder, Windows, frames_of, states
from medusa.extract.checkpoints import whisper_files
from medusa.extract.encoders import (
    Backbone,
    ComputeTimer,
    Encoded,
    frames_averaged,
    reduce_and_offload,
    with_autocast,
)
from medusa.extract.planning import ExtractionJob
from medusa.extract.transcription.decoder import Transcriber, Transcript, language_code, spoken


@dataclass(frozen=True)
class JointResult:
    """The features and the transcript of one utterance."""

    encoded: Encoded
    transcript: Transcript | MedusaError


class WhisperEncoderDecoder:
    """openai-whisper's encoder, run once for its features and for its decoder.

    Args:
        job: a job of the backbone `whisper`.
        device: where the model runs.
        timer: the timer to which the encoder's time is added.
        language, max_tokens: as `Transcriber` takes them.
    """

    def __init__(
        self,
        job: ExtractionJob,
        device: str,
        timer: ComputeTimer,
        language: str | None,
        max_tokens: int | None,
    ) -> None:
        self.model = whisper_files.read_model(job.backbone.source, device)
        self.decoder = Transcriber(self.model, language, max_tokens, device)
        self.final_states: list[torch.Tensor] = []  # the encoder's output, which the decoder needs
        self.encoder = WhisperEncoder(self._states, job.backbone, job.spec.layers, device)
        encode = with_autocast(self.encoder.encode, job.backbone, device)
        frames = frames_averaged(job.backbone)
        self.encode_features = reduce_and_offload(encode, job.spec.reduce, device, timer, frames)

    def prepare(self, source: Any) -> Windows:
        return self.encoder.prepare(source)

    def _states(
        self, mel: torch.Tensor, layers: Sequence[int], frames: int | None
    ) -> Sequence[torch.Tensor]:
        encoder = self.model.encoder
        *kept, last = states(encoder, mel, (*layers, len(encoder.blocks)))
        self.final_states.append(last)
        return [one[:, :frames] for one in kept]

    def encode_batch(self, items: Sequence[Windows]) -> list[JointResult]:
        """Return the features and transcripts of prepared clips, in their order."""
        self.final_states.clear()
        # the first item may be encoded twice, to check half precision
        encoded = self.encode_features(items)
        with torch.inference_mode():
            transcripts = self.decoder.decode(self.final_states[0].float(), items)
        return [JointResult(one, text) for one, text in zip(encoded, transcripts, strict=True)]


def require_decoder(backbone: Backbone) -> None:
    """Raise if a backbone cannot transcribe.

    Raises:
        MedusaError: it is not openai-whisper's.
    """
    if backbone.family != "whisper":
        raise MedusaError(
            f"--transcribe: {backbone.name} has no decoder of openai-whisper; "
            "run `medusa transcribe` by itself"
        )


def checked_file(
    backbone: Backbone, language: str | None
) -> tuple[whisper_files.WhisperFile, str | None]:
    """Return the model's file and the code of the language, after all checks of the decoder.

    Raises:
        MedusaError: the backbone cannot transcribe, has a shorter window, or does not know
            the language.
    """
    require_decoder(backbone)
    file = whisper_files.find(backbone.source)
    if frames_of(backbone) < whisper_files.read_dims(file.path)["n_audio_ctx"]:
        raise MedusaError(
            "--transcribe: the decoder wants the whole window; leave --window-s out, or run "
            "`medusa transcribe` by itself"
        )
    code = language_code(language)
    spoken(whisper_files.is_multilingual(file.path), code)
    return file, code
