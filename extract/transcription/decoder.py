"""Whisper's decoder turns windows of speech into text, and flags texts that may be wrong."""

import math
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from medusa.errors import MedusaError, nearest
from medusa.extract.backbones.whisper import FRAME, RATE_HZ, Windows, windows_of
from medusa.extract.inputs import Utterance, Wave
from medusa.extract.transcription.bfloat16 import decode_bfloat16, encode_bfloat16, to_bfloat16
from medusa.extract.transcription.word_times import Word, words_of

# These are openai-whisper's own thresholds for decoding a clip again.
LOOPING, UNSURE, SILENT = 2.4, -1.0, 0.6
FAST = 30.0  # characters a second; hurried speech has 20
SURE = 0.5  # the least probability of a detected language; short clips often have less


@dataclass(frozen=True)
class Transcript:
    """The text of an utterance, as in `docs/contracts.md`.

    Attributes:
        seconds: the seconds of speech.
        expected: the language that the user or the manifest names.
        detected: the language that Whisper detected with a probability above one half.
        words: the words with their times; None if they were not requested.
    """

    text: str
    language: str
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    seconds: float = math.inf
    expected: str | None = None
    detected: str | None = None
    words: tuple[Word, ...] | None = None

    @property
    def flags(self) -> list[str]:
        """The signs that the text should be checked: `empty`, `looping`, `language`, ..."""
        signs = {
            "empty": not self.text,
            "looping": self.compression_ratio > LOOPING,
            "low-confidence": self.avg_logprob < UNSURE,
            "no-speech": self.no_speech_prob > SILENT,
            "too-fast": len(self.text) > FAST * max(self.seconds, 0.5),
            "language": None not in (self.expected, self.detected)
            and self.expected != self.detected,
        }
        return [name for name, present in signs.items() if present]


class Transcriber:
    """Decode a batch of clips greedily; longer clips are decoded window by window.

    Args:
        model: an openai-whisper model.
        language: the code of a language; None to detect it for every clip.
        max_tokens: the longest text of one window; None for half the model's context.
        device: the device of the model. As in openai-whisper, a GPU computes in float16.
        prompt: a text that precedes the speech, for names and style.
        beam: the number of hypotheses of a beam search; windows are then decoded one by one.
        words: keep every word's times, at the cost of a second pass over each window.
        bfloat16: convert the model's weights to bfloat16, and compute in it.

    Raises:
        MedusaError: the model transcribes only English, and another language is given.
    """

    def __init__(
        self,
        model: Any,
        language: str | None,
        max_tokens: int | None,
        device: str,
        prompt: str | None = None,
        beam: int | None = None,
        words: bool = False,
        bfloat16: bool = False,
    ) -> None:
        from whisper import DecodingOptions

        self.model = to_bfloat16(model) if bfloat16 else model
        self.tokenizer, self.words, self.bfloat16 = _tokenizer(model), words, bfloat16
        self.options = DecodingOptions(
            language=spoken(model.is_multilingual, language),
            sample_len=max_tokens,
            without_timestamps=True,
            prompt=prompt,
            beam_size=beam,
            fp16=device.startswith("cuda") and not bfloat16,
        )

    def prepare(self, source: Wave) -> Windows:
        dims = self.model.dims
        return windows_of(source, dims.n_audio_ctx * FRAME, dims.n_mels)

    def encode(self, items: Sequence[Windows]) -> list[Transcript | MedusaError]:
        mels = torch.cat([item.whole for item in items])
        return self.decode(self._input(mels), items)

    def decode(
        self, mels: torch.Tensor, items: Sequence[Windows]
    ) -> list[Transcript | MedusaError]:
        """Return the transcripts of clips, from their windows' spectrograms or encoded features.

        Args:
            mels: the spectrograms (W, mels, mel frames), or the encoder's outputs (W, T, D).
            items: the clips of the W windows.
        """
        mels, detected = self._detect(mels, items)
        if self.options.beam_size:  # batched beams are broken in openai-whisper 20250625
            results = iter([self._search(one) for one in mels])
        else:
            results = iter(self._decode(mels, self.options))
        return [
            self._joined(item, [next(results) for _ in item.mels], language)
            for item, language in zip(items, detected, strict=True)
        ]

    def _input(self, mels: torch.Tensor) -> torch.Tensor:
        """Return spectrograms on the model's device; in bfloat16, the encoder's outputs."""
        mels = mels.to(self.model.device)
        return encode_bfloat16(self.model, mels) if self.bfloat16 else mels

    def _decode(self, mels: torch.Tensor, options: Any) -> list[Any]:
        """Decode spectrograms or the encoder's outputs."""
        if self.bfloat16:
            return decode_bfloat16(self.model, mels, options)
        results: list[Any] = self.model.decode(mels, options)
        return results

    def _detect(
        self, mels: torch.Tensor, items: Sequence[Windows]
    ) -> tuple[torch.Tensor, list[str | None]]:
        """Return the encoded windows and, if a language is expected, the detected languages.

        This is a step of its own, because decoding in a given language detects no other language
        and reports no probability.
        """
        expected = [self.options.language or one.language for one in items]
        if not any(expected) or not self.model.is_multilingual:
            return mels, [None] * len(items)
        dims = self.model.dims
        with torch.inference_mode():
            if mels.shape[-2:] != (dims.n_audio_ctx, dims.n_audio_state):
                mels = self.model.encoder(mels.half() if self.options.fp16 else mels)
            first = [sum(len(one.mels) for one in items[:number]) for number in range(len(items))]
            windows = mels[first].half() if self.options.fp16 else mels[first]
            _, shares = self.model.detect_language(windows, self.tokenizer)
        return mels, [_sure(one) for one in shares]

    def _search(self, window: torch.Tensor) -> Any:
        """Decode one window by a beam search."""
        with warnings.catch_warnings():
            # openai-whisper passes a list of tensors to numpy
            warnings.filterwarnings("ignore", ".*__array_wrap__", DeprecationWarning)
            return self._decode(window[None], self.options)[0]

    def sample(self, item: Windows, temperature: float) -> Transcript | MedusaError:
        """Decode one clip by sampling; the clip determines the seed and therefore the text."""
        options = replace(self.options, temperature=temperature, beam_size=None)
        mels = item.whole
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(zlib.crc32(mels.numpy().tobytes()))
            mels, (language,) = self._detect(self._input(mels), [item])
            results = self._decode(mels, options)
        return self._joined(item, results, language)

    def _joined(
        self, item: Windows, results: Sequence[Any], detected: str | None
    ) -> Transcript | MedusaError:
        """Join the results of a clip's windows; the log-probability is the mean over all tokens."""
        from whisper.utils import compression_ratio

        counts = [len(result.tokens) + 1 for result in results]  # the end of the text counts, too
        sums = [n * one.avg_logprob for n, one in zip(counts, results, strict=True)]
        score = sum(sums) / sum(counts)
        if not math.isfinite(score):
            return MedusaError("the probabilities of its text are not numbers; use --device cpu")
        text = " ".join(self._words(result.tokens) for result in results).strip()
        return Transcript(
            text=text,
            language=results[0].language,
            avg_logprob=score,
            no_speech_prob=min(result.no_speech_prob for result in results),
            compression_ratio=compression_ratio(text),
            seconds=sum(item.lengths) * FRAME / RATE_HZ,
            expected=self.options.language or item.language,
            detected=detected,
            words=self._timed(item, results) if self.words else None,
        )

    def _timed(self, item: Windows, results: Sequence[Any]) -> tuple[Word, ...]:
        """Return the words of a clip with their times."""
        tokenizer = _tokenizer(self.model, results[0].language)
        return words_of(self.model, tokenizer, item, [result.tokens for result in results])

    def _words(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without timestamps and other special tokens."""
        words: str = self.tokenizer.decode([one for one in tokens if one < self.tokenizer.eot])
        return words.strip()


def language_code(name: str | None) -> str | None:
    """Return the code of a language that is named by its code or in English; None stays None.

    Raises:
        MedusaError: Whisper does not support the language.
    """
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    if name is None:
        return None
    code = str(TO_LANGUAGE_CODE.get(name.lower(), name.lower()))
    if code not in LANGUAGES:
        hint = nearest(name.lower(), [*LANGUAGES, *TO_LANGUAGE_CODE])
        raise MedusaError(
            f"language {name}: Whisper does not support it{hint}; give a code such as en or de"
        )
    return code


def in_language(utterance: Utterance, item: Windows) -> Windows:
    """Return a clip with the language that the manifest names, if Whisper supports it."""
    return replace(item, language=_code(utterance.language))


def _code(named: str | None) -> str | None:
    """Return the code of a language in a corpus's spelling (`de`, `German`, `de-DE`), or None."""
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    lower_case = (named or "").strip().lower()
    language_part = lower_case.replace("_", "-").split("-")[0]
    codes = [
        TO_LANGUAGE_CODE.get(lower_case),
        *(one for one in (lower_case, language_part) if one in LANGUAGES),
    ]
    return next((str(one) for one in codes if one), None)


def _sure(shares: Mapping[str, float]) -> str | None:
    """Return the most probable language, if its probability is above one half."""
    best = max(shares, key=lambda code: shares[code])
    return best if shares[best] > SURE else None


def spoken(multilingual: bool, language: str | None) -> str | None:
    """Return the language in which to decode; an English model always decodes in English.

    Raises:
        MedusaError: the model is English, and another language is given.
    """
    if multilingual:
        return language
    if language not in (None, "en"):
        raise MedusaError(
            f"language {language}: this model transcribes only English; choose another model"
        )
    return "en"


def _tokenizer(model: Any, language: str | None = None) -> Any:
    """Return the model's tokenizer, without the warning that openai-whisper leaves a file open."""
    from whisper.tokenizer import get_tokenizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        return get_tokenizer(
            model.is_multilingual, num_languages=model.num_languages, language=language
        )
