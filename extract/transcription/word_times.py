"""When each word of a transcript was said, by openai-whisper's own alignment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medusa.extract.backbones.whisper import FRAME, RATE_HZ, Windows

MEL_FRAMES = 2  # behind one frame of the encoder


@dataclass(frozen=True)
class Word:
    """One word; times are from the beginning of the utterance."""

    word: str
    start_s: float
    end_s: float
    probability: float


def words_of(
    model: Any, tokenizer: Any, item: Windows, tokens: Sequence[Sequence[int]]
) -> tuple[Word, ...]:
    """Align what was decoded with what was heard, window by window.

    Args:
        model: an openai-whisper model.
        tokenizer: its tokenizer, in the language that was decoded.
        item: the clip's W windows.
        tokens: W lists, as they were decoded.

    Returns:
        All words with their punctuation, in order.

    Source: `whisper.timing.add_word_timestamps`: dynamic time warping over cross-attention.
    """
    from whisper.timing import add_word_timestamps

    found: list[Word] = []
    begin_s = 0.0
    for mel, length, said in zip(item.whole, item.lengths, tokens, strict=True):
        end_s = begin_s + length * FRAME / RATE_HZ
        # it counts seek in frames of 10 ms
        segment: dict[str, Any] = {"seek": round(begin_s * 100), "start": begin_s, "end": end_s}
        segment |= {"tokens": list(said), "words": []}
        add_word_timestamps(
            segments=[segment],
            model=model,
            tokenizer=tokenizer,
            mel=mel.to(model.device),
            num_frames=length * MEL_FRAMES,
            last_speech_timestamp=found[-1].end_s if found else 0.0,
        )
        found += [_word(one) for one in segment["words"]]
        begin_s = end_s
    return tuple(found)


def _word(one: dict[str, Any]) -> Word:
    start_s, end_s = float(one["start"]), float(one["end"])
    return Word(str(one["word"]).strip(), start_s, end_s, float(one["probability"]))
