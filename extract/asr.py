"""Whisper's decoder: windows of speech to text, with what shows that the text may be wrong."""

import math
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from medusa.errors import MedusaError, nearest
from medusa.extract.audio import Wave
from medusa.extract.backbones.whisper import FRAME, RATE_HZ, Windows, windows_of

# openai-whisper's own thresholds for trying again
LOOPING, UNSURE, SILENT = 2.4, -1.0, 0.6
FAST = 30.0  # characters a second; hurried speech has 20


class TranscribeError(MedusaError):
    """Speech that a model cannot turn into text, or options it does not have."""


@dataclass(frozen=True)
class Transcript:
    """What was said, as in `docs/contracts.md`."""

    text: str
    language: str
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    seconds: float = math.inf  # of speech

    @property
    def flags(self) -> list[str]:
        """`empty`, `looping`, `low-confidence`, `no-speech`, `too-fast`: look before you trust."""
        signs = {
            "empty": not self.text,
            "looping": self.compression_ratio > LOOPING,
            "low-confidence": self.avg_logprob < UNSURE,
            "no-speech": self.no_speech_prob > SILENT,
            "too-fast": len(self.text) > FAST * max(self.seconds, 0.5),
        }
        return [name for name, there in signs.items() if there]


class Transcriber:
    """Greedy decoding of many clips at once; clips longer than a window by windows.

    Args:
        model: an openai-whisper model.
        language: a code; None to detect it for every clip.
        max_tokens: the longest answer for one window; None for half the model's context.
        device: of the model. float16 on a GPU, as openai-whisper does, else float32.
        prompt: what was said before, for names and style.
        beam: hypotheses of a beam search; windows are then decoded one by one.

    Raises:
        TranscribeError: the model knows English only, and that is not it.
    """

    def __init__(
        self,
        model: Any,
        language: str | None,
        max_tokens: int | None,
        device: str,
        prompt: str | None = None,
        beam: int | None = None,
    ) -> None:
        from whisper import DecodingOptions

        self.model, self.tokenizer = model, _tokenizer(model)
        self.options = DecodingOptions(
            language=_spoken(model, language),
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
        mels = torch.stack([mel for item in items for mel in item.mels])
        return self.decode(mels.to(self.model.device), items)

    def decode(
        self, heard: torch.Tensor, items: Sequence[Windows]
    ) -> list[Transcript | MedusaError]:
        """Return the transcripts of clips, from their windows' spectrograms or encoded features.

        Args:
            heard: (W, mels, mel frames), or (W, T, D) as they leave the encoder.
            items: the clips that the W windows are of.
        """
        if self.options.beam_size:  # batched beams are broken in openai-whisper 20250625
            results = iter([self._search(one) for one in heard])
        else:
            results = iter(self.model.decode(heard, self.options))
        return [self._joined(item, [next(results) for _ in item.mels]) for item in items]

    def _search(self, window: torch.Tensor) -> Any:
        with warnings.catch_warnings():
            # it hands numpy a list of tensors
            warnings.filterwarnings("ignore", ".*__array_wrap__", DeprecationWarning)
            return self.model.decode(window[None], self.options)[0]

    def again(self, item: Windows, temperature: float) -> Transcript | MedusaError:
        """Decode one clip by sampling; the same clip gives the same text every time."""
        options = replace(self.options, temperature=temperature, beam_size=None)
        mels = torch.stack(item.mels)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(zlib.crc32(mels.numpy().tobytes()))
            found = self.model.decode(mels.to(self.model.device), options)
        return self._joined(item, found)

    def _joined(self, item: Windows, results: Sequence[Any]) -> Transcript | MedusaError:
        """Make one transcript of a clip's windows; its confidence is the mean over all tokens."""
        from whisper.utils import compression_ratio

        counts = [len(result.tokens) + 1 for result in results]  # and the end of the text
        sums = [n * one.avg_logprob for n, one in zip(counts, results, strict=True)]
        score = sum(sums) / sum(counts)
        if not math.isfinite(score):
            return TranscribeError("its probabilities are not numbers; try --device cpu")
        text = " ".join(self._words(result.tokens) for result in results).strip()
        return Transcript(
            text=text,
            language=results[0].language,
            avg_logprob=score,
            no_speech_prob=min(result.no_speech_prob for result in results),
            compression_ratio=compression_ratio(text),
            seconds=sum(item.lengths) * FRAME / RATE_HZ,
        )

    def _words(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; timestamps and other marks are no words."""
        words: str = self.tokenizer.decode([one for one in tokens if one < self.tokenizer.eot])
        return words.strip()


def language_code(asked: str | None) -> str | None:
    """Return the code of a language named by code or in English; None stays None.

    Raises:
        TranscribeError: Whisper does not know it.
    """
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    if asked is None:
        return None
    code = str(TO_LANGUAGE_CODE.get(asked.lower(), asked.lower()))
    if code not in LANGUAGES:
        hint = nearest(asked.lower(), [*LANGUAGES, *TO_LANGUAGE_CODE])
        raise TranscribeError(
            f"--language {asked}: not a language Whisper knows{hint}; e.g. en, de"
        )
    return code


def _spoken(model: Any, language: str | None) -> str | None:
    """Return the language to decode in; a model of English alone has no other."""
    if model.is_multilingual:
        return language
    if language not in (None, "en"):
        raise TranscribeError(f"--language {language}: this model knows English only")
    return "en"


def _tokenizer(model: Any) -> Any:
    """Return the model's tokenizer; openai-whisper forgets to close the file it reads."""
    from whisper.tokenizer import get_tokenizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        return get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
