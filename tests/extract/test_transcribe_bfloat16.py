"""`medusa transcribe --set precision=bf16`: close to float32, in a table of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medusa.errors import ConfigError, MedusaError
from medusa.extract.checkpoints import whisper_files
from medusa.extract.transcription.decoder import Transcriber, Transcript
from medusa.extract.transcription.transcription_options import TranscriptionOptions
from medusa.manifests import Manifest
from medusa.tests.command_line import call


@pytest.fixture
def load(checkpoint: Callable[[str], Path]) -> Callable[[], Any]:
    return lambda: whisper_files.read_model(str(checkpoint("whisper.pt")), "cpu")


@pytest.mark.parametrize("further", [{}, {"beam": 2}])
def test_the_first_token_has_the_probability_of_float32(
    load: Callable[[], Any], further: dict[str, Any]
) -> None:
    """One token is decoded: later tokens differ where two candidates are equally likely."""
    exact = Transcriber(load(), "en", 1, "cpu", **further)
    half = Transcriber(load(), "en", 1, "cpu", bfloat16=True, **further)
    rng = np.random.default_rng(0)
    items = [
        exact.prepare((rng.standard_normal(n) * 0.1).astype(np.float32)) for n in (9000, 20000)
    ]
    for one, other in zip(exact.encode(items), half.encode(items), strict=True):
        assert isinstance(one, Transcript)
        assert isinstance(other, Transcript)
        assert other.avg_logprob == pytest.approx(one.avg_logprob, abs=0.05)
        assert other.avg_logprob != one.avg_logprob
        assert other.no_speech_prob == pytest.approx(one.no_speech_prob, rel=0.1)


def test_a_text_at_a_temperature_is_repeatable(load: Callable[[], Any]) -> None:
    half = Transcriber(load(), None, 4, "cpu", bfloat16=True)
    wave = np.random.default_rng(0).standard_normal(9000).astype(np.float32) * 0.1
    item = half.prepare(wave)
    assert half.sample(item, 1.0) == half.sample(item, 1.0)


def test_norms_stay_in_float32(load: Callable[[], Any]) -> None:
    model = Transcriber(load(), "en", 1, "cpu", bfloat16=True).model
    assert model.encoder.ln_post.weight.dtype == torch.float32
    assert model.encoder.conv1.weight.dtype == torch.bfloat16
    assert model.decoder.token_embedding.weight.dtype == torch.bfloat16


def test_a_table_has_one_precision(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    workspace((16000,))
    given = ["--model", str(checkpoint("whisper.pt")), "--language", "en", "--set=max_tokens=2"]
    call(tmp_path, "transcribe", *given, "--set=precision=bf16")
    with pytest.raises(MedusaError, match=r"another precision \(bf16, not None\)"):
        call(tmp_path, "transcribe", *given)


def test_other_precisions_are_refused() -> None:
    with pytest.raises(ConfigError, match="precision=fp8: expected auto or bf16"):
        TranscriptionOptions(precision="fp8")
