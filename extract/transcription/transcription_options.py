"""The options of a transcription, checked before any work begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medusa.errors import ConfigError, nearest
from medusa.extract.transcription.policy import POLICIES

PRECISIONS = ("auto", "bf16")


@dataclass(frozen=True)
class FurtherTranscriptionOptions:
    """The less common options of a transcription; on the command line, `--set NAME=VALUE`.

    Attributes:
        max_tokens: the longest text of one window of 30 s; by default half the model's context,
            224 tokens.
        prompt: a text that precedes the speech, with names, spelling and style.
        beam: the number of hypotheses of a beam search, at least 2; windows are then decoded one
            by one. By default the decoding is greedy.
        words: keep every word's times and probability, at the cost of a second decoding.
        batch_seconds: the padded seconds of audio in a batch; a window counts 30 s.
        precision: `auto` computes in float16 on a GPU, else in float32; `bf16` computes in
            bfloat16, which is faster on a CPU with matrix units for it.
        on: `ray` or `ray://HOST:PORT`, a Ray cluster that transcribes; by default this machine.
        workers: the number of workers of the cluster.
    """

    max_tokens: int | None = None
    prompt: str | None = None
    beam: int | None = None
    words: bool = False
    batch_seconds: float | None = None
    precision: str = "auto"
    on: str | None = None
    workers: int = 1


@dataclass(frozen=True)
class TranscriptionOptions(FurtherTranscriptionOptions):
    """All options of a transcription.

    Attributes:
        name: the table's name; by default the model's.
        language: the spoken language, as a code or in English; by default it is detected for
            every utterance.
        flagged: the policy for flagged texts: `keep`, `empty`, `retry` or `drop`.
        device: `auto`, `cpu`, `cuda`, ...
        splits: the splits to transcribe; by default all rows.
        force: replace the rows of the table.
    """

    name: str | None = None
    language: str | None = None
    flagged: str = "keep"
    device: str = "auto"
    splits: Sequence[str] = ()
    force: bool = False

    def __post_init__(self) -> None:
        if self.flagged not in POLICIES:
            hint = nearest(self.flagged, POLICIES)
            raise ConfigError(f"flagged={self.flagged}: expected {', '.join(POLICIES)}{hint}")
        if self.precision not in PRECISIONS:
            hint = nearest(self.precision, PRECISIONS)
            raise ConfigError(f"precision={self.precision}: expected auto or bf16{hint}")
        for name, least in (("max_tokens", 1), ("beam", 2)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name}={value}: expected {least} or more")
        if self.workers < 1 or (self.workers > 1 and self.on is None):
            raise ConfigError(f"workers={self.workers}: expected at least 1, with on=ray")
        if self.batch_seconds is not None and not self.batch_seconds > 0:
            raise ConfigError(f"batch_seconds={self.batch_seconds:g}: expected more than 0 s")

    def record(self) -> dict[str, Any]:
        """Return the choices that change a text, for the table's JSON file."""
        names = ("language", "max_tokens", "prompt", "beam")
        flagged = None if self.flagged == "keep" else self.flagged
        choices = {name: getattr(self, name) for name in names}
        choices |= {"flagged": flagged, "words": self.words or None}
        return choices | {"precision": None if self.precision == "auto" else self.precision}
