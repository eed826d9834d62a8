"""Policies for flagged transcripts, word error rates by hand, beams one clip at a time."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medusa.errors import MedusaError
from medusa.extract.checkpoints import whisper_files
from medusa.extract.transcription.decoder import Transcriber, Transcript
from medusa.extract.transcription.policy import POLICIES
from medusa.extract.transcription.word_errors import word_errors

SOUND = Transcript("we said so", "en", -0.3, 0.1, 1.1, seconds=2.0)
LOOPING = replace(SOUND, text="no " * 40, compression_ratio=9.0, seconds=20.0)


def never(temperature: float) -> Transcript:
    raise AssertionError("decoded again without need")


@pytest.mark.parametrize("policy", list(POLICIES))
def test_texts_without_flags_are_kept(policy: str) -> None:
    assert POLICIES[policy](SOUND, never) == SOUND


def test_too_fast_is_by_characters_a_second() -> None:
    assert replace(SOUND, text="x" * 60).flags == []
    assert replace(SOUND, text="x" * 61).flags == ["too-fast"]
    # half a second at least: a short yes is no hallucination
    assert replace(SOUND, text="yes of course", seconds=0.1).flags == []


def test_each_policy_on_a_loop() -> None:
    assert POLICIES["keep"](LOOPING, never) == LOOPING
    blank = POLICIES["empty"](LOOPING, never)
    assert isinstance(blank, Transcript)
    assert blank.text == ""
    assert "looping" in blank.flags
    assert isinstance(POLICIES["drop"](LOOPING, never), MedusaError)


def test_retry_stops_at_the_first_sound_answer() -> None:
    asked = []

    def again(temperature: float) -> Transcript:
        asked.append(temperature)
        return SOUND if temperature >= 0.6 else replace(LOOPING, avg_logprob=-0.9)

    assert POLICIES["retry"](LOOPING, again) == SOUND
    assert asked == [0.2, 0.4, 0.6]


def test_retry_in_vain_takes_the_likeliest() -> None:
    def again(temperature: float) -> Transcript:
        return replace(LOOPING, avg_logprob=-0.1 if temperature == 0.4 else -2.0)

    found = POLICIES["retry"](LOOPING, again)
    assert isinstance(found, Transcript)
    assert found.avg_logprob == -0.1


def test_word_errors_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = {"a": "The cat sat, on the mat.", "b": "Yes!", "c": "unheard", "d": "?"}
    said = {"a": "the cat sat on a mat", "b": "yes yes", "d": "anything", "e": "no truth"}
    # one substitution and one insertion over 6 + 1 words
    assert word_errors(said, truth) == pytest.approx(2 / 7)
    assert word_errors({"e": "x"}, truth) is None
    monkeypatch.setitem(sys.modules, "jiwer", None)
    assert word_errors(said, truth) is None


@pytest.fixture(scope="module")
def model(checkpoint: Callable[[str], Path]) -> Any:
    return whisper_files.read_model(str(checkpoint("whisper.pt")), "cpu")


def windows(reader: Transcriber, *lengths: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [reader.prepare((rng.standard_normal(n) * 0.1).astype(np.float32)) for n in lengths]


def test_sampling_depends_on_the_sound_alone(model: Any) -> None:
    reader = Transcriber(model, "en", 5, "cpu")
    first, second = windows(reader, 9000, 16000)
    torch.manual_seed(1)
    one = reader.sample(first, 1.0)
    reader.sample(second, 1.0)
    torch.manual_seed(2)
    assert reader.sample(first, 1.0) == one


def test_beams_do_not_depend_on_the_batch(model: Any) -> None:
    reader = Transcriber(model, "en", 5, "cpu", prompt="Names: Ada.", beam=3)
    items = windows(reader, 9000, 16000, 50000)
    together = reader.encode(items)
    for item, found in zip(items, together, strict=True):
        (alone,) = reader.encode([item])
        assert isinstance(alone, Transcript)
        assert isinstance(found, Transcript)
        assert alone.text == found.text
        assert alone.avg_logprob == pytest.approx(found.avg_logprob, abs=1e-4)
