"""Whisper is the worker of a pass that fills a table of transcripts."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from medusa.errors import MedusaError
from medusa.extract.backbones.whisper import FRAME, RATE_HZ, Windows
from medusa.extract.checkpoints import whisper_files
from medusa.extract.encoders import default_batch_seconds
from medusa.extract.inputs import Utterance
from medusa.extract.transcription.decoder import (
    Transcriber,
    Transcript,
    in_language,
    language_code,
)
from medusa.extract.transcription.policy import POLICIES
from medusa.extract.transcription.sink import TranscriptSink
from medusa.extract.transcription.transcription_options import TranscriptionOptions


class TranscriptWorker:
    """Whisper with its decoder, and the table that it fills.

    Args:
        model: a name of openai-whisper, or the path of a checkpoint.
        options: the choices of the decoding.
        utterances: all utterances that the table should contain.
        folder: the folder of the tables.
        sink: the receiver of the transcripts; by default a table in the folder.

    Raises:
        MedusaError: the model cannot be found, Whisper does not support the language, or the table
            belongs to another model.
    """

    def __init__(
        self,
        model: str,
        options: TranscriptionOptions,
        utterances: Sequence[Utterance],
        folder: Path,
        sink: TranscriptSink | None = None,
    ) -> None:
        self.options = replace(options, language=language_code(options.language))
        self.file = file = whisper_files.find(model)
        sink = sink or TranscriptSink.open(folder, file, self.options, utterances)
        self.sink = sink
        self.utterances, self.output, self.outcome = utterances, sink.table.path, sink.outcome
        self.name = sink.table.path.stem
        self.rate_hz: int | None = RATE_HZ
        self.least_s = whisper_files.read_dims(file.path)["n_audio_ctx"] * FRAME / RATE_HZ
        self.reader: Any = None

    def in_memory(self) -> "TranscriptWorker":
        """Return a worker for another process, with the same model and a table in memory."""
        return TranscriptWorker(self.file.source, self.options, (), Path(), self.sink.in_memory())

    def begin(self, utterances: Sequence[Utterance]) -> None:
        """Forget the transcripts in memory, and set the utterances of the next pass."""
        self.sink = self.sink.in_memory(utterances)
        self.utterances, self.outcome = utterances, self.sink.outcome

    def open(self) -> None:
        """Do nothing: the table was opened, and its options compared, by the constructor."""

    def close(self) -> None:
        self.sink.close()

    def missing(self) -> set[str]:
        return self.sink.missing()

    def bytes_of(self, utterances: Sequence[Utterance]) -> float:
        return 0.0

    def load(self, device: str) -> None:
        if self.reader is not None:  # A further pass finds the weights in memory.
            return
        self.reader = self.transcriber(whisper_files.read_model(self.file.source, device), device)

    def transcriber(self, model: Any, device: str) -> Transcriber:
        """Return the decoder of a model, with the options of this worker."""
        choices = self.options
        return Transcriber(
            model,
            choices.language,
            choices.max_tokens,
            device,
            choices.prompt,
            choices.beam,
            choices.words,
            choices.precision == "bf16",
        )

    def unload(self) -> None:
        self.reader = None

    def batch_seconds(self, todo: Sequence[Utterance], device: str) -> float:
        return default_batch_seconds(device, self.least_s)

    def concurrent(self, device: str, batches: int) -> int:
        return 1

    def prepare(self, utterance: Utterance, source: Any) -> Windows:
        return in_language(utterance, self.reader.prepare(source))

    def encode(self, items: Sequence[Windows]) -> list[Transcript | MedusaError]:
        transcripts = self.reader.encode(items)
        return [self._decided(*pair) for pair in zip(items, transcripts, strict=True)]

    def _decided(
        self, item: Windows, transcript: Transcript | MedusaError
    ) -> Transcript | MedusaError:
        """Apply the policy to a flagged transcript."""
        if isinstance(transcript, MedusaError):
            return transcript
        return POLICIES[self.options.flagged](transcript, partial(self._sample, item))

    def _sample(self, item: Windows, temperature: float) -> Transcript:
        """Decode a clip at a temperature.

        Raises:
            MedusaError: the probabilities of the text are not numbers.
        """
        transcript: Transcript | MedusaError = self.reader.sample(item, temperature)
        if isinstance(transcript, MedusaError):
            raise transcript
        return transcript

    def keep(self, utterance: Utterance, result: Transcript) -> MedusaError | None:
        return self.sink.keep(utterance, result)

    def batch_done(self) -> None:
        self.sink.batch_done()
