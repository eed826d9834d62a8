"""Features of speech encoders against the transformers model itself, clip by clip, unpadded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medusa.errors import CheckpointError
from medusa.extract.backbones import describe, family, ssl
from medusa.extract.encoders import front_end
from medusa.extract.encoders.front_end import over_channels

NAMES = ("wavlm", "wavlm-post", "hubert", "wav2vec2-group", "data2vec", "hubert-batch-norm")
# These are other classes that read samples. SEW is left out: it cannot encode a single frame.
OTHERS = ("wav2vec2", "unispeech", "unispeech-sat", "wav2vec2-conformer")
Wave = np.ndarray[Any, np.dtype[np.float32]]


def load(path: Path, layers: tuple[int, ...] | None = None) -> Any:
    backbone = describe("auto", str(path))
    kept = layers or tuple(range(backbone.n_layers + 1))
    return family(backbone.family).load(backbone, kept, "cpu")


def reference(path: Path, wave: Wave) -> torch.Tensor:
    """All layers (L + 1, T, D), by hooks on the layers of the model as its own class loads it."""
    from transformers import AutoFeatureExtractor, AutoModel

    model = AutoModel.from_pretrained(path).eval()
    states: list[torch.Tensor] = []

    def enters(_: Any, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
        states.append(positional[0] if positional else named["hidden_states"])

    def leaves(_: Any, __: Any, out: Any) -> None:
        states.append(out[0] if isinstance(out, tuple) else out)

    model.encoder.layers[0].register_forward_pre_hook(enters, with_kwargs=True)
    for layer in model.encoder.layers:
        layer.register_forward_hook(leaves)
    listen: Any = AutoFeatureExtractor
    heard = listen.from_pretrained(path)(wave, sampling_rate=16000, return_tensors="pt")
    samples = heard["input_values"]
    if samples.shape[1] < 400:
        samples = torch.nn.functional.pad(samples, (0, 400 - samples.shape[1]))
    with torch.inference_mode():
        last = model(samples).last_hidden_state
    return torch.cat([*states[:-1], last])


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_equals_the_model_alone(
    name: str, checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    encoder = load(checkpoint(name))
    found = encoder.encode([encoder.prepare(wave) for wave in waves])
    for one, wave in zip(found, waves, strict=True):
        expected = reference(checkpoint(name), wave)
        assert one.values.shape == expected.shape
        torch.testing.assert_close(one.values, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES + OTHERS)
def test_features_do_not_depend_on_the_batch(
    name: str, checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    encoder = load(checkpoint(name), (0, 5))
    items = [encoder.prepare(wave) for wave in waves]
    together = encoder.encode(items)
    backwards = encoder.encode(items[::-1])[::-1]
    for item, one, other in zip(items, together, backwards, strict=True):
        (alone,) = encoder.encode([item])
        torch.testing.assert_close(one.values, alone.values, rtol=0, atol=1e-5)
        torch.testing.assert_close(other.values, alone.values, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["wav2vec2-group", "data2vec", "hubert-batch-norm"])
def test_masks_alone_would_not_do(
    name: str, checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    """Why these are batched by equal length: padded and masked, a clip's features are others."""
    encoder = load(checkpoint(name), (5,))
    assert not encoder.batch_invariant
    items = [encoder.prepare(wave) for wave in waves[:2]]
    padded = encoder._batch([item.pieces[0] for item in items])[1]
    assert (padded - encoder.encode(items)[1].values).abs().max() > 0.1


@pytest.mark.parametrize("name", ["wavlm", "wavlm-post", "hubert", "wav2vec2"])
def test_masks_do_for_the_layer_norm_models(
    name: str, checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    assert load(checkpoint(name), (5,)).batch_invariant


def test_the_last_layer_is_after_the_final_norm(
    checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    encoder = load(checkpoint("wavlm"), (4, 5))
    before, after = encoder.encode([encoder.prepare(waves[0])])[0].values
    torch.testing.assert_close(after.mean(-1), torch.zeros(len(after)), rtol=0, atol=1e-5)
    assert before.mean(-1).abs().max() > 1e-3


def test_frames_are_those_of_the_true_length(
    checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    encoder = load(checkpoint("hubert"), (5,))
    found = encoder.encode([encoder.prepare(wave) for wave in waves])
    lengths = torch.tensor([max(len(wave), 400) for wave in waves])
    expected = encoder.model._get_feat_extract_output_lengths(lengths)
    assert [one.values.shape[1] for one in found] == expected.tolist()


def test_short_clips_are_padded_to_the_receptive_field_and_flagged(
    checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    encoder = load(checkpoint("wavlm"), (5,))
    assert encoder.receptive_field == 400
    found = encoder.encode([encoder.prepare(wave) for wave in waves])
    assert [one.flags for one in found] == [(), (), ("padded",), (), (), ()]
    assert found[2].values.shape == (1, 1, 32)


def test_normalisation_is_the_checkpoints_own(
    checkpoint: Callable[[str], Path], waves: list[Wave]
) -> None:
    with_norm = load(checkpoint("wavlm"), (5,)).prepare(waves[0]).pieces[0]
    without = load(checkpoint("wavlm-post"), (5,)).prepare(waves[0]).pieces[0]
    assert with_norm.std(correction=0) == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(without, torch.from_numpy(waves[0]))


def test_facts_come_from_the_configuration(checkpoint: Callable[[str], Path]) -> None:
    backbone = describe("wavlm", str(checkpoint("wavlm")))
    assert (backbone.n_layers, backbone.width, backbone.rate_hz) == (5, 32, 16000)
    assert backbone.frame_shift_s == pytest.approx(0.02)
    assert (backbone.checkpoint, len(backbone.revision)) == ("local", 16)
    assert backbone.preprocessing["normalize"] is True
    assert describe("wavlm", str(checkpoint("wavlm-post"))).preprocessing["normalize"] is False


@pytest.mark.usefixtures("shown")
def test_a_folder_without_a_feature_extractor_says_what_is_assumed(
    checkpoint: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((checkpoint("wavlm") / name).read_bytes())
    backbone = describe("wavlm", str(tmp_path))
    assert backbone.preprocessing["normalize"] is True
    assert "16 kHz and normalised clips are assumed" in capsys.readouterr().err
    assert ssl.load(backbone, (5,), "cpu").batch_invariant


def test_a_text_model_is_refused(checkpoint: Callable[[str], Path]) -> None:
    with pytest.raises(CheckpointError, match="roberta model is no encoder of samples"):
        describe("wavlm", str(checkpoint("roberta")))


def test_layer_norm_over_channels_is_that_of_torch() -> None:
    torch.manual_seed(0)
    norm = torch.nn.LayerNorm(7)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = 3 + torch.randn(2, 7, 50)
    expected = norm(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(over_channels(norm, x), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name, norms", [("wavlm", 7), ("hubert", 7), ("wav2vec2-group", 0)])
def test_the_front_end_is_quickened_where_it_has_layer_norms(
    checkpoint: Callable[[str], Path],
    waves: list[Wave],
    name: str,
    norms: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(
        front_end, "over_channels", lambda norm, x: calls.append(1) or over_channels(norm, x)
    )
    encoder = load(checkpoint(name), (1,))
    items = [encoder.prepare(waves[number]) for number in (0, 3, 0)]
    together = encoder.encode(items)
    assert len(calls) == norms
    monkeypatch.setattr(front_end, "CACHED", 1)  # clip by clip
    for one, other in zip(encoder.encode(items), together, strict=True):
        torch.testing.assert_close(one.values, other.values, rtol=0, atol=1e-6)
    assert not norms or len(calls) == norms + 3 * norms
