"""Policies for flagged transcripts: keep them, empty them, decode them again, or drop them."""

from collections.abc import Callable
from dataclasses import replace

from medusa.errors import MedusaError
from medusa.extract.transcription.decoder import Transcript

TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)  # the temperatures of openai-whisper
HALLUCINATION_FLAGS = (
    "looping",
    "no-speech",
    "too-fast",
    "language",
)  # a text with one of these flags was probably never spoken
RETRY_FLAGS = (
    "looping",
    "low-confidence",
    "too-fast",
)  # `language` is absent: no temperature changes the language

Policy = Callable[[Transcript, Callable[[float], Transcript]], Transcript | MedusaError]


def keep(transcript: Transcript, sample: Callable[[float], Transcript]) -> Transcript:
    """Keep the transcript as it is, with its flags."""
    return transcript


def empty(transcript: Transcript, sample: Callable[[float], Transcript]) -> Transcript:
    """Make the text of a hallucination empty; the flags stay."""
    if not _any(transcript, HALLUCINATION_FLAGS):
        return transcript
    return replace(transcript, text="", words=transcript.words if transcript.words is None else ())


def retry(transcript: Transcript, sample: Callable[[float], Transcript]) -> Transcript:
    """Decode again at rising temperatures until no flag is left; else return the likeliest text."""
    best = transcript
    for temperature in TEMPERATURES:
        if not _any(best, RETRY_FLAGS):
            return best
        other = sample(temperature)
        if not _any(other, RETRY_FLAGS) or other.avg_logprob > best.avg_logprob:
            best = other
    return best


def drop(transcript: Transcript, sample: Callable[[float], Transcript]) -> Transcript | MedusaError:
    """Refuse a hallucination, so that the utterance has no transcript."""
    if not _any(transcript, HALLUCINATION_FLAGS):
        return transcript
    return MedusaError(
        f"dropped as {', '.join(transcript.flags)}: {transcript.text[:40]!r}; leave it out "
        "(fit-head --missing drop) or transcribe with another --flagged"
    )


def _any(transcript: Transcript, signs: tuple[str, ...]) -> bool:
    """Return whether a transcript has one of these flags."""
    return any(flag in signs for flag in transcript.flags)


POLICIES: dict[str, Policy] = {"keep": keep, "empty": empty, "retry": retry, "drop": drop}
