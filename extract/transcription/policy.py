"""What to do with transcripts that may be wrong, and how wrong they are."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from medusa.errors import MedusaError
from medusa.extract.transcription.decoder import TranscribeError, Transcript

AGAIN = (0.2, 0.4, 0.6, 0.8, 1.0)  # temperatures, openai-whisper's own
BLANK = ("looping", "no-speech", "too-fast", "language")  # words that were hardly said
RETRY = ("looping", "low-confidence", "too-fast")  # another language stays one at any temperature

Decide = Callable[[Transcript, Callable[[float], Transcript]], Transcript | MedusaError]


def keep(found: Transcript, again: Callable[[float], Transcript]) -> Transcript:
    """Take it as it is; its flags tell."""
    return found


def blank(found: Transcript, again: Callable[[float], Transcript]) -> Transcript:
    """Make the text of a hallucination empty; the flags stay."""
    if not _any(found, BLANK):
        return found
    return replace(found, text="", words=found.words if found.words is None else ())


def retry(found: Transcript, again: Callable[[float], Transcript]) -> Transcript:
    """Decode again at rising temperatures until nothing is doubtful; else take the likeliest."""
    best = found
    for temperature in AGAIN:
        if not _any(best, RETRY):
            return best
        other = again(temperature)
        if not _any(other, RETRY) or other.avg_logprob > best.avg_logprob:
            best = other
    return best


def drop(found: Transcript, again: Callable[[float], Transcript]) -> Transcript | MedusaError:
    """Refuse a hallucination: the utterance has no transcript."""
    if not _any(found, BLANK):
        return found
    return TranscribeError(
        f"dropped as {', '.join(found.flags)}: {found.text[:40]!r}; leave it out "
        "(fit-head --missing drop) or transcribe with another --doubtful"
    )


def word_errors(said: Mapping[str, str], truth: Mapping[str, str]) -> float | None:
    """Return the word error rate over the ids that both have, case and punctuation aside.

    None where they share no text, or jiwer (`medusa-ser[wer]`) is not installed.
    """
    try:
        import jiwer
    except ImportError:
        return None
    from whisper.normalizers import BasicTextNormalizer

    plain = BasicTextNormalizer()
    pairs = [(plain(truth[one]), plain(said[one])) for one in said if truth.get(one)]
    pairs = [(true, heard) for true, heard in pairs if true.strip()]
    if not pairs:
        return None
    return float(jiwer.wer([true for true, _ in pairs], [heard for _, heard in pairs]))


def _any(found: Transcript, signs: tuple[str, ...]) -> bool:
    return any(flag in signs for flag in found.flags)


POLICIES: dict[str, Decide] = {"keep": keep, "blank": blank, "retry": retry, "drop": drop}
