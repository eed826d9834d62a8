"""The transcripts of a corpus: one table per model, filled until nothing is missing."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medusa.console import Advance, progress
from medusa.errors import MedusaError
from medusa.extract import whisper_files
from medusa.extract.asr import TranscribeError, Transcriber, language_code
from medusa.extract.backbones.whisper import FRAME, RATE_HZ
from medusa.extract.plan import Utterance, batches
from medusa.extract.stream import sentence, stream
from medusa.extract.transcripts import Table
from medusa.manifests.texts import MANIFEST

WRITE_EVERY_S = 30.0  # what a kill may cost, at most


@dataclass
class Heard:
    """What one run added to a table.

    Attributes:
        table: the Parquet file.
        utterances, seconds: how much.
        elapsed_s: how long it took, the loading of the weights apart.
        flags: how many new transcripts carry each flag.
        problems: one sentence for every utterance without a transcript.
    """

    table: Path
    utterances: int = 0
    seconds: float = 0.0
    elapsed_s: float = 0.0
    flags: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def transcribe(
    utterances: Sequence[Utterance],
    folder: Path,
    model: str,
    device: str,
    budget_s: float,
    name: str | None = None,
    language: str | None = None,
    max_tokens: int | None = None,
    force: bool = False,
) -> Heard:
    """Turn speech into text where the table has none; what fails is reported, not raised.

    Args:
        utterances: all that the table should hold.
        folder: of the tables.
        model: a name of openai-whisper, or the path of a checkpoint.
        device: where the model runs.
        budget_s: padded seconds in a batch; a window counts 30.
        name: of the table; by default the model's.
        language: spoken; None to detect it clip by clip.
        max_tokens: the longest answer for one window.
        force: forget what the table holds.

    Raises:
        MedusaError: the model cannot be loaded, or the table is another model's.
    """
    file = whisper_files.find(model)
    name = name or file.name
    if name == MANIFEST:
        raise TranscribeError(f"--name {name}: means the manifest's own texts; give another")
    made_by = {"checkpoint": file.checkpoint, "revision": file.revision}
    language = language_code(language)
    options = {"language": language, "max_tokens": max_tokens}
    heard = Heard(folder / f"{name}.parquet")
    table = Table(heard.table, made_by | options, force)
    wanted = {one.content: one for one in utterances}
    missing = [one for content, one in wanted.items() if content not in table.rows]
    if missing:
        reader = Transcriber(
            whisper_files.read_model(file.source, device), language, max_tokens, device
        )
        least_s = whisper_files.read_dims(file.path)["n_audio_ctx"] * FRAME / RATE_HZ
        plan = batches(missing, budget_s, least_s)
        done = len(wanted) - len(missing)
        try:
            with progress(name, len(wanted), done=done) as advance:
                _fill(table, utterances, plan, reader, heard, advance)
        finally:  # also what was heard before an interruption
            table.write(utterances)
    else:
        table.write(utterances)  # ids may be new where the audio is not
    return heard


def _fill(
    table: Table,
    utterances: Sequence[Utterance],
    plan: Iterator[list[Utterance]],
    reader: Transcriber,
    heard: Heard,
    advance: Advance,
) -> None:
    began = written = time.monotonic()
    for answers in stream(plan, reader.prepare, reader.encode, RATE_HZ):
        for utterance, found in answers:
            if isinstance(found, MedusaError):
                heard.problems.append(sentence(utterance, found))
                continue
            table.add(utterance.content, found)
            heard.utterances += 1
            heard.seconds += utterance.seconds
            heard.flags.update(found.flags)
        heard.elapsed_s = time.monotonic() - began
        advance(len(answers), f"{heard.seconds / max(heard.elapsed_s, 1e-9):.0f}x real time")
        if time.monotonic() - written > WRITE_EVERY_S:
            table.write(utterances)
            written = time.monotonic()
