"""The precision and the recall of the flags of transcripts, on real speech and on other sounds.

    python benchmarks/flags.py DATA --json benchmarks/results/flags.json

DATA has the folders `ravdess` and `emodb`, whose sentences are known, and `models/whisper-base.pt`.
Each condition has the same number of clips, and each clip is decoded greedily in the language that
its condition names:

english, german: the recordings as they are; those of EmoDB end after 2 s, often inside a word.
cut: the first six tenths of English recordings, which end inside the sentence.
double, quadruple: English recordings at two and four times the speed, and thus higher.
looped: an English recording, several times in a row, up to 28 s.
fragment: the middle third of a second of an English recording, which holds about one word.
two_languages: an English recording and a German one, after half a second of silence.
english_as_german, german_as_english: the named language is another than the spoken one.
silence: zeros, or noise at -80 dB. noise: white and pink noise. music: chords of harmonic tones.

A flag is right in these cases:

empty, no-speech: nobody speaks. language: another language than the named one is spoken.
looping: the text repeats a phrase of up to eight words four times in a row.
too-fast: the text has over half more words than were spoken.
low-confidence: at least half of the words are wrong, or nobody speaks and there is a text.

If the recording may end inside the sentence, the reference is the beginning that fits best.
`on_speech` is the precision on all clips in which somebody speaks.
`false_alarms` is the share of the clips of `english` and `german` that have the flag although the
text is right. If there is none, `false_alarms_at_most` is the upper limit of the rate by the rule
of three (3 / clips, with a confidence of 95 %). `conditions` has the word error rate of `--flagged
retry` beside that of `keep`.
"""

import argparse
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soxr
from transcribe import choose_clips
from ways import read_16_khz
from whisper.normalizers import BasicTextNormalizer

from medusa.errors import MedusaError
from medusa.extract.checkpoints import whisper_files
from medusa.extract.transcription.decoder import Transcriber, Transcript
from medusa.extract.transcription.flagged import FLAGS
from medusa.extract.transcription.policy import retry
from medusa.heads.runs.environment import environment

RATE_HZ, SECONDS, LOOPED_S, BATCH = 16_000, 4.0, 28.0, 8
Wave = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sound:
    """A sound to transcribe.

    Attributes:
        language: the language that is named.
        text: the words that are spoken; None if nobody speaks.
        other: whether another language than the named one is spoken.
        cut: whether the recording may end inside the text.
        part: whether the recording holds about one word of the text.
    """

    condition: str
    samples: Wave
    language: str
    text: str | None
    other: bool = False
    cut: bool = False
    part: bool = False


def recordings(data: Path, count: int) -> Iterator[Sound]:
    """Yield the conditions that are made of real speech."""
    english, german = (
        [(read_16_khz(Path(one.path)), one.text) for one in choose_clips(data, corpus, count)]
        for corpus in ("ravdess", "emodb")
    )
    for (speech, text), (speech_2, text_2) in zip(english, german, strict=True):
        yield Sound("english", speech, "en", text)
        yield Sound("german", speech_2, "de", text_2, cut=True)
        yield Sound("cut", speech[: int(0.6 * len(speech))], "en", text, cut=True)
        yield Sound("double", soxr.resample(speech, 2, 1), "en", text)
        yield Sound("quadruple", soxr.resample(speech, 4, 1), "en", text)
        times = int(LOOPED_S * RATE_HZ / len(speech))
        yield Sound("looped", np.tile(speech, times), "en", " ".join([text] * times))
        middle, half = len(speech) // 2, RATE_HZ // 6
        yield Sound("fragment", speech[middle - half : middle + half], "en", text, part=True)
        pause = np.zeros(RATE_HZ // 2, np.float32)
        both = np.concatenate([speech, pause, speech_2])
        yield Sound("two_languages", both, "en", f"{text} {text_2}", other=True, cut=True)
        yield Sound("english_as_german", speech, "de", text, other=True)
        yield Sound("german_as_english", speech_2, "en", text_2, other=True, cut=True)


def other_sounds(count: int) -> Iterator[Sound]:
    """Yield the conditions in which nobody speaks."""
    makers = {"silence": silence, "noise": noise, "music": music}
    for name, make in makers.items():
        for number in range(count):
            samples = make(np.random.default_rng(number), number)
            yield Sound(name, samples.astype(np.float32), "en", None)


def silence(rng: np.random.Generator, number: int) -> Wave:
    level = 1e-4 * (number % 2)
    return level * rng.standard_normal(int(SECONDS * RATE_HZ))


def noise(rng: np.random.Generator, number: int) -> Wave:
    """Return white noise, or noise whose power falls with the frequency, at -20 dB."""
    white = rng.standard_normal(int(SECONDS * RATE_HZ))
    if number % 2:
        spectrum = np.fft.rfft(white)
        white = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), len(white))
    return 0.1 * white / white.std()


def music(rng: np.random.Generator, number: int) -> Wave:
    """Return eight chords of three tones with harmonics, each of which fades."""
    length = int(SECONDS * RATE_HZ / 8)
    times = np.arange(length) / RATE_HZ
    chords = []
    for _ in range(8):
        root = 110 * 2 ** (rng.integers(0, 24) / 12)
        tones = [root * ratio * part for ratio in (1, 1.25, 1.5) for part in (1, 2, 3, 4)]
        chords.append(sum(np.sin(2 * np.pi * tone * times) / tone for tone in tones))
    samples = np.concatenate([one * np.exp(-3 * times) for one in chords])
    return 0.1 * samples / samples.std()


def transcripts(
    sounds: Sequence[Sound], model: Any, bfloat16: bool
) -> list[tuple[Sound, Transcript, Callable[[float], Transcript]]]:
    """Return the transcript of every sound, and a function that decodes it at a temperature."""
    found: list[Any] = []
    for language in sorted({one.language for one in sounds}):
        decoder = Transcriber(model, language, None, "cpu", bfloat16=bfloat16)
        mine = [one for one in sounds if one.language == language]
        for at in range(0, len(mine), BATCH):
            items = [decoder.prepare(one.samples) for one in mine[at : at + BATCH]]
            for one, item, text in zip(mine[at:], items, decoder.encode(items), strict=False):
                if isinstance(text, MedusaError):
                    raise text
                found.append((one, text, lambda t, d=decoder, i=item: d.sample(i, t)))
    return found


def errors(sound: Sound, text: str) -> tuple[int, int]:
    """Return the word errors and the words of the reference.

    If the recording may end inside the sentence, the reference is the beginning that fits best.
    """
    normalise = BasicTextNormalizer()
    if sound.text is None:
        return len(normalise(text).split()), 0
    words = normalise(sound.text).split()
    if sound.part:
        fits = [(_distance([word], normalise(text)), 1) for word in words]
        return min(fits)
    least = 1 if sound.cut else len(words)
    fits = [(_distance(words[:end], normalise(text)), end) for end in range(least, len(words) + 1)]
    return min(fits, key=lambda fit: fit[0] / fit[1])


def _distance(reference: list[str], text: str) -> int:
    one = jiwer.process_words(" ".join(reference), text)
    return int(one.substitutions + one.deletions + one.insertions)


def loops(words: list[str]) -> bool:
    """Return whether a phrase of up to eight words is repeated four times in a row."""
    return any(
        words[at : at + size] * 4 == words[at : at + 4 * size]
        for size in range(1, 9)
        for at in range(len(words) - 4 * size + 1)
    )


def truths(sound: Sound, text: str) -> dict[str, bool]:
    """Return for each flag whether it would be right."""
    wrong, spoken = errors(sound, text)
    words, nobody = BasicTextNormalizer()(text).split(), sound.text is None
    return {
        "empty": nobody,
        "no-speech": nobody,
        "language": sound.other,
        "looping": loops(words),
        "too-fast": len(words) > 1.5 * spoken,
        "low-confidence": bool(words) if nobody else wrong >= spoken / 2,
    }


def judge(rows: list[dict[str, Any]], flag: str) -> dict[str, Any]:
    """Return the figures of one flag."""
    flagged = [row for row in rows if flag in row["flags"]]
    right = sum(row["right"][flag] for row in flagged)
    present = sum(row["right"][flag] for row in rows)
    clean = [row for row in rows if row["condition"] in ("english", "german")]
    speech = [row for row in flagged if not row["right"]["no-speech"]]
    alarms = sum(flag in row["flags"] and not row["right"][flag] for row in clean)
    return {
        "flagged": len(flagged),
        "precision": right / len(flagged) if flagged else None,
        "on_speech": sum(row["right"][flag] for row in speech) / len(speech) if speech else None,
        "recall": right / present if present else None,
        "present": present,
        "false_alarms": alarms / len(clean) if clean else None,
        "false_alarms_at_most": 3 / len(clean) if clean and not alarms else None,
        "by_condition": {
            name: sum(row["condition"] == name for row in flagged)
            for name in dict.fromkeys(row["condition"] for row in rows)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", type=int, default=12, help="of each condition")
    parser.add_argument("--conditions", help="a comma list; by default all")
    parser.add_argument("--precision", choices=("auto", "bf16"), default="auto")
    parser.add_argument("--no-retry", action="store_true", help="decode nothing at temperatures")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = whisper_files.read_model(str(options.data / "models/whisper-base.pt"), "cpu")
    sounds = [*recordings(options.data, options.clips), *other_sounds(options.clips)]
    if options.conditions:
        sounds = [one for one in sounds if one.condition in options.conditions.split(",")]
    random.Random(0).shuffle(sounds)
    rows = []
    for sound, found, sample in transcripts(sounds, model, options.precision == "bf16"):
        better = found if options.no_retry else retry(found, sample)
        rows.append(
            {
                "condition": sound.condition,
                "flags": found.flags,
                "right": truths(sound, found.text),
                "errors": errors(sound, found.text),
                "errors_after_retry": errors(sound, better.text),
                "text": found.text[:200],
                "avg_logprob": found.avg_logprob,
                "no_speech_prob": found.no_speech_prob,
                "compression_ratio": found.compression_ratio,
                "detected": found.detected,
            }
        )
    names = list(dict.fromkeys(row["condition"] for row in rows))
    keys = {"wer": "errors", "wer_after_retry": "errors_after_retry"}
    result = {
        "clips_of_each_condition": options.clips,
        "precision": options.precision,
        "retry": not options.no_retry,
        "flags": {flag: judge(rows, flag) for flag in FLAGS},
        "conditions": {
            name: {
                label: sum(row[key][0] for row in mine) / max(1, sum(row[key][1] for row in mine))
                for label, key in keys.items()
            }
            for name in names
            for mine in [[row for row in rows if row["condition"] == name]]
        },
        "rows": rows,
        "environment": environment(),
    }
    print(json.dumps({key: result[key] for key in ("flags", "conditions")}, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
