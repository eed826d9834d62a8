"""The Whisper model that transcribes for a model: its file, its options and its table."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from medusa.errors import CheckpointError, ConfigError, MedusaError
from medusa.extract.checkpoints.whisper_files import WhisperFile, find
from medusa.extract.transcription.sink import TranscriptSink
from medusa.extract.transcription.table import TranscriptTable, UnwrittenTable
from medusa.extract.transcription.transcript_worker import TranscriptWorker
from medusa.extract.transcription.transcription_options import TranscriptionOptions
from medusa.extract.transcription.whisper_decoder import decoder_of
from medusa.inference.parts import ModelParts, TextSource

DECODED = ("language", "max_tokens", "prompt", "beam", "precision")


def whisper_of(parts: ModelParts, chosen: str = "") -> WhisperFile:
    """Return the Whisper model that transcribes for a model.

    This is the model of the training, else the model whose encoder computes features.

    Args:
        parts: a model whose heads read texts.
        chosen: the name or the file of the Whisper model, in place of the recorded one.

    Raises:
        MedusaError: the model is unknown, cannot be found, or is not the model of the training.
    """
    text = parts.text or TextSource("")
    encoders = [one.source for one in parts.features if one.spec.family == "whisper"]
    name = chosen or text.whisper or text.checkpoint.removeprefix("openai-whisper/")
    if not chosen and name in ("", "local"):
        name = next(iter(encoders), "")
    if not name and text.revision:
        raise CheckpointError(
            f"{parts.card['name']}: expected the Whisper model of the training, found no place of "
            f"this local file (digest {text.revision}); name it with --set transcriber=PATH"
        )
    if not name:
        raise ConfigError(
            f"the model reads the texts of {text.name!r}, and no Whisper model is known that can "
            "transcribe; give the recordings a column `text`, or name a model with "
            "--set transcriber=NAME"
        )
    file = find(name)
    if text.revision and (file.checkpoint, file.revision) != (text.checkpoint, text.revision):
        raise MedusaError(
            f"{name}: expected the Whisper model of the training ({text.checkpoint} "
            f"{text.revision}), found {file.checkpoint} {file.revision}; name it with "
            "--set transcriber=PATH"
        )
    return file


def decoding(text: TextSource) -> TranscriptionOptions:
    """Return the options with which the texts of the training were decoded."""
    known = {name: text.options[name] for name in DECODED if text.options.get(name) is not None}
    return TranscriptionOptions(**known, flagged=text.options.get("flagged") or "keep")


class WhisperTexts:
    """The transcripts that a model's text backbones read, in memory or also in a table on disk.

    Args:
        parts: the model.
        chosen: the name or the file of the Whisper model, in place of the recorded one.

    Raises:
        MedusaError: the Whisper model cannot be found, or is not the model of the training.
    """

    def __init__(self, parts: ModelParts, chosen: str = "") -> None:
        self.file, text = whisper_of(parts, chosen), parts.text or TextSource("")
        self.options = decoding(text)
        self.name = self.file.name if text.is_given else text.name or self.file.name
        self.sink = TranscriptSink(self._table(None), (), self.options)

    def keep_in(self, folder: Path | None) -> None:
        """Write the next transcripts to a table in this folder, or keep them in memory alone."""
        self.sink.table = self._table(folder)

    def _table(self, folder: Path | None) -> TranscriptTable:
        if folder is None:
            return UnwrittenTable(Path(self.name), {}, force=True)
        named = replace(self.options, name=self.name)
        return TranscriptSink.open(folder, self.file, named, ()).table

    def worker(self) -> TranscriptWorker:
        """Return Whisper as a worker of its own, which fills the table."""
        return TranscriptWorker(self.file.source, self.options, (), Path(), self.sink)

    def is_joint(self, backbone: Any) -> bool:
        """Return whether one run of Whisper's encoder serves the features and the transcripts."""
        choices = self.options
        plain = TranscriptionOptions(language=choices.language, max_tokens=choices.max_tokens)
        identity = (self.file.checkpoint, self.file.revision)
        same = (backbone.checkpoint, backbone.revision) == identity
        if backbone.family != "whisper" or not same or choices.record() != plain.record():
            return False
        try:
            decoder_of(backbone, choices.language)
        except MedusaError:  # The window of the features is shorter than the decoder's.
            return False
        return True

    def __contains__(self, content: str) -> bool:
        return content in self.sink.table.rows

    def row(self, content: str) -> dict[str, Any]:
        """Return the transcript of an utterance, with its flags."""
        return self.sink.table.rows[content]

    def drop(self, contents: Iterable[str]) -> None:
        """Free the memory of transcripts that were read."""
        if isinstance(self.sink.table, UnwrittenTable):
            for content in contents:
                self.sink.table.rows.pop(content, None)
