"""`medusa extract --transcribe` computes Whisper's features and transcripts in one pass."""

from collections.abc import Sequence

from medusa.console import say
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.passes.run_pass import run_pass
from medusa.extract.planning import ExtractionJob
from medusa.extract.transcription.decoder import language_code
from medusa.extract.transcription.joint_worker import JointWorker
from medusa.extract.transcription.sink import TranscriptSink
from medusa.extract.transcription.transcription_options import TranscriptionOptions
from medusa.extract.transcription.whisper_decoder import decoder_of, require_decoder
from medusa.workspace import Workspace, remove

MEND = "move it away, or leave --transcribe out and run `medusa transcribe --name NAME`"


def fill_stores_and_tables(
    jobs: Sequence[ExtractionJob], workspace: Workspace, options: ExtractionOptions, device: str
) -> list[JointWorker]:
    """Fill each store of Whisper and its table of transcripts, each in a pass of its own.

    Returns:
        The workers, with the outcomes of both results.

    Raises:
        MedusaError: a backbone cannot transcribe, a table belongs to another model, or a pass
            fails. Stored features are only removed after all checks have passed.
    """
    for job in jobs:
        require_decoder(job.backbone)
    workers = [_worker(job, workspace, options, device) for job in jobs]
    for worker in workers:
        if options.force:
            remove(worker.job.store)
        run_pass([worker], device, options.batch_seconds)
        transcripts, table = worker.sink.outcome, worker.sink.table.path
        flags = ", ".join(f"{count} {flag}" for flag, count in transcripts.flags.items()) or "none"
        if worker.outcome.elapsed_s:
            say(f"{table}: {transcripts.utterances} new transcripts; flags: {flags}")
    return workers


def _worker(
    job: ExtractionJob, workspace: Workspace, options: ExtractionOptions, device: str
) -> JointWorker:
    """Return a worker, after checks of its decoder, the language and the table on the disk."""
    language = language_code(options.language)
    file = decoder_of(job.backbone, language)
    decoding = TranscriptionOptions(language=language)
    sink = TranscriptSink.open(workspace.transcripts, file, decoding, job.utterances, mend=MEND)
    return JointWorker(job, device, options.non_finite, sink)
