"""`medusa transcribe`."""

from pathlib import Path
from typing import Any

import click

from medusa.extract.options import (
    batch_seconds,
    only_splits,
    refuse,
    show,
)
from medusa.options import device_option, force_option, json_option

TRANSCRIBED = ("table", "utterances", "hours", "x_real_time", "flags")


@click.command()
@click.option(
    "--model",
    default="large-v3",
    show_default=True,
    metavar="NAME_OR_PATH",
    help="A model of openai-whisper, or a file of its kind.",
)
@click.option(
    "--language",
    metavar="CODE",
    help="The spoken language (en, de, ...).  [default: detected, utterance by utterance]",
)
@click.option("--name", metavar="NAME", help="The table's name.  [default: the model's]")
@click.option(
    "--max-tokens",
    type=click.IntRange(min=1),
    help="The longest text of 30 s of speech.  [default: half the model's context, 224]",
)
@click.option("--prompt", metavar="TEXT", help="Text before the speech: names, spelling, style.")
@click.option(
    "--beam",
    type=click.IntRange(min=2),
    metavar="N",
    help="Search with N hypotheses, 30 s at a time.  [default: greedy, in batches]",
)
@click.option(
    "--flagged",
    type=click.Choice(["keep", "empty", "retry", "drop"]),
    default="keep",
    show_default=True,
    help="Flagged texts: keep them; empty the text of likely hallucinations (looping, no-speech, "
    "too-fast, language); retry at rising temperatures, seeded by the sound; or drop the "
    "hallucinations.",
)
@click.option(
    "--words",
    is_flag=True,
    help="Keep each word's start, end and probability in a column `words`; this decodes "
    "everything twice.",
)
@device_option()
@batch_seconds
@only_splits
@force_option("Throw the table away and start anew.")
@json_option()
@click.pass_obj
def transcribe(
    root: Path,
    /,
    model: str,
    splits: str | None,
    device: str,
    batch_seconds: float | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Turn speech into text with Whisper, once, into transcripts/NAME.parquet.

    Utterances that have a transcript are skipped: an interrupted run continues where it
    stopped. Transcripts that may be wrong are flagged: empty, looping (the same words over and
    over), low-confidence, no-speech, too-fast, language (another one than --language or the
    manifest names). Where the manifest has texts of its own and jiwer is installed
    (medusa-ser[wer]), the word error rate against them is printed.
    """
    from medusa.console import say
    from medusa.extract.encoders.devices import pick
    from medusa.extract.inputs.utterances import audio_utterances
    from medusa.extract.transcription.transcribe import transcribe as fill
    from medusa.extract.transcription.word_errors import table_word_errors
    from medusa.manifests import Manifest
    from medusa.strict import parts_of
    from medusa.workspace import Workspace

    workspace = Workspace.open(root)
    device = pick(device)
    corpus = Manifest.read(workspace.manifest)
    if splits:
        corpus = corpus.split(*parts_of(splits))
    utterances = audio_utterances(corpus)
    done = fill(utterances, workspace.transcripts, model, device, batch_seconds, **choices)
    if not done.elapsed_s:
        say(f"{done.table}: has all {len(utterances)} utterances; nothing to do")
    row = {
        "table": done.table.name,
        "utterances": done.utterances,
        "hours": done.seconds / 3600,
        "seconds": done.elapsed_s,
        "x_real_time": done.seconds / done.elapsed_s if done.elapsed_s else 0.0,
        "flags": dict(done.flags),
        "failed": len(done.problems),
    }
    wer = table_word_errors(corpus, done.table)
    if wer is not None:
        row["word_error_rate"] = wer
        say(f"word error rate against the manifest's own texts: {wer:.1%}")
    show([row] if done.elapsed_s or as_json else [], TRANSCRIBED, as_json)
    refuse("transcript", done.problems)
