"""Whisper with a window shorter than its own, against an encoder that is built for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medusa.cache import FeatureStore
from medusa.errors import ConfigError, MedusaError, StoreError
from medusa.extract.backbones import describe, family
from medusa.extract.encoders.variants import variant, variant_of_store
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.passes.recompute import recompute
from medusa.recipes.definition.recipe import Feature
from medusa.recipes.extraction import extraction_options
from medusa.tests.command_line import call, invoke
from medusa.tests.extract.running import extract, plan_jobs
from medusa.workspace import Workspace

Wave = np.ndarray[Any, np.dtype[np.float32]]
HALF = 16000  # the small checkpoint hears 2 s at once, here 1 s
LAYERS = (0, 2, 3)


def encoded(path: Path, waves: list[Wave], layers: tuple[int, ...], **choices: Any) -> list[Any]:
    backbone = variant(describe("auto", str(path)), **choices)
    encoder = family(backbone.family).load(backbone, layers, "cpu")
    return [one.values for one in encoder.encode([encoder.prepare(wave) for wave in waves])]


def built_for_half(path: Path) -> Any:
    """openai-whisper's encoder of 50 positions, with the weights of a checkpoint of 100."""
    import whisper
    from whisper.model import AudioEncoder

    whole = whisper.load_model(str(path), device="cpu")
    dims = whole.dims
    sizes = (dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer)
    half = AudioEncoder(dims.n_mels, dims.n_audio_ctx // 2, *sizes)
    weights = whole.encoder.state_dict()
    weights.pop("positional_embedding")  # sinusoids, of its own length
    half.load_state_dict(weights, strict=False)
    return half.eval()


def test_a_shorter_window_is_an_encoder_of_fewer_positions(
    checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    import whisper

    path = checkpoint("tiny.pt")
    half = built_for_half(path)
    found = encoded(path, waves, (3,), window_s=1.0)
    for one, wave in zip(found, waves, strict=True):
        pieces = [wave[at : at + HALF] for at in range(0, len(wave), HALF)]
        heard = []
        for piece in pieces:
            padded = torch.from_numpy(np.pad(piece, (0, HALF - len(piece))))
            with torch.inference_mode():
                states = half(whisper.log_mel_spectrogram(padded)[None])
            heard.append(states[:, : -(-len(piece) // 320)])
        torch.testing.assert_close(one, torch.cat(heard, 1), rtol=0, atol=1e-5)


def test_hugging_faces_whisper_with_a_shorter_window(tmp_path: Path, waves: list[Wave]) -> None:
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    sizes: dict[str, Any] = {"d_model": 32, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    more = {"encoder_layers": 3, "decoder_layers": 1, "vocab_size": 50}
    model = WhisperModel(WhisperConfig(**sizes, **heads, **ids, **more)).eval()
    model.save_pretrained(tmp_path)
    short = WhisperModel(WhisperConfig(**sizes, **heads, **ids, **more, max_source_positions=500))
    weights = model.encoder.state_dict()
    weights["embed_positions.weight"] = weights["embed_positions.weight"][:500]
    short.encoder.load_state_dict(weights)
    found = encoded(tmp_path, waves[:2], LAYERS, window_s=10.0)
    listen: Any = WhisperFeatureExtractor
    for one, wave in zip(found, waves[:2], strict=True):
        mel = listen(chunk_length=10)(wave, sampling_rate=16000, return_tensors="pt")
        with torch.inference_mode():
            out = short.eval().encoder(mel.input_features, output_hidden_states=True)
        states = torch.cat(out.hidden_states)[list(LAYERS), : -(-len(wave) // 320)]
        torch.testing.assert_close(one, states, rtol=0, atol=1e-4)


def test_a_shorter_window_is_another_identity_and_comes_out_again(
    tmp_path: Path, workspace: Callable[..., Any], checkpoint: Callable[[str], Path]
) -> None:
    workspace((16000, 7001))
    path, stores = str(checkpoint("tiny.pt")), []
    for window_s in (None, 2.0, 1.015):
        jobs = plan_jobs(
            Workspace.open(tmp_path), ["whisper"], path, dtype="float32", window_s=window_s
        )
        stores.append(jobs[0].store)
    assert stores[0] == stores[1] != stores[2]  # 2 s is the whole window
    assert jobs[0].backbone.preprocessing["window_s"] == 1.02  # whole frames
    assert jobs[0].backbone.least_s == 1.02
    assert not extract(jobs[0], "cpu", 10.0).problems
    store = FeatureStore.open(stores[2])
    assert variant_of_store(describe("whisper", path), store.spec.preprocessing) == jobs[0].backbone
    assert recompute(Workspace.open(tmp_path), store, 2, "cpu", path).largest < 1e-6


def test_weights_that_cannot_hear_a_stores_window_are_the_wrong_ones(
    tmp_path: Path, workspace: Callable[..., Any], checkpoint: Callable[[str], Path]
) -> None:
    from whisper.model import ModelDimensions, Whisper

    workspace((16000,))
    short = Whisper(ModelDimensions(80, 40, 32, 2, 3, 51866, 16, 32, 2, 2))  # 0.8 s
    torch.save({"dims": vars(short.dims), "model_state_dict": short.state_dict()}, tmp_path / "s")
    place = Workspace.open(tmp_path)
    for path, wrong in ((str(tmp_path / "s"), None), (str(checkpoint("tiny.pt")), tmp_path / "s")):
        (job,) = plan_jobs(place, ["whisper"], path, dtype="float32")
        assert not extract(job, "cpu", 10.0).problems
        store = FeatureStore.open(job.store)
        if wrong is None:
            assert recompute(place, store, 1, "cpu", path).largest < 1e-6
        else:
            with pytest.raises(StoreError, match="name the right weights"):
                recompute(place, store, 1, "cpu", str(wrong))


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        ("tiny.pt", {"window_s": 0.5}, "expected 1 to 2 s"),
        ("tiny.pt", {"window_s": 3.0}, "expected 1 to 2 s"),
        ("tiny.pt", {"window_s": 1.0, "like": "medusa-published"}, "leave one of them out"),
        ("wavlm", {"window_s": 1.0}, "only Whisper has this option"),
    ],
)
def test_windows_that_cannot_be(
    checkpoint: Callable[[str], Path], name: str, choices: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        variant(describe("auto", str(checkpoint(name))), **choices)


def test_the_decoder_wants_the_whole_window(
    tmp_path: Path, workspace: Callable[..., Any], checkpoint: Callable[[str], Path]
) -> None:
    workspace((16000,))
    words = ["extract", "--backbone", "whisper", "--device", "cpu"]
    words += ["--checkpoint", str(checkpoint("tiny.pt")), "--set", "window_s=1"]
    done = invoke(tmp_path, *words, "--transcribe")
    assert isinstance(done.exception, MedusaError)
    assert "window_s" in str(done.exception)
    call(tmp_path, *words)


def test_a_recipe_may_ask_for_a_shorter_window(tmp_path: Path) -> None:
    feature = Feature("whisper", window_s=12.0, average_frames=2)
    options = extraction_options(Workspace.open(tmp_path), "whisper12", feature)
    assert options == ExtractionOptions(label="whisper12", average_frames=2, window_s=12.0)
    for folder, asked in ((tmp_path / "small", False), (tmp_path / "checkpoints", True)):
        folder.mkdir()
        (folder / "whisper.pt").touch()
        options = extraction_options(
            Workspace.open(tmp_path), "w", feature, stand_ins=tmp_path / "small"
        )
        assert options.window_s == (12.0 if asked else None)
        assert options.checkpoint == str(folder / "whisper.pt")
