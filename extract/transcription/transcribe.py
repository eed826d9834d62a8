"""The transcripts of a corpus: one table per model, filled until nothing is missing."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from medusa.console import Advance, progress
from medusa.errors import MedusaError
from medusa.extract.backbones.whisper import FRAME, RATE_HZ, Windows
from medusa.extract.checkpoints import whisper_files
from medusa.extract.encoders.devices import batch_seconds
from medusa.extract.inputs.batches import Utterance, batches
from medusa.extract.passes.stream import sentence, stream
from medusa.extract.transcription.decoder import (
    TranscribeError,
    Transcriber,
    Transcript,
    in_language,
    language_code,
)
from medusa.extract.transcription.policy import POLICIES, Decide
from medusa.extract.transcription.table import Table
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
    budget_s: float | None = None,
    name: str | None = None,
    language: str | None = None,
    max_tokens: int | None = None,
    force: bool = False,
    prompt: str | None = None,
    beam: int | None = None,
    doubtful: str = "keep",
    words: bool = False,
) -> Heard:
    """Turn speech into text where the table has none; what fails is reported, not raised.

    Args:
        utterances: all that the table should hold.
        folder: of the tables.
        model: a name of openai-whisper, or the path of a checkpoint.
        device: where the model runs.
        budget_s: padded seconds in a batch; a window counts 30. None: `devices.batch_seconds`.
        name: of the table; by default the model's.
        language: spoken; None to detect it clip by clip.
        max_tokens: the longest answer for one window.
        force: forget what the table holds.
        prompt, beam, words: as `Transcriber` takes them.
        doubtful: one of `doubt.POLICIES`.

    Raises:
        MedusaError: the model cannot be loaded, or the table is another model's.
    """
    file = whisper_files.find(model)
    name = name or file.name
    if name == MANIFEST:
        raise TranscribeError(f"--name {name}: means the manifest's own texts; give another")
    made_by = {"checkpoint": file.checkpoint, "revision": file.revision}
    language = language_code(language)
    options = {"language": language, "max_tokens": max_tokens, "prompt": prompt, "beam": beam}
    options |= {"doubtful": None if doubtful == "keep" else doubtful, "words": words or None}
    heard = Heard(folder / f"{name}.parquet")
    table = Table(heard.table, made_by | options, force)
    wanted = {one.content: one for one in utterances}
    missing = [one for content, one in wanted.items() if content not in table.rows]
    if missing:
        reader = Transcriber(
            whisper_files.read_model(file.source, device),
            language,
            max_tokens,
            device,
            prompt,
            beam,
            words,
        )
        decided = partial(_decided, reader, POLICIES[doubtful])
        least_s = whisper_files.read_dims(file.path)["n_audio_ctx"] * FRAME / RATE_HZ
        plan = batches(missing, budget_s or batch_seconds(device, least_s), least_s)
        done = len(wanted) - len(missing)
        try:
            with progress(name, len(wanted), done=done) as advance:
                answers = stream(plan, reader.prepare, decided, RATE_HZ, attach=in_language)
                _fill(table, utterances, answers, heard, advance)
        finally:  # also what was heard before an interruption
            table.write(utterances)
    else:
        table.write(utterances)  # ids may be new where the audio is not
    return heard


def _decided(
    reader: Transcriber, decide: Decide, items: Sequence[Windows]
) -> list[Transcript | MedusaError]:
    """Decode clips, and do with the doubtful ones what the policy says."""

    def one(item: Windows, found: Transcript | MedusaError) -> Transcript | MedusaError:
        def again(temperature: float) -> Transcript:
            other = reader.again(item, temperature)
            if isinstance(other, MedusaError):
                raise other
            return other

        return found if isinstance(found, MedusaError) else decide(found, again)

    return [one(item, found) for item, found in zip(items, reader.encode(items), strict=True)]


def _fill(
    table: Table,
    utterances: Sequence[Utterance],
    stream_of: Iterator[list[tuple[Utterance, Transcript | MedusaError]]],
    heard: Heard,
    advance: Advance,
) -> None:
    began = written = time.monotonic()
    for answers in stream_of:
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
