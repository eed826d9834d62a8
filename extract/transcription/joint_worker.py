"""Whisper's encoder and decoder are one worker, which encodes an utterance once for both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from medusa.errors import MedusaError
from medusa.extract.backbones.whisper import WhisperEncoder, Windows, states
from medusa.extract.checkpoints import whisper_files
from medusa.extract.encoders import Encoded, EncoderRunner, default_batch_seconds
from medusa.extract.inputs import Utterance
from medusa.extract.passes.feature_worker import FeatureSink, FeatureWorker
from medusa.extract.planning import ExtractionJob
from medusa.extract.transcription.decoder import (
    Transcriber,
    Transcript,
    in_language,
)
from medusa.extract.transcription.sink import TranscriptSink


@dataclass(frozen=True)
class JointResult:
    """The features and the transcript of one utterance."""

    encoded: Encoded
    transcript: Transcript | MedusaError


class JointWorker(FeatureWorker):
    """openai-whisper, the feature store of its encoder, and the table of its decoder.

    Args:
        job: a job of the backbone `whisper`.
        device, non_finite: the arguments of `FeatureWorker`.
        sink: the table of the transcripts, with the options of the decoding.
        features: the argument of `FeatureWorker`.
    """

    def __init__(
        self,
        job: ExtractionJob,
        device: str,
        non_finite: str,
        sink: TranscriptSink,
        features: FeatureSink | None = None,
    ) -> None:
        super().__init__(job, device, non_finite, features)
        self.sink = sink
        self.final_states: list[torch.Tensor] = []  # the encoder's output, which the decoder needs

    def close(self) -> None:
        self.sink.close()
        super().close()

    def missing(self) -> set[str]:
        self.absent = super().missing()
        return self.absent | self.sink.missing()

    def bytes_of(self, utterances: Sequence[Utterance]) -> float:
        return super().bytes_of([one for one in utterances if one.content in self.absent])

    def _runner(self, device: str) -> EncoderRunner:
        """Read the weights of the encoder and of the decoder."""
        backbone, spec = self.job.backbone, self.job.spec
        self.model = whisper_files.read_model(backbone.source, device)
        options = self.sink.options
        self.decoder = Transcriber(self.model, options.language, options.max_tokens, device)
        encoder = WhisperEncoder(self._states, backbone, spec.layers, device)
        return EncoderRunner(encoder, backbone, spec.reduce, device)

    def _states(
        self, mel: torch.Tensor, layers: Sequence[int], frames: int | None
    ) -> Sequence[torch.Tensor]:
        """Run the encoder as `States` describes, and keep the last states for the decoder."""
        encoder = self.model.encoder
        *kept, last = states(encoder, mel, (*layers, len(encoder.blocks)))
        self.final_states.append(last)
        return [one[:, :frames] for one in kept]

    def batch_seconds(self, todo: Sequence[Utterance], device: str) -> float:
        return default_batch_seconds(device, self.least_s)

    def concurrent(self, device: str, batches: int) -> int:
        return 1

    def prepare(self, utterance: Utterance, source: Any) -> Windows:
        return in_language(utterance, super().prepare(utterance, source))

    def encode(self, items: Sequence[Windows]) -> Sequence[Any]:
        self.final_states.clear()
        # The first item may be encoded twice, to check half precision.
        encoded = super().encode(items)
        with torch.inference_mode():
            transcripts = self.decoder.decode(self.final_states[0].float(), items)
        return [JointResult(one, text) for one, text in zip(encoded, transcripts, strict=True)]

    def keep(self, utterance: Utterance, result: Any) -> MedusaError | None:
        problem = self.sink.keep(utterance, result.transcript)
        if problem is not None:
            self.sink.outcome.problems.append(utterance.failure(problem))
        if utterance.content not in self.absent:
            return None
        return super().keep(utterance, result.encoded)

    def batch_done(self) -> None:
        super().batch_done()
        self.sink.batch_done()
