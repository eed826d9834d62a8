"""Several short clips in one window of Whisper: what the packing costs in word errors.

    python benchmarks/packing.py DATA --json benchmarks/results/packing.json

DATA has the folders `ravdess` and `emodb`, and `models/whisper-base.pt`. The clips are put one
after the other into windows of 30 s, with a silence between them. Every window is decoded greedily.
Its text is divided among the clips in two ways:

stamps: Whisper writes the times of its segments; a segment belongs to the clip in its middle.
words: Whisper writes no times; its cross-attention is aligned, and each word belongs to a clip.

The figures, beside those of each clip alone:

wer: the word errors per word, clip by clip, with an interval (bootstrap over clips).
wer_of_window: the word errors of the windows' texts; wrong divisions cost nothing here.
as_alone: the share of the clips with the same words as alone.
windows: the passes of the encoder; speed: the processor's seconds of alone by those of packed.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import whisper
from transcribe import choose_clips, count_errors, rates
from transcribe_ways import LANGUAGES, Clip
from ways import read_16_khz
from whisper.normalizers import BasicTextNormalizer
from whisper.tokenizer import get_tokenizer

from medusa.extract.checkpoints import whisper_files
from medusa.extract.transcription.decoder import Transcriber, Transcript
from medusa.heads.runs.environment import environment

RATE_HZ, WINDOW_S, MARGIN_S = 16_000, 30.0, 0.5
Slot = tuple[int, float, float]
"""The number of a clip, and the seconds at which it begins and ends in the window."""
Piece = tuple[float, float, str]
"""The seconds at which a piece of text begins and ends, and the text."""


def pack(lengths: list[float], silence_s: float) -> list[list[Slot]]:
    """Return the windows with their clips."""
    windows: list[list[Slot]] = [[]]
    at = 0.0
    for number, length in enumerate(lengths):
        if windows[-1] and at + length > WINDOW_S - MARGIN_S:
            windows.append([])
            at = 0.0
        windows[-1].append((number, at, at + length))
        at += length + silence_s
    return windows


def window_samples(slots: list[Slot], clips: list[Any]) -> Any:
    samples = np.zeros(int(WINDOW_S * RATE_HZ), np.float32)
    for number, begin_s, _ in slots:
        begin = int(begin_s * RATE_HZ)
        samples[begin : begin + len(clips[number])] = clips[number]
    return samples


def by_stamps(model: Any, language: str, samples: Any, end_s: float) -> list[Piece]:
    """Decode one window with the times of its segments."""
    words = get_tokenizer(True, num_languages=model.num_languages, language=language)
    options = whisper.DecodingOptions(language=language, fp16=False)
    (found,) = model.decode(whisper.log_mel_spectrogram(samples, model.dims.n_mels)[None], options)
    return list(pieces_of(found.tokens, words, end_s))


def pieces_of(tokens: list[int], words: Any, end_s: float) -> Iterator[Piece]:
    """Yield the texts between times."""
    begin_s, text = 0.0, list[int]()
    for token in tokens:
        if token >= words.timestamp_begin:
            stamp_s = (token - words.timestamp_begin) * 0.02
            if text:
                yield begin_s, stamp_s, words.decode(text)
            begin_s, text = stamp_s, []
        elif token < words.eot:
            text.append(token)
    if text:
        yield begin_s, end_s, words.decode(text)


def by_words(model: Any, language: str, samples: Any, end_s: float) -> list[Piece]:
    """Decode one window, and align its words."""
    decoder = Transcriber(model, language, None, "cpu", words=True)
    (found,) = decoder.encode([decoder.prepare(samples[: int(end_s * RATE_HZ)])])
    assert isinstance(found, Transcript)
    return [(one.start_s, one.end_s, f" {one.word}") for one in found.words or ()]


DIVISIONS: dict[str, Callable[[Any, str, Any, float], list[Piece]]] = {
    "stamps": by_stamps,
    "words": by_words,
}


def divide(slots: list[Slot], pieces: list[Piece], texts: list[str]) -> None:
    """Append each piece of text to the clip that is nearest to its middle."""
    for begin_s, end_s, text in pieces:
        middle_s = (begin_s + end_s) / 2
        nearest = min(slots, key=lambda slot: max(slot[1] - middle_s, middle_s - slot[2], 0.0))
        texts[nearest[0]] += text


def packed(
    model: Any, clips: list[Any], silence_s: float, language: str, division: str
) -> dict[str, Any]:
    """Return the texts of the clips and of the windows, and the seconds."""
    windows = pack([len(one) / RATE_HZ for one in clips], silence_s)
    texts, whole, began = [""] * len(clips), [], time.process_time()
    for slots in windows:
        samples = window_samples(slots, clips)
        pieces = DIVISIONS[division](model, language, samples, slots[-1][2])
        whole.append("".join(text for *_, text in pieces))
        divide(slots, pieces, texts)
    return {"texts": texts, "windows": windows, "whole": whole, "s": time.process_time() - began}


def alone(model: Any, clips: list[Any], language: str) -> tuple[list[str], float]:
    decoder, began = Transcriber(model, language, None, "cpu"), time.process_time()
    found = [decoder.encode([decoder.prepare(one)])[0] for one in clips]
    return [one.text for one in found if isinstance(one, Transcript)], time.process_time() - began


def judge(
    corpus: str, clips: list[Clip], model: Any, silences: list[float], divisions: list[str]
) -> dict[str, Any]:
    """Return the figures of one corpus."""
    language, normalise = LANGUAGES[corpus], BasicTextNormalizer()
    samples, references = [read_16_khz(Path(one.path)) for one in clips], [o.text for o in clips]
    texts, seconds = alone(model, samples, language)
    base = count_errors(references, texts)
    rate = {name: one for name, one in rates(base, base).items() if "openai" not in name}
    result: dict[str, Any] = {"alone": {"windows": len(clips), "s": seconds} | rate}
    for silence_s in silences:
        for division in divisions:
            found = packed(model, samples, silence_s, language, division)
            whole = [" ".join(references[one] for one, *_ in slots) for slots in found["windows"]]
            errors, words = count_errors(whole, found["whole"]).sum(0)
            both = zip(texts, found["texts"], strict=True)
            same = [normalise(a).split() == normalise(b).split() for a, b in both]
            figures = rates(count_errors(references, found["texts"]), base)
            figures = {name.replace("openai", "alone"): one for name, one in figures.items()}
            result[f"{division}, {silence_s:g} s"] = figures | {
                "wer_of_window": errors / words,
                "as_alone": float(np.mean(same)),
                "windows": len(found["windows"]),
                "speed": seconds / found["s"],
            }
            print(corpus, division, silence_s, result[f"{division}, {silence_s:g} s"], flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", type=int, default=48, help="of each corpus")
    parser.add_argument("--corpora", default="ravdess,emodb")
    parser.add_argument("--silences", default="0.5,1,2", help="in seconds")
    parser.add_argument("--divisions", default="stamps,words")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = whisper_files.read_model(str(options.data / "models/whisper-base.pt"), "cpu")
    silences = [float(one) for one in options.silences.split(",")]
    with torch.inference_mode():
        result: dict[str, Any] = {
            corpus: judge(
                corpus,
                choose_clips(options.data, corpus, options.clips),
                model,
                silences,
                options.divisions.split(","),
            )
            for corpus in options.corpora.split(",")
        }
    result |= {"clips": options.clips, "environment": environment()}
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
