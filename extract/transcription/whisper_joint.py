"""Whisper in one pass: the encoder runs once for the features and for the transcript."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medusa.cache import StoreWriter
from medusa.console import Advance, progress
from medusa.errors import MedusaError
from medusa.extract.backbones.whisper import RATE_HZ
from medusa.extract.inputs import Utterance
from medusa.extract.passes.single_pass import Outcome, provenance, store
from medusa.extract.passes.stream import device_batches, sentence, stream
from medusa.extract.planning import ExtractionJob, check_room
from medusa.extract.transcription.decoder import in_language
from medusa.extract.transcription.encoder_decoder import (
    JointResult,
    WhisperEncoderDecoder,
    checked_file,
)
from medusa.extract.transcription.table import TranscriptTable
from medusa.extract.transcription.transcribe import WRITE_EVERY_S, TranscriptionResult
from medusa.workspace import remove

MEND = "move it away, or leave --transcribe out and run `medusa transcribe --name NAME`"


def extract_and_transcribe(
    job: ExtractionJob,
    folder: Path,
    device: str,
    batch_seconds: float | None,
    non_finite: str = "refuse",
    language: str | None = None,
    max_tokens: int | None = None,
    force: bool = False,
) -> tuple[Outcome, TranscriptionResult]:
    """Fill a feature store and a table of transcripts with what either of them lacks.

    Args:
        job: a job of the backbone `whisper`.
        folder: the folder of the tables of transcripts.
        device, non_finite: as `extract` takes them.
        batch_seconds: as `transcribe` takes it.
        language, max_tokens: as `transcribe` takes them.
        force: remove the stored features, after all checks have passed.

    Raises:
        MedusaError: as `extract` and `transcribe` do.
    """
    file, language = checked_file(job.backbone, language)
    options = {"language": language, "max_tokens": max_tokens}
    options |= dict.fromkeys(("prompt", "beam", "flagged", "words"))
    made_by = {"checkpoint": file.checkpoint, "revision": file.revision}
    result = TranscriptionResult(folder / f"{file.name}.parquet")
    table = TranscriptTable(result.table, made_by | options, mend=MEND)
    if force:
        remove(job.store)
    outcome = Outcome()
    made = provenance(device, job.backbone.source)
    with StoreWriter(job.store, job.spec, made, non_finite) as writer:
        wanted = {one.content: one for one in job.utterances}
        absent = set(writer.missing(wanted))
        todo = [one for key, one in wanted.items() if key in absent or key not in table.rows]
        if todo:
            check_room((job, [one for one in todo if one.content in absent]))
            model = WhisperEncoderDecoder(job, device, outcome.timer, language, max_tokens)
            sinks = Sinks(writer, absent, table, job.utterances, outcome, result)
            done = len(wanted) - len(todo)
            plan = device_batches(todo, device, batch_seconds, job.backbone.least_s)
            try:
                with progress(job.spec.backbone, len(wanted), done=done) as advance:
                    _fill(sinks, model, plan, advance)
            finally:
                table.write(job.utterances)
        else:
            table.write(job.utterances)  # ids may be new where the audio is not
    outcome.clock()
    return outcome, result


@dataclass(frozen=True)
class Sinks:
    """The store and the table that one pass fills, and the outcome of each.

    Attributes:
        writer, absent: the store, and the contents that it lacks.
        table, utterances: the table, and all utterances that it should hold.
        outcome, result: how much was added to the store and to the table.
    """

    writer: StoreWriter
    absent: set[str]
    table: TranscriptTable
    utterances: Sequence[Utterance]
    outcome: Outcome
    result: TranscriptionResult

    def add(self, utterance: Utterance, joint: JointResult | MedusaError) -> None:
        """Keep the features and the transcript of an utterance, or note why there are none."""
        if isinstance(joint, MedusaError):
            self.outcome.problems.append(sentence(utterance, joint))
            return
        if utterance.content in self.absent:
            problem = store(self.writer, utterance, joint.encoded, self.outcome)
            if problem:
                self.outcome.problems.append(sentence(utterance, problem))
        if isinstance(joint.transcript, MedusaError):
            self.result.problems.append(sentence(utterance, joint.transcript))
            return
        self.table.add(utterance.content, joint.transcript)
        self.result.count(utterance, joint.transcript)


def _fill(
    sinks: Sinks,
    model: WhisperEncoderDecoder,
    plan: Iterable[Sequence[Utterance]],
    advance: Advance,
) -> None:
    outcome, result = sinks.outcome, sinks.result
    outcome.clock()
    written = time.monotonic()
    for batch in stream(plan, model.prepare, model.encode_batch, RATE_HZ, attach=in_language):
        for utterance, joint in batch:
            sinks.add(utterance, joint)
        outcome.clock()
        result.elapsed_s = outcome.elapsed_s
        advance(len(batch), result.speed)
        if time.monotonic() - written > WRITE_EVERY_S:
            sinks.table.write(sinks.utterances)
            written = time.monotonic()
