"""The command `medusa transcribe`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.options import (
    device_option,
    force_option,
    json_option,
    only_splits,
    set_option,
    settings_of,
)

if TYPE_CHECKING:
    from medusa.extract.transcription.transcribe import TranscriptionResult
    from medusa.workspace import Workspace

TRANSCRIBED = ("table", "utterances", "hours", "x_real_time", "flags")
FURTHER = """max_tokens=N (the longest text of 30 s of speech; 224), prompt=TEXT (names, spelling,
style), beam=N (search with N hypotheses, 30 s at a time), words=true (keep each word's start, end
and probability; this decodes everything twice), batch_seconds=S, precision=bf16 (several times
faster on a CPU with AMX; see docs/extraction-speed.md), on=ray, workers=N."""


@click.command()
@click.option(
    "--model",
    metavar="NAME_OR_PATH",
    help="A model of openai-whisper, or a file of its kind.  [default: the checkpoint of whisper "
    "in medusa.yaml, else large-v3]",
)
@click.option(
    "--language",
    metavar="CODE",
    help="The spoken language (en, de, ...).  [default: detected for each utterance]",
)
@click.option("--name", metavar="NAME", help="The table's name.  [default: the model's]")
@click.option(
    "--flagged",
    type=click.Choice(["keep", "empty", "retry", "drop"]),
    default="keep",
    show_default=True,
    help="The treatment of flagged texts. keep stores them; empty removes the text of likely "
    "hallucinations (looping, no-speech, too-fast, language); retry decodes again at rising "
    "temperatures, with a seed from the audio; drop stores no likely hallucinations.",
)
@click.option(
    "--show",
    "flag",
    metavar="FLAG",
    help="Transcribe nothing; list the stored transcripts that have this flag, such as looping, or "
    "any flag: all.",
)
@device_option()
@only_splits
@set_option(FURTHER)
@force_option("Remove the table and transcribe everything again.")
@json_option()
@click.pass_obj
def transcribe(
    root: Path,
    /,
    model: str | None,
    splits: str | None,
    overrides: tuple[str, ...],
    flag: str | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Turn speech into text with Whisper, once, into transcripts/NAME.parquet.

    Utterances that have a transcript are skipped: an interrupted transcription continues where
    it stopped. Transcripts that may be wrong are flagged: empty, looping (repeated words),
    low-confidence, no-speech, too-fast, and language (the detected language differs from the
    language that --language or the manifest names). If the manifest has texts of its own and
    jiwer is installed (medusa-ser[wer]), the word error rate against them is printed.
    """
    from medusa.workspace import Workspace

    workspace = Workspace.open(root)
    workspace.require_manifest()
    if flag is not None:
        return _show_flagged(workspace, flag, choices["name"], as_json)
    from medusa.console import say, show_rows

    say("loading the libraries and Whisper")  # This takes seconds, or minutes on a busy machine.
    from medusa.extract.passes.worker import raise_failures
    from medusa.extract.transcription.transcribe import transcribe as fill
    from medusa.extract.transcription.transcription_options import (
        FurtherTranscriptionOptions,
        TranscriptionOptions,
    )
    from medusa.extract.transcription.word_errors import table_word_errors
    from medusa.manifests import Manifest
    from medusa.strict import parts_of

    further = settings_of(FurtherTranscriptionOptions, overrides)
    options = TranscriptionOptions(**choices, **further, splits=parts_of(splits or ""))
    result = fill(workspace, model, options, allow_failures=True)
    row = _row(result)
    wer = table_word_errors(Manifest.read(workspace.manifest), result.table)
    if wer is not None:
        row["word_error_rate"] = wer
        say(f"word error rate against the manifest's own texts: {wer:.1%}")
    if result.outcome.flags and not as_json:
        say(f"see them: medusa transcribe --show {next(iter(result.outcome.flags))}")
        say("treat them: medusa transcribe --flagged retry --force")
    show_rows([row] if result.outcome.elapsed_s or as_json else [], TRANSCRIBED, as_json)
    raise_failures("transcript", result.outcome.problems)


def _show_flagged(workspace: "Workspace", flag: str, name: str | None, as_json: bool) -> None:
    """Print the transcripts of one table that carry a flag."""
    from medusa.console import say, show_rows
    from medusa.extract.transcription.flagged import flagged_transcripts

    rows = flagged_transcripts(workspace, flag, name)
    show_rows(rows, ("id", "flags", "language", "text"), as_json)
    if not rows:
        say(f"no transcript has the flag {flag}")


def _row(result: "TranscriptionResult") -> dict[str, Any]:
    """Return the result as JSON values."""
    outcome = result.outcome
    return {
        "table": result.table.name,
        "utterances": outcome.utterances,
        "hours": outcome.seconds / 3600,
        "seconds": outcome.elapsed_s,
        "x_real_time": outcome.speed,
        "flags": dict(outcome.flags),
        "failed": len(outcome.problems),
    }
