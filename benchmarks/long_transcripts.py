"""Recordings of over 30 s: temperature fallback and conditioning on previous text, by word errors.

    python benchmarks/long_transcripts.py DATA --json benchmarks/results/long_transcripts.json

DATA has the folders `ravdess` and `emodb`, whose sentences are known, and `models/whisper-base.pt`.
Each recording is made of clips of one corpus with half a second of silence between them, until it
is longer than 40 s. The ways, all of them greedy at temperature 0 and with the language given:

ours: `medusa transcribe`, which decodes every window of 30 s by itself.
ours_retry: the same with `--flagged retry`.
plain: openai-whisper's `transcribe`, at temperature 0 only and without previous text.
previous: the same, and each window is conditioned on the text before it.
fallback: a window that is flagged is decoded again at rising temperatures.
both: previous text and fallback, which are the settings of openai-whisper.

wer: the word errors per word of the reference. Clips of EmoDB end inside the sentence, and the
missing words count as errors in every way. minus_plain: the difference from plain, with an interval
(bootstrap over recordings; the same draws for all ways).
"""

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transcribe import choose_clips, count_errors
from transcribe_ways import LANGUAGES
from ways import read_16_khz

from medusa.atomic import write_text
from medusa.errors import MedusaError
from medusa.extract.checkpoints import whisper_files
from medusa.extract.transcription.decoder import Transcriber
from medusa.extract.transcription.policy import TEMPERATURES, retry
from medusa.heads.runs.environment import environment

RATE_HZ, LONG_S, DRAWS = 16_000, 40.0, 2000
PAUSE = np.zeros(RATE_HZ // 2, np.float32)
Wave = np.ndarray[Any, Any]
Transcribe = Callable[[Wave, str], str]


def recordings(data: Path, corpus: str, count: int) -> list[tuple[Wave, str]]:
    """Return recordings and their texts; the clips are drawn at random, always the same."""
    clips = choose_clips(data, corpus, 10_000)
    random.Random(1).shuffle(clips)
    made, left = [], iter(clips)
    for _ in range(count):
        pieces, words, length = [], [], 0.0
        while length <= LONG_S:
            clip = next(left)
            pieces += [read_16_khz(Path(clip.path)), PAUSE]
            words.append(clip.text)
            length = sum(map(len, pieces)) / RATE_HZ
        made.append((np.concatenate(pieces), " ".join(words)))
    return made


def ways(weights: Path) -> dict[str, Transcribe]:
    """Return the ways to transcribe a recording in a language."""
    model = whisper_files.read_model(str(weights), "cpu")

    def ours(samples: Wave, language: str, again: bool = False) -> str:
        decoder = Transcriber(model, language, None, "cpu")
        item = decoder.prepare(samples)
        (found,) = decoder.encode([item])
        if isinstance(found, MedusaError):
            raise found
        return retry(found, lambda t: decoder.sample(item, t)).text if again else found.text

    def openai(previous: bool, temperatures: tuple[float, ...]) -> Transcribe:
        def transcribe(samples: Wave, language: str) -> str:
            torch.manual_seed(0)
            found = model.transcribe(
                samples,
                language=language,
                fp16=False,
                temperature=temperatures,
                condition_on_previous_text=previous,
            )
            return str(found["text"])

        return transcribe

    every = (0.0, *TEMPERATURES)
    return {
        "ours": ours,
        "ours_retry": lambda samples, language: ours(samples, language, True),
        "plain": openai(False, (0.0,)),
        "previous": openai(True, (0.0,)),
        "fallback": openai(False, every),
        "both": openai(True, every),
    }


def judged(counts: Wave, base: Wave) -> dict[str, Any]:
    """Return the word error rate, and its difference from another way with an interval."""
    draws = np.random.default_rng(0).integers(0, len(counts), (DRAWS, len(counts)))
    rate, other = (one[draws].sum(1)[:, 0] / one[draws].sum(1)[:, 1] for one in (counts, base))
    mine, theirs = (one[:, 0].sum() / one[:, 1].sum() for one in (counts, base))
    return {
        "wer": mine,
        "minus_plain": mine - theirs,
        "minus_plain_interval": np.quantile(rate - other, (0.025, 0.975)).tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--recordings", type=int, default=6, help="of each corpus")
    parser.add_argument("--ways", help="a comma list with plain; by default all")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    known = ways(options.data / "models/whisper-base.pt")
    if options.ways:
        known = {name: known[name] for name in options.ways.split(",")}
    corpora: dict[str, Any] = {}
    for corpus, language in LANGUAGES.items():
        made = recordings(options.data, corpus, options.recordings)
        texts: dict[str, list[str]] = {}
        for name, transcribe in known.items():
            texts[name] = [transcribe(samples, language) for samples, _ in made]
            print(corpus, name, flush=True)
        counts = {name: count_errors([text for _, text in made], of) for name, of in texts.items()}
        corpora[corpus] = {
            "recordings": len(made),
            "seconds": sum(len(samples) for samples, _ in made) / RATE_HZ,
            "ways": {name: judged(one, counts["plain"]) for name, one in counts.items()},
            "texts": texts,
        }
        print(json.dumps(corpora[corpus]["ways"], indent=1), flush=True)
    if options.json:
        result = {"weights": "whisper-base", "corpora": corpora, "environment": environment()}
        write_text(options.json, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
