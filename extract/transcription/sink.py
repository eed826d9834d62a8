"""Transcripts of a pass are collected, counted and written to a table."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from medusa.errors import MedusaError
from medusa.extract.checkpoints.whisper_files import WhisperFile
from medusa.extract.inputs import Utterance
from medusa.extract.passes.worker import Outcome
from medusa.extract.transcription.decoder import Transcript
from medusa.extract.transcription.table import MEND, TranscriptTable, UnwrittenTable
from medusa.extract.transcription.transcription_options import TranscriptionOptions
from medusa.workspace import checked_name

WRITE_EVERY_S = 30.0  # a killed process loses at most the transcripts of this time


class TranscriptSink:
    """Collect transcripts one by one, and write the table every 30 seconds.

    Args:
        table: the table.
        utterances: all utterances that the table should contain.
        options: the choices of the decoding.
    """

    @classmethod
    def open(
        cls,
        folder: Path,
        file: WhisperFile,
        options: TranscriptionOptions,
        utterances: Sequence[Utterance],
        mend: str = MEND,
    ) -> Self:
        """Open the table of a model in a folder of tables.

        Raises:
            ConfigError: the name is not one word.
        DataError: the table was made by another model or with other options.
        """
        made_by = {"checkpoint": file.checkpoint, "revision": file.revision} | options.record()
        name = checked_name("--name", options.name) if options.name else file.name
        path = folder / f"{name}.parquet"
        table = TranscriptTable(path, made_by, options.force, mend, file.source)
        return cls(table, utterances, options)

    def __init__(
        self,
        table: TranscriptTable,
        utterances: Sequence[Utterance],
        options: TranscriptionOptions,
    ) -> None:
        self.table, self.utterances, self.options = table, utterances, options
        self.outcome = Outcome()
        self.written = time.monotonic()

    def in_memory(self, utterances: Sequence[Utterance] = ()) -> "TranscriptSink":
        """Return a receiver of the same kind, whose empty table stays in memory."""
        table = UnwrittenTable(self.table.path, self.table.made_by, force=True)
        return TranscriptSink(table, utterances, self.options)

    def missing(self) -> set[str]:
        """Return the contents of the utterances without a transcript."""
        return {one.content for one in self.utterances if one.content not in self.table.rows}

    def keep(
        self, utterance: Utterance, transcript: Transcript | MedusaError
    ) -> MedusaError | None:
        """Add a transcript to the table; return an error that came in its place."""
        if isinstance(transcript, MedusaError):
            return transcript
        self.table.add(utterance.content, transcript)
        self.outcome.utterances += 1
        self.outcome.seconds += utterance.seconds
        self.outcome.flags.update(transcript.flags)
        return None

    def batch_done(self) -> None:
        """Record the time after a batch, and write the table if a write is due."""
        self.outcome.clock()
        if time.monotonic() - self.written > WRITE_EVERY_S:
            self.close()

    def close(self) -> None:
        """Write the table, also without new transcripts, because there may be new ids."""
        self.table.write(self.utterances)
        self.written = time.monotonic()
