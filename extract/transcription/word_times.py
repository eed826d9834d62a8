"""The times of each word of a transcript, by openai-whisper's own alignment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medusa.extract.backbones.whisper import FRAME, RATE_HZ, Windows

MEL_FRAMES = 2  # so many mel frames belong to one frame of the encoder


@dataclass(frozen=True)
class Word:
    """One word; its times count from the beginning of the utterance."""

    word: str
    start_s: float
    end_s: float
    probability: float


def words_of(
    model: Any, tokenizer: Any, item: Windows, tokens: Sequence[Sequence[int]]
) -> tuple[Word, ...]:
    """Align the decoded tokens with the audio, window by window.

    Args:
        model: an openai-whisper model.
        tokenizer: the model's tokenizer, in the language of the decoding.
        item: the clip's W windows.
        tokens: W lists of decoded tokens.

    Returns:
        All words with their punctuation, in order.

    Source: `whisper.timing.add_word_timestamps`, dynamic time warping over cross-attention.
    """
    from whisper.timing import add_word_timestamps

    words: list[Word] = []
    begin_s = 0.0
    for mel, length, window_tokens in zip(item.whole, item.lengths, tokens, strict=True):
        end_s = begin_s + length * FRAME / RATE_HZ
        # `seek` is counted in frames of 10 ms
        segment: dict[str, Any] = {"seek": round(begin_s * 100), "start": begin_s, "end": end_s}
        segment |= {"tokens": list(window_tokens), "words": []}
        add_word_timestamps(
            segments=[segment],
            model=model,
            tokenizer=tokenizer,
            mel=mel.to(model.device),
            num_frames=length * MEL_FRAMES,
            last_speech_timestamp=words[-1].end_s if words else 0.0,
        )
        words += [_word(one) for one in segment["words"]]
        begin_s = end_s
    return tuple(words)


def _word(one: dict[str, Any]) -> Word:
    """Return a word of openai-whisper's segment, without the space before it."""
    start_s, end_s = float(one["start"]), float(one["end"])
    return Word(str(one["word"]).strip(), start_s, end_s, float(one["probability"]))
