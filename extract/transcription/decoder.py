"""Whisper's decoder: windows of speech become text, with signs that the text may be wrong."""

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
from medusa.extract.transcription.word_times import Word, words_of

# openai-whisper's own thresholds for trying again
LOOPING, UNSURE, SILENT = 2.4, -1.0, 0.6
FAST = 30.0  # characters a second; hurried speech has 20
SURE = 0.5  # probability of the detected language; for a short clip it is often lower


@dataclass(frozen=True)
class Transcript:
    """The text of an utterance, as in `docs/contracts.md`.

    Attributes:
        expected: the language given by the user, or by the manifest.
        detected: the language that Whisper detected, where Whisper is sure of it.
        words: the words with their times; None where they were not wanted.
    """

    text: str
    language: str
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    seconds: float = math.inf  # of speech
    expected: str | None = None
    detected: str | None = None
    words: tuple[Word, ...] | None = None

    @property
    def flags(self) -> list[str]:
        """Signs that the text should be checked: `empty`, `looping`, `language`, ..."""
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
    """Greedy decoding of many clips at once; clips longer than a window by windows.

    Args:
        model: an openai-whisper model.
        language: a code; None to detect it for every clip.
        max_tokens: the longest text of one window; None for half the model's context.
        device: of the model. float16 on a GPU, as openai-whisper does, else float32.
        prompt: text that goes before, for names and style.
        beam: hypotheses of a beam search; windows are then decoded one by one.
        words: keep every word's times, at the cost of a second pass over each window.

    Raises:
        MedusaError: the model knows English only, and that is not it.
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
    ) -> None:
        from whisper import DecodingOptions

        self.model, self.tokenizer, self.words = model, _tokenizer(model), words
        self.options = DecodingOptions(
            language=spoken(model.is_multilingual, language),
            sample_len=max_tokens,
            without_timestamps=True,
            prompt=prompt,
            beam_size=beam,
            fp16=device.startswith("cuda"),
        )

    def prepare(self, source: Wave) -> Windows:
        dims = self.model.dims
        return windows_of(source, dims.n_audio_ctx * FRAME, dims.n_mels)

    def encode(self, items: Sequence[Windows]) -> list[Transcript | MedusaError]:
        mels = torch.cat([item.whole for item in items])
        return self.decode(mels.to(self.model.device), items)

    def decode(
        self, mels: torch.Tensor, items: Sequence[Windows]
    ) -> list[Transcript | MedusaError]:
        """Return the transcripts of clips, from their windows' spectrograms or encoded features.

        Args:
            mels: (W, mels, mel frames), or (W, T, D) as they leave the encoder.
            items: the clips that the W windows are of.
        """
        mels, detected = self._detect(mels, items)
        if self.options.beam_size:  # batched beams are broken in openai-whisper 20250625
            results = iter([self._search(one) for one in mels])
        else:
            results = iter(self.model.decode(mels, self.options))
        return [
            self._joined(item, [next(results) for _ in item.mels], language)
            for item, language in zip(items, detected, strict=True)
        ]

    def _detect(
        self, mels: torch.Tensor, items: Sequence[Windows]
    ) -> tuple[torch.Tensor, list[str | None]]:
        """Return the encoded windows, and the language of each clip where one is expected.

        Decoding reports neither the probability of its language nor another one that it detected.
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
        with warnings.catch_warnings():
            # it hands numpy a list of tensors
            warnings.filterwarnings("ignore", ".*__array_wrap__", DeprecationWarning)
            return self.model.decode(window[None], self.options)[0]

    def sample(self, item: Windows, temperature: float) -> Transcript | MedusaError:
        """Decode one clip by sampling; the same clip gives the same text every time."""
        options = replace(self.options, temperature=temperature, beam_size=None)
        mels = item.whole
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(zlib.crc32(mels.numpy().tobytes()))
            mels, (language,) = self._detect(mels.to(self.model.device), [item])
            found = self.model.decode(mels, options)
        return self._joined(item, found, language)

    def _joined(
        self, item: Windows, results: Sequence[Any], detected: str | None
    ) -> Transcript | MedusaError:
        """Make one transcript of a clip's windows; its confidence is the mean over all tokens."""
        from whisper.utils import compression_ratio

        counts = [len(result.tokens) + 1 for result in results]  # and the end of the text
        sums = [n * one.avg_logprob for n, one in zip(counts, results, strict=True)]
        score = sum(sums) / sum(counts)
        if not math.isfinite(score):
            return MedusaError("its probabilities are not numbers; try --device cpu")
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
        tokenizer = _tokenizer(self.model, results[0].language)
        return words_of(self.model, tokenizer, item, [result.tokens for result in results])

    def _words(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; timestamps and other marks are no words."""
        words: str = self.tokenizer.decode([one for one in tokens if one < self.tokenizer.eot])
        return words.strip()


def language_code(name: str | None) -> str | None:
    """Return the code of a language named by code or in English; None stays None.

    Raises:
        MedusaError: Whisper does not know it.
    """
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    if name is None:
        return None
    code = str(TO_LANGUAGE_CODE.get(name.lower(), name.lower()))
    if code not in LANGUAGES:
        hint = nearest(name.lower(), [*LANGUAGES, *TO_LANGUAGE_CODE])
        raise MedusaError(
            f"language {name}: Whisper does not know it{hint}; give a code such as en or de"
        )
    return code


def in_language(utterance: Utterance, item: Windows) -> Windows:
    """Return a clip that knows what language the corpus says it is in, if Whisper knows it."""
    return replace(item, language=_code(utterance.language))


def _code(named: str | None) -> str | None:
    """Return the code of a language as corpora write it (`de`, `German`, `de-DE`), or None."""
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    plain = (named or "").strip().lower()
    short = plain.replace("_", "-").split("-")[0]
    found = [TO_LANGUAGE_CODE.get(plain), *(one for one in (plain, short) if one in LANGUAGES)]
    return next((str(one) for one in found if one), None)


def _sure(shares: Mapping[str, float]) -> str | None:
    """Return the likeliest language, if it is likelier than not."""
    best = max(shares, key=lambda code: shares[code])
    return best if shares[best] > SURE else None


def spoken(multilingual: bool, language: str | None) -> str | None:
    """Return the language to decode in; a model of English alone has no other.

    Raises:
        MedusaError: such a model, and another language.
    """
    if multilingual:
        return language
    if language not in (None, "en"):
        raise MedusaError(f"language {language}: this model knows English only")
    return "en"


def _tokenizer(model: Any, language: str | None = None) -> Any:
    """Return the model's tokenizer; openai-whisper forgets to close the file it reads."""
    from whisper.tokenizer import get_tokenizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        return get_tokenizer(
            model.is_multilingual, num_languages=model.num_languages, language=language
        )
