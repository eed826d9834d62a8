"""`medusa transcribe`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.extract.options import (
    batch_seconds,
    only_splits,
    refuse,
    show,
)
from medusa.options import device_option, force_option, json_option

if TYPE_CHECKING:
    from medusa.manifests import Manifest

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
    help="What is spoken (en, de, ...).  [default: detected, utterance by utterance]",
)
@click.option("--name", metavar="NAME", help="Of the table.  [default: the model's]")
@click.option(
    "--max-tokens",
    type=click.IntRange(min=1),
    help="The longest answer for 30 s of speech.  [default: half the model's context, 224]",
)
@click.option("--prompt", metavar="TEXT", help="What was said before: names, spelling, style.")
@click.option(
    "--beam",
    type=click.IntRange(min=2),
    metavar="N",
    help="Search with N hypotheses, 30 s at a time.  [default: greedy, in batches]",
)
@click.option(
    "--doubtful",
    type=click.Choice(["keep", "blank", "retry", "drop"]),
    default="keep",
    show_default=True,
    help="What to do with flagged texts: keep; blank those that were hardly said (looping, "
    "no-speech, too-fast, language); retry at rising temperatures, seeded by the sound; drop.",
)
@click.option(
    "--words",
    is_flag=True,
    help="Keep each word's start, end and probability in a column `words`; hears everything twice.",
)
@device_option()
@batch_seconds
@only_splits
@force_option("Throw the table away and start anew.")
@json_option()
@click.pass_obj
def transcribe(
    home: Path,
    /,
    model: str,
    splits: str | None,
    device: str,
    batch_seconds: float | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Turn speech into text with Whisper, once, into transcripts/NAME.parquet.

    What has a transcript already is not heard again: an interrupted run continues where it
    stopped. Transcripts that may be wrong are flagged: empty, looping (the same words over and
    over), low-confidence, no-speech, too-fast, language (another than --language or the manifest
    says was heard). Where the manifest has texts of its own and jiwer is
    installed (medusa-ser[wer]), the word error rate against them is said.
    """
    from medusa.console import say
    from medusa.extract.encoders.devices import pick
    from medusa.extract.inputs.utterances import heard
    from medusa.extract.transcription.transcribe import transcribe as fill
    from medusa.manifests import Manifest
    from medusa.strict import parts_of
    from medusa.workspace import Workspace

    workspace = Workspace.open(home)
    device = pick(device)
    corpus = Manifest.read(workspace.manifest)
    if splits:
        corpus = corpus.split(*parts_of(splits))
    spoken = heard(corpus)
    done = fill(spoken, workspace.transcripts, model, device, batch_seconds, **choices)
    if not done.elapsed_s:
        say(f"{done.table}: has all {len(spoken)} utterances; nothing to do")
    row = {
        "table": done.table.name,
        "utterances": done.utterances,
        "hours": done.seconds / 3600,
        "seconds": done.elapsed_s,
        "x_real_time": done.seconds / done.elapsed_s if done.elapsed_s else 0.0,
        "flags": dict(done.flags),
        "failed": len(done.problems),
    }
    wer = _wer(corpus, done.table)
    if wer is not None:
        row["word_error_rate"] = wer
        say(f"word error rate against the manifest's own texts: {wer:.1%}")
    show([row] if done.elapsed_s or as_json else [], TRANSCRIBED, as_json)
    refuse("transcript", done.problems)


def _wer(corpus: "Manifest", table: Path) -> float | None:
    """Return the word error rate of a table against the corpus's own texts, where it can be had."""
    from medusa.extract.transcription.policy import word_errors
    from medusa.manifests.texts import read_transcripts

    own = corpus.frame.dropna(subset="text")
    truth = dict(zip(own["id"], own["text"], strict=True))
    if not truth or not table.exists():
        return None
    heard = read_transcripts(table).dropna(subset="text")
    return word_errors(dict(zip(heard["id"], heard["text"], strict=True)), truth)
