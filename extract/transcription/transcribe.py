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
from medusa.extract.inputs import Utterance
from medusa.extract.passes.stream import device_batches, sentence, stream
from medusa.extract.transcription.decoder import (
    Transcriber,
    Transcript,
    in_language,
    language_code,
)
from medusa.extract.transcription.policy import POLICIES, Policy
from medusa.extract.transcription.table import TranscriptTable

WRITE_EVERY_S = 30.0  # what a kill may cost, at most


@dataclass
class TranscriptionResult:
    """What one run added to a table.

    Attributes:
        table: the Parquet file.
        utterances, seconds: how much was added.
        elapsed_s: the time it took, without the loading of the weights.
        flags: how many new transcripts carry each flag.
        problems: one sentence for every utterance without a transcript.
    """

    table: Path
    utterances: int = 0
    seconds: float = 0.0
    elapsed_s: float = 0.0
    flags: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def count(self, utterance: Utterance, transcript: Transcript) -> None:
        """Count a new transcript."""
        self.utterances += 1
        self.seconds += utterance.seconds
        self.flags.update(transcript.flags)

    @property
    def speed(self) -> str:
        """How fast the run was, for the progress line."""
        return f"{self.seconds / max(self.elapsed_s, 1e-9):.0f}x real time"


def transcribe(
    utterances: Sequence[Utterance],
    folder: Path,
    model: str,
    device: str,
    batch_seconds: float | None = None,
    name: str | None = None,
    language: str | None = None,
    max_tokens: int | None = None,
    force: bool = False,
    prompt: str | None = None,
    beam: int | None = None,
    flagged: str = "keep",
    words: bool = False,
) -> TranscriptionResult:
    """Turn speech into text where the table has none; utterances that fail are reported.

    Args:
        utterances: all that the table should hold.
        folder: the folder of the tables.
        model: a name of openai-whisper, or the path of a checkpoint.
        device: where the model runs.
        batch_seconds: padded seconds in a batch; a window counts 30. None: the device's default.
        name: the table's name; by default the model's.
        language: the spoken language; None to detect it clip by clip.
        max_tokens: the longest text of one window.
        force: replace the rows of the table.
        prompt, beam, words: as `Transcriber` takes them.
        flagged: the policy for flagged texts, one of `policy.POLICIES`.

    Raises:
        MedusaError: the model cannot be loaded, or the table is another model's.
    """
    file = whisper_files.find(model)
    name = name or file.name
    made_by = {"checkpoint": file.checkpoint, "revision": file.revision}
    language = language_code(language)
    options = {"language": language, "max_tokens": max_tokens, "prompt": prompt, "beam": beam}
    options |= {"flagged": None if flagged == "keep" else flagged, "words": words or None}
    result = TranscriptionResult(folder / f"{name}.parquet")
    table = TranscriptTable(result.table, made_by | options, force)
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
        decided = partial(_decided, reader, POLICIES[flagged])
        least_s = whisper_files.read_dims(file.path)["n_audio_ctx"] * FRAME / RATE_HZ
        plan = device_batches(missing, device, batch_seconds, least_s)
        done = len(wanted) - len(missing)
        try:
            with progress(name, len(wanted), done=done) as advance:
                batches = stream(plan, reader.prepare, decided, RATE_HZ, attach=in_language)
                _fill(table, utterances, batches, result, advance)
        finally:  # also the texts from before an interruption
            table.write(utterances)
    else:
        table.write(utterances)  # ids may be new where the audio is not
    return result


def _decided(
    reader: Transcriber, policy: Policy, items: Sequence[Windows]
) -> list[Transcript | MedusaError]:
    """Decode clips, and treat the flagged ones as the policy says."""

    def one(item: Windows, transcript: Transcript | MedusaError) -> Transcript | MedusaError:
        def sample(temperature: float) -> Transcript:
            other = reader.sample(item, temperature)
            if isinstance(other, MedusaError):
                raise other
            return other

        return transcript if isinstance(transcript, MedusaError) else policy(transcript, sample)

    return [
        one(item, transcript) for item, transcript in zip(items, reader.encode(items), strict=True)
    ]


def _fill(
    table: TranscriptTable,
    utterances: Sequence[Utterance],
    batches: Iterator[list[tuple[Utterance, Transcript | MedusaError]]],
    result: TranscriptionResult,
    advance: Advance,
) -> None:
    began = written = time.monotonic()
    for batch in batches:
        for utterance, transcript in batch:
            if isinstance(transcript, MedusaError):
                result.problems.append(sentence(utterance, transcript))
                continue
            table.add(utterance.content, transcript)
            result.count(utterance, transcript)
        result.elapsed_s = time.monotonic() - began
        advance(len(batch), result.speed)
        if time.monotonic() - written > WRITE_EVERY_S:
            table.write(utterances)
            written = time.monotonic()
