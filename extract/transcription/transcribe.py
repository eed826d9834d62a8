"""The function behind `medusa transcribe` turns speech into text."""

from dataclasses import dataclass
from pathlib import Path

from medusa.console import say
from medusa.extract.encoders import pick_device
from medusa.extract.inputs import audio_utterances
from medusa.extract.passes.worker import Outcome, raise_failures
from medusa.extract.transcription.fill_table import fill_table
from medusa.extract.transcription.transcript_worker import TranscriptWorker
from medusa.extract.transcription.transcription_options import TranscriptionOptions
from medusa.manifests import Manifest
from medusa.workspace import Workspace

USUAL_MODEL = "large-v3"


@dataclass(frozen=True)
class TranscriptionResult:
    """A table of transcripts, the amount that was added, and the utterances that failed."""

    table: Path
    outcome: Outcome


def transcribe(
    workspace: Workspace,
    model: str | None = None,
    options: TranscriptionOptions | None = None,
    *,
    allow_failures: bool = False,
) -> TranscriptionResult:
    """Transcribe every utterance that `transcripts/NAME.parquet` lacks.

    Args:
        workspace: a workspace with a manifest.
        model: a name of openai-whisper, or the path of a checkpoint. By default, it is the
            checkpoint that `medusa.yaml` names for whisper, or else `large-v3`.
        options: the choices of the decoding, of the device and of the utterances.
        allow_failures: return even if some utterances have no transcript; `outcome.problems`
            names them.

    Raises:
        MedusaError: the model cannot be loaded, the table belongs to another model, or (after all
            others were transcribed) some utterances have no transcript.
    """
    options = options or TranscriptionOptions()
    model = model or workspace.checkpoint("whisper") or USUAL_MODEL
    corpus = Manifest.read(workspace.manifest)
    if options.splits:
        corpus = corpus.split(*options.splits)
    utterances = audio_utterances(corpus)
    pick_device(options.device)
    worker = TranscriptWorker(model, options, utterances, workspace.transcripts)
    outcome = fill_table(worker)
    if not outcome.elapsed_s:
        say(f"{worker.output}: it has all {len(utterances)} utterances; there is nothing to do")
    if not allow_failures:
        raise_failures("transcript", outcome.problems)
    return TranscriptionResult(worker.output, outcome)
