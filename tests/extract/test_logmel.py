"""Log-mel frames against openai-whisper's spectrogram and a slow loop over pairs of frames."""

from typing import Any

import numpy as np
import pytest
import torch
import whisper

from medusa.errors import MedusaError
from medusa.extract.backbones import describe, family

Wave = np.ndarray[Any, np.dtype[np.float32]]


def encoder(name: str = "logmel") -> Any:
    return family("logmel").load(describe(name), (0,), "cpu")


def reference(wave: Wave, mels: int = 80) -> torch.Tensor:
    mel = whisper.log_mel_spectrogram(torch.from_numpy(wave), mels)
    frames = [mel[:, at : at + 2].mean(1) for at in range(0, mel.shape[1], 2)]
    return torch.stack(frames)


@pytest.mark.parametrize(("name", "mels"), [("logmel", 80), ("logmel128", 128)])
def test_pairs_of_whispers_frames(name: str, mels: int, waves: list[Wave]) -> None:
    heard = [wave for wave in waves if len(wave) >= 400]
    listen = encoder(name)
    found = listen.encode([listen.prepare(wave) for wave in heard])
    for one, wave in zip(found, heard, strict=True):
        torch.testing.assert_close(one.values[0], reference(wave, mels), rtol=0, atol=1e-5)
        assert one.flags == ()


def test_the_clamp_is_the_utterances_own(waves: list[Wave]) -> None:
    """A loud neighbour in the batch does not lift the floor of a quiet utterance."""
    listen = encoder()
    quiet = waves[0] * 1e-3
    quiet[8000:] = 0
    alone = listen.encode([listen.prepare(quiet)])[0].values
    beside = listen.encode([listen.prepare(quiet), listen.prepare(waves[4] * 5)])[0].values
    torch.testing.assert_close(beside, alone, rtol=0, atol=1e-6)


def test_very_short_clips_are_padded_and_flagged(waves: list[Wave]) -> None:
    listen = encoder()
    (found,) = listen.encode([listen.prepare(waves[2])])
    assert (found.values.shape, found.flags) == ((1, 1, 80), ("padded",))


def test_facts_and_refusals() -> None:
    backbone = describe("logmel")
    assert (backbone.width, backbone.frame_shift_s, backbone.n_layers) == (80, 0.02, 0)
    assert describe("logmel128").revision != backbone.revision
    with pytest.raises(MedusaError, match="did you mean 'mel_80'"):
        describe("logmel", "mel80")
    with pytest.raises(MedusaError, match="no revisions"):
        describe("logmel", None, "main")
