"""Pieces, half precision and published modes, against the same thing done by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from medusa.cache import FeatureStore
from medusa.errors import ConfigError, MedusaError
from medusa.extract.backbones import describe, family
from medusa.extract.encoders.chunking import Cut, cut_of
from medusa.extract.encoders.encoder import average_frames
from medusa.extract.encoders.runner import EncoderRunner, relative_difference
from medusa.extract.encoders.variants import variant, variant_of_store
from medusa.extract.passes.recompute import recompute
from medusa.tests.extract.running import extract, plan_jobs
from medusa.workspace import Workspace

Wave = np.ndarray[Any, np.dtype[np.float32]]


def load(path: Path, **choices: Any) -> Any:
    backbone = variant(describe("auto", str(path)), **choices)
    encoder = family(backbone.family).load(backbone, (backbone.n_layers,), "cpu")
    return backbone, encoder


def encoded(encoder: Any, *sources: Any) -> list[Tensor]:
    return [one.values for one in encoder.encode([encoder.prepare(one) for one in sources])]


@pytest.mark.parametrize("samples", [1, 999, 4000, 4001, 7039, 12345])
@pytest.mark.parametrize(("window", "step"), [(4000, 3200), (3040, 3040 - 320)])
def test_overlapping_pieces_give_every_frame_once(samples: int, window: int, step: int) -> None:
    """With an encoder whose frame f is just the number f, joined frames count up."""
    cut = Cut(window, step, 10)
    clip = torch.arange(samples)
    pieces = cut.pieces(clip)
    assert int(pieces[-1][-1]) == samples - 1
    answers = [piece[::10][None, :, None] // 10 for piece in pieces]
    joined = cut.join(answers, -(-samples // 10))
    assert joined.flatten().tolist() == list(range(-(-samples // 10)))


def test_far_from_a_cut_a_frame_is_as_the_window_alone_gives_it(
    checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    _, whole = load(checkpoint("hubert"))
    backbone, cut = load(checkpoint("hubert"), piece_s=0.8, overlap_s=0.4)
    (found,) = encoded(cut, waves[4])
    assert found.shape == encoded(whole, waves[4])[0].shape
    normal = whole.prepare(waves[4]).pieces[0]
    window, step = cut.cut.window, cut.cut.step
    assert (window, step) == (12800, 6400)
    second = whole._batch([normal[step : step + window]])[0]
    # 20 frames from piece to piece, 10 frames of each overlap belong to the piece before
    torch.testing.assert_close(found[:, 30:40], second[:, 10:20], rtol=0, atol=1e-5)
    assert backbone.preprocessing["piece_s"] == 0.8


def test_the_published_pieces_are_heard_one_by_one(
    checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    _, whole = load(checkpoint("wavlm"))
    _, published = load(checkpoint("wavlm"), like="medusa-published")
    (found,) = encoded(published, waves[1])  # 7001 samples: 3000, 3000, 1001 and 1999 zeros
    normal = whole.prepare(waves[1]).pieces[0]
    rows = torch.zeros(9000).index_copy(0, torch.arange(7001), normal).view(3, 3000)
    by_hand = whole.model(rows).last_hidden_state.detach()
    torch.testing.assert_close(found[0], by_hand.flatten(0, 1), rtol=0, atol=1e-5)
    (short,) = encoded(published, waves[1][:2000])  # One piece is not padded.
    torch.testing.assert_close(short, encoded(whole, waves[1][:2000])[0], rtol=0, atol=1e-5)
    assert found.shape[1] == 27


def test_published_pieces_that_were_stored_before_had_a_short_end(
    checkpoint: Callable[[str], Path],
) -> None:
    plain, _ = load(checkpoint("wavlm"))
    backbone, _ = load(checkpoint("wavlm"), like="medusa-published")
    assert variant_of_store(plain, backbone.preprocessing) == backbone
    before = {k: v for k, v in backbone.preprocessing.items() if k != "last_piece"}
    older = variant_of_store(plain, before)
    assert older.preprocessing == before
    clip = torch.arange(7001)
    sizes = [len(piece) for piece in cut_of(older.preprocessing, 16000, 320).pieces(clip)]
    assert sizes == [3000, 3000, 1001]
    sizes = [len(piece) for piece in cut_of(backbone.preprocessing, 16000, 320).pieces(clip)]
    assert sizes == [3000, 3000, 3000]


def test_the_published_texts_lose_a_token_at_each_end(
    checkpoint: Callable[[str], Path],
) -> None:
    _, plain = load(checkpoint("roberta"))
    _, published = load(checkpoint("roberta"), like="medusa-published")
    text = "the meeting is at seven"
    (kept,), (found,) = encoded(plain, text), encoded(published, text)
    torch.testing.assert_close(found, kept[:, 1:-1])
    (blank,) = encoded(published, "")
    assert blank.shape == (1, 1, 32)
    assert not blank.any()


def test_the_published_modernbert_has_no_final_norm(checkpoint: Callable[[str], Path]) -> None:
    plain_backbone, plain = load(checkpoint("modernbert"))
    backbone, published = load(checkpoint("modernbert"), like="medusa-published")
    text = "the meeting is at seven"
    (kept,), (found,) = encoded(plain, text), encoded(published, text)
    torch.testing.assert_close(plain.model.final_norm(found).detach(), kept[:, 1:-1])
    assert (found - kept[:, 1:-1]).abs().max() > 1e-3
    assert variant_of_store(plain_backbone, backbone.preprocessing) == backbone
    before = {k: v for k, v in backbone.preprocessing.items() if k != "final_norm"}
    assert variant_of_store(plain_backbone, before).preprocessing == before  # older stores


def test_the_published_whisper_keeps_the_silence(
    checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    _, plain = load(checkpoint("whisper.pt"))
    _, published = load(checkpoint("whisper.pt"), like="medusa-published")
    (cut,), (whole,) = encoded(plain, waves[1]), encoded(published, waves[1])
    assert whole.shape[1] == 100
    torch.testing.assert_close(whole[:, : cut.shape[1]], cut)


def test_the_published_whisper_is_the_encoder_of_a_call_that_fails(tmp_path: Path) -> None:
    """The published call gives the decoder no token, which transformers 5 refuses.

    Its intended result, the encoder's last state of all 1,500 frames, is computed here by the
    parts of transformers: the feature extractor, and the encoder alone.
    """
    import transformers as t

    sizes: dict[str, Any] = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 1}
    sizes |= {f"{part}_attention_heads": 2 for part in ("encoder", "decoder")}
    sizes |= {f"{part}_ffn_dim": 24 for part in ("encoder", "decoder")}
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    model = t.WhisperModel(t.WhisperConfig(**sizes, **tokens, vocab_size=60)).eval()
    model.save_pretrained(tmp_path)
    wave = np.random.default_rng(0).normal(0, 0.1, 20000).astype(np.float32)
    features: Any = t.WhisperFeatureExtractor()
    mel = features(raw_speech=wave, sampling_rate=16000, return_tensors="pt").input_features
    with pytest.raises(ValueError, match="decoder_input_ids"):
        model(mel, output_hidden_states=True)
    with torch.inference_mode():
        expected = model.get_encoder()(mel).last_hidden_state
    _, published = load(tmp_path, like="medusa-published")
    (found,) = encoded(published, wave)
    assert found.shape == (1, 1500, 16)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-4)


def narrow_groups_are_right_in_bf16() -> bool:
    """Compare a convolution of two channels a group, as the small checkpoints have, with float32.

    oneDNN computes it wrongly in bf16 on processors with AMX tiles; 64 channels a group, as the
    published checkpoints have, it computes rightly.
    """
    torch.manual_seed(0)
    convolution, x = torch.nn.Conv1d(32, 32, 128, padding=64, groups=16), torch.randn(1, 32, 50)
    with torch.no_grad():
        exact = convolution(x)
        with torch.autocast("cpu", torch.bfloat16):
            return relative_difference(convolution(x), exact) < 0.03


@pytest.mark.parametrize("name", ["wavlm", "hubert", "whisper.pt", "roberta", "modernbert"])
def test_bf16_is_near_float32_and_another_identity(
    name: str, checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    exact_backbone, exact = load(checkpoint(name))
    backbone, encoder = load(checkpoint(name), precision="bf16")
    source = "the meeting is at seven" if backbone.input == "text" else waves[1]
    items = [encoder.prepare(source)]
    encode = EncoderRunner(encoder, backbone, "none", "cpu").features
    if name in ("wavlm", "hubert") and not narrow_groups_are_right_in_bf16():
        with pytest.raises(MedusaError, match="use --set precision=fp32"):
            encode(items)  # wrong features are refused, whoever computed them
        return
    found = encode(items)[0].values
    share = relative_difference(found, exact.encode(items)[0].values)
    assert 0 < share < 0.03
    last = (exact_backbone.n_layers,)
    specs = {one.spec(last, "sum", "float16").digest for one in (exact_backbone, backbone)}
    assert len(specs) == 2
    assert variant_of_store(exact_backbone, backbone.preprocessing) == backbone


def test_half_precision_that_goes_wrong_is_refused(
    checkpoint: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone, encoder = load(checkpoint("roberta"), precision="bf16")
    encode = encoder.encode

    def broken(items: Any) -> Any:
        found = encode(items)
        if torch.is_autocast_enabled("cpu"):
            return [replace(one, values=one.values * float("nan")) for one in found]
        return found

    runner = EncoderRunner(encoder, backbone, "none", "cpu")
    monkeypatch.setattr(encoder, "encode", broken)
    with pytest.raises(MedusaError, match="use --set precision=fp32"):
        runner.features([encoder.prepare("oh well")])


def test_signal_features_are_always_float32() -> None:
    assert variant(describe("logmel"), precision="bf16") == describe("logmel")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"like": "medusa-publishd"}, "did you mean"),
        ({"overlap_s": 1.0}, "belongs to piece_s"),
        ({"piece_s": 2.0, "overlap_s": 1.5}, "half of piece_s"),
    ],
)
def test_choices_that_cannot_be(
    choices: dict[str, Any], message: str, checkpoint: Callable[[str], Path]
) -> None:
    with pytest.raises(ConfigError, match=message):
        variant(describe("auto", str(checkpoint("wavlm"))), **choices)
    with pytest.raises(ConfigError):
        variant(describe("logmel"), **(choices | {"piece_s": 5.0}))


def test_averaged_frames_by_hand() -> None:
    values = torch.arange(7.0).reshape(1, 7, 1)
    assert average_frames(values, 2).flatten().tolist() == [0.5, 2.5, 4.5, 6.0]
    assert average_frames(values, 4).flatten().tolist() == [1.5, 5.0]
    assert average_frames(values[:, :1], 4).flatten().tolist() == [0.0]
    assert average_frames(values, 1) is values


def test_frames_averaged_before_storing_are_declared(
    tmp_path: Path, workspace: Callable[..., Any]
) -> None:
    manifest = workspace((16000, 7001))
    stores = []
    for pool in (1, 4):
        (job,) = plan_jobs(
            Workspace.open(tmp_path), ["logmel"], dtype="float32", average_frames=pool
        )
        assert not extract(job, "cpu", 10.0).problems
        stores.append(FeatureStore.open(job.store))
    assert stores[1].spec.frame_shift_s == pytest.approx(0.08)
    for content in manifest.frame["content"]:
        plain, pooled = (store.read([content]).values for store in stores)
        groups = [group.mean(0) for group in plain.split(4)]
        torch.testing.assert_close(pooled, torch.stack(groups), rtol=0, atol=1e-6)
    assert recompute(Workspace.open(tmp_path), stores[1], 2, "cpu").largest < 1e-6
    with pytest.raises(ConfigError, match="no frames in time"):
        variant(replace(describe("logmel"), frame_shift_s=None), average_frames=2)
