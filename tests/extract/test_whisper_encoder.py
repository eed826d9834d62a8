"""Whisper's encoder against openai-whisper's own forward, and Hugging Face's against its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medusa.errors import CheckpointError
from medusa.extract.backbones import describe, family
from medusa.extract.backbones.whisper import windows_of

Wave = np.ndarray[Any, np.dtype[np.float32]]
WINDOW = 32000  # the small checkpoint hears 2 s at once


def load(path: Path, layers: tuple[int, ...]) -> Any:
    backbone = describe("auto", str(path))
    return family(backbone.family).load(backbone, layers, "cpu")


def reference(path: Path, window: Wave) -> torch.Tensor:
    """All layers (L + 1, 100, D) of one window, by hooks."""
    import whisper

    encoder = whisper.load_model(str(path), device="cpu").encoder
    states: list[torch.Tensor] = []
    encoder.blocks[0].register_forward_pre_hook(lambda _, given: states.append(given[0]))
    for block in encoder.blocks:
        block.register_forward_hook(lambda _, __, out: states.append(out))
    padded = torch.nn.functional.pad(torch.from_numpy(window), (0, WINDOW - len(window)))
    with torch.inference_mode():
        last = encoder(whisper.log_mel_spectrogram(padded)[None])
    return torch.cat([*states[:-1], last])


def test_every_layer_equals_the_model_alone_cut_to_the_true_length(
    checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    path = checkpoint("tiny.pt")
    encoder = load(path, (0, 1, 2, 3))
    found = encoder.encode([encoder.prepare(wave) for wave in waves])
    for one, wave in zip(found, waves, strict=True):
        frames = -(-len(wave) // 320)
        expected = reference(path, wave)[:, :frames]
        torch.testing.assert_close(one.values, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("layers", [(0,), (1,), (1, 2), (2,), (3,), (0, 3)])
def test_some_layers_equal_those_of_all(
    checkpoint: Callable[[str], Path], waves: list[Wave], layers: tuple[int, ...]
) -> None:
    """The highest block is computed for the true frames alone, those above it not at all."""
    path = checkpoint("tiny.pt")
    encoder = load(path, layers)
    found = encoder.encode([encoder.prepare(wave) for wave in waves])
    for one, wave in zip(found, waves, strict=True):
        expected = reference(path, wave)[list(layers), : -(-len(wave) // 320)]
        torch.testing.assert_close(one.values, expected, rtol=0, atol=1e-5)


def test_blocks_above_the_layers_asked_are_not_run(
    checkpoint: Callable[[str], Path], waves: list[Wave], monkeypatch: pytest.MonkeyPatch
) -> None:
    from whisper.model import MultiHeadAttention

    asked: list[int] = []
    forward = MultiHeadAttention.forward

    def counted(self: Any, x: torch.Tensor, *others: Any, **named: Any) -> Any:
        asked.append(x.shape[1])
        return forward(self, x, *others, **named)

    monkeypatch.setattr(MultiHeadAttention, "forward", counted)
    encoder = load(checkpoint("tiny.pt"), (2,))
    items = [encoder.prepare(wave) for wave in waves]
    encoder.encode(items)
    assert asked == [100, max(max(item.lengths) for item in items)]


@pytest.mark.parametrize("samples", [1, 399, 5000, 30_700, 30_801, 31_999, 32_000])
def test_the_spectrogram_of_a_clip_is_that_of_its_whole_window(samples: int) -> None:
    import whisper

    wave = np.random.default_rng(samples).standard_normal(samples).astype(np.float32) / 10
    (found,) = windows_of(wave, WINDOW, 80).whole
    padded = torch.from_numpy(np.pad(wave, (0, WINDOW - samples)))
    torch.testing.assert_close(found, whisper.log_mel_spectrogram(padded), rtol=0, atol=1e-6)


@pytest.mark.parametrize("samples", [1, 5000, 29_000, 30_801, 32_000])
def test_silence_that_is_spared_is_put_back(
    checkpoint: Callable[[str], Path], samples: int
) -> None:
    """All frames of a window, those of silence and the window's last, alone and beside a clip."""
    path = checkpoint("tiny.pt")
    wave = np.random.default_rng(samples).standard_normal(samples).astype(np.float32) / 10
    encoder = load(path, (0, 3))
    encoder.padding_too = True
    short = encoder.prepare(wave)
    assert short.mels[0].shape[1] <= min(samples // 160 + 14, 200)
    for items in ([short], [short, encoder.prepare(np.ones(9000, np.float32))]):
        found = encoder.encode(items)[0].values
        torch.testing.assert_close(found, reference(path, wave)[[0, 3]], rtol=0, atol=1e-5)


def test_long_recordings_are_heard_window_by_window(checkpoint: Callable[[str], Path]) -> None:
    path = checkpoint("tiny.pt")
    wave = np.random.default_rng(1).standard_normal(2 * WINDOW + 321).astype(np.float32)
    encoder = load(path, (3,))
    (found,) = encoder.encode([encoder.prepare(wave)])
    assert found.values.shape == (1, 202, 32)
    pieces = [wave[:WINDOW], wave[WINDOW : 2 * WINDOW], wave[2 * WINDOW :]]
    expected = torch.cat([reference(path, piece)[3] for piece in pieces])[:202]
    torch.testing.assert_close(found.values[0], expected, rtol=0, atol=1e-5)


def test_facts(checkpoint: Callable[[str], Path]) -> None:
    backbone = describe("whisper", str(checkpoint("tiny.pt")))
    assert (backbone.n_layers, backbone.width, backbone.default_layers) == (3, 32, "middle")
    assert (backbone.checkpoint, backbone.least_s, backbone.frame_shift_s) == ("local", 2.0, 0.02)


def test_hugging_faces_whisper_by_auto(tmp_path: Path, waves: list[Wave]) -> None:
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    sizes: dict[str, Any] = {"d_model": 32, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    config = WhisperConfig(
        **sizes, **heads, **ids, encoder_layers=2, decoder_layers=1, vocab_size=50
    )
    model = WhisperModel(config).eval()
    model.save_pretrained(tmp_path)
    encoder = load(tmp_path, (0, 1, 2))
    found = encoder.encode([encoder.prepare(wave) for wave in waves[:2]])
    listen: Any = WhisperFeatureExtractor
    for one, wave in zip(found, waves[:2], strict=True):
        mel = listen()(wave, sampling_rate=16000, return_tensors="pt").input_features
        with torch.inference_mode():
            out = model.get_encoder()(mel, output_hidden_states=True)
        expected = torch.cat(out.hidden_states)[:, : -(-len(wave) // 320)]
        torch.testing.assert_close(one.values, expected, rtol=0, atol=1e-4)


def test_what_is_no_whisper_file_is_refused(
    checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pt"
    broken.write_bytes(checkpoint("tiny.pt").read_bytes()[:5000])
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    cases = {
        str(broken): "not an openai-whisper checkpoint",
        str(tmp_path / "other.pt"): "not an openai-whisper checkpoint",
        str(tmp_path / "absent.pt"): "no such file",
        "larg-v3": "did you mean 'large-v3'",
        "openai/whisper-large-v3": "--backbone auto",
    }
    for given, message in cases.items():
        with pytest.raises(CheckpointError, match=message):
            describe("whisper", given)


def test_code_inside_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"dims": Evil()}))
    torch.save({"dims": Evil()}, tmp_path / "evil2.pt")
    for name in ("evil.pt", "evil2.pt"):
        with pytest.raises(CheckpointError):
            describe("whisper", str(tmp_path / name))
    assert not (tmp_path / "ran").exists()
