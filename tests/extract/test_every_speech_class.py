"""Every speech class that transformers offers computes the features of a clip alone in any batch.

A small random model of every class is built with every switch of its configuration. Either masks
keep the padding out, or the encoder puts only clips of equal length into one batch.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import Wav2Vec2FeatureExtractor
from transformers.models.auto.configuration_auto import (
    CONFIG_MAPPING,
    CONFIG_MAPPING_NAMES,
    model_type_to_module_name,
)
from transformers.models.auto.modeling_auto import MODEL_MAPPING

from medusa.errors import CheckpointError
from medusa.extract.backbones.ssl import SpeechEncoder, describe, load, reads_samples
from medusa.extract.encoders.wavlm_attention import fuse_attention

SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
WAYS: dict[str, tuple[Any, ...]] = {
    "feat_extract_norm": ("group", "layer"),
    "do_stable_layer_norm": (False, True),
    "conv_pos_batch_norm": (False, True),
    "position_embeddings_type": ("relative", "rotary", None),
}
# These switches change the outputs or the training of a model, and no hidden state.
OUTPUTS = {"output_hidden_states", "return_dict", "output_attentions", "is_encoder_decoder"}
OUTPUTS |= {"add_adapter"}  # The encoder switches it off.
LENGTHS = (3000, 1203, 2500, 1203)


def speech_configurations() -> dict[str, Any]:
    """Return by its type the default configuration of every class that reads samples.

    Only those whose file has strides of convolutions are loaded, because there are hundreds.
    """
    models = Path(transformers.__file__).parent / "models"
    files = models.glob("*/configuration_*.py")
    folders = {file.parent.name for file in files if "conv_stride" in file.read_text("utf-8")}
    kinds = [kind for kind in CONFIG_MAPPING_NAMES if model_type_to_module_name(kind) in folders]
    found = {kind: CONFIG_MAPPING[kind]() for kind in kinds}
    return {kind: config for kind, config in found.items() if reads_samples(config)}


KINDS = ("data2vec-audio", "hubert", "sew", "sew-d", "unispeech", "unispeech-sat", "wav2vec2")
KINDS += ("wav2vec2-conformer", "wavlm")


def switches(config: Any) -> Iterator[dict[str, Any]]:
    """Yield all combinations of norms and positions, and every other switch alone."""
    ways = {name: values for name, values in WAYS.items() if hasattr(config, name)}
    for values in itertools.product(*ways.values()):
        yield dict(zip(ways, values, strict=True))
    norms = ways.get("feat_extract_norm", ())
    for name, value in config.to_dict().items():
        if isinstance(value, bool) and name not in {*ways, *OUTPUTS}:
            for norm in norms or (None,):
                yield {name: not value} | ({"feat_extract_norm": norm} if norm else {})


def small(default: Any, **changes: Any) -> Any:
    """Return a small configuration with these switches."""
    sizes = {name: size for name, size in SIZES.items() if hasattr(default, name)}
    return type(default)(**sizes, conv_dim=(8,) * len(default.conv_kernel), **changes)


def trained(config: Any) -> Any:
    """Return a model whose norms and biases differ from their first values, as after training."""
    torch.manual_seed(0)
    model = MODEL_MAPPING[type(config)](config).eval()
    for name, values in [*model.named_parameters(), *model.named_buffers()]:
        if "running_var" in name:
            values.data.uniform_(0.5, 2)
        elif values.is_floating_point() and values.dim() == 1:
            values.data.normal_(1.0 if name.endswith("weight") else 0.0, 0.3)
    return model


def encoder_of(config: Any) -> SpeechEncoder:
    """Return an encoder of all layers; SEW has frames only in its last layer."""
    layers = (2,) if hasattr(config, "squeeze_factor") else (0, 1, 2)
    model = trained(config)
    if config.model_type == "wavlm":
        fuse_attention(model)
    return SpeechEncoder(model, Wav2Vec2FeatureExtractor(), layers)


def clips(encoder: SpeechEncoder) -> list[Any]:
    waves = [np.random.default_rng(size).normal(size=size) for size in LENGTHS]
    return [encoder.prepare(wave.astype(np.float32)) for wave in waves]


def in_one_batch(encoder: SpeechEncoder, items: list[Any]) -> list[torch.Tensor]:
    """Return features that are computed with masks alone, whatever the encoder would do."""
    return encoder._batch([item.pieces[0] for item in items])


def largest_difference(found: list[torch.Tensor], expected: list[torch.Tensor]) -> float:
    pairs = zip(found, expected, strict=True)
    return max(float((one - other).abs().max()) for one, other in pairs)


def test_the_list_has_every_class_that_transformers_offers() -> None:
    assert tuple(sorted(speech_configurations())) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_has_the_same_features_in_every_batch(kind: str) -> None:
    """The features of a batch are compared with those of each clip alone."""
    invariant, padding_matters = set(), set()
    default = CONFIG_MAPPING[kind]()
    for ways in switches(default):
        encoder = encoder_of(small(default, **ways))
        items = clips(encoder)
        alone = [encoder.encode([item])[0].values for item in items]
        together = [one.values for one in encoder.encode(items)]
        assert largest_difference(together, alone) < 5e-5, ways
        if encoder.batch_invariant:
            assert largest_difference(together[::-1], in_one_batch(encoder, items[::-1])) < 5e-5, (
                ways
            )
            invariant.add(ways.get("feat_extract_norm"))
        elif largest_difference(in_one_batch(encoder, items), alone) > 0.1:
            padding_matters.add(ways.get("feat_extract_norm"))
    assert invariant == ({"layer"} if kind in ("hubert", "wav2vec2", "wavlm") else set())
    assert padding_matters, "with masks alone, some switch of every class lets the padding in"


@pytest.mark.parametrize("norm", ["positional convolution", "none"])
def test_only_without_its_batch_norm_a_hubert_has_ragged_batches(norm: str) -> None:
    """Issue 47739 of transformers: the batch norm shifts the padding away from zero."""
    default = CONFIG_MAPPING["hubert"]()
    shifted = norm == "positional convolution"
    encoder = encoder_of(small(default, feat_extract_norm="layer", conv_pos_batch_norm=shifted))
    items = clips(encoder)
    alone = [encoder.encode([item])[0].values for item in items]
    assert encoder.batch_invariant is not shifted
    assert (largest_difference(in_one_batch(encoder, items), alone) > 0.5) is shifted


def test_the_inner_layers_of_a_sew_are_refused(tmp_path: Path) -> None:
    """SEW halves the number of frames before its layers, and doubles it after them."""
    trained(small(CONFIG_MAPPING["sew"]())).save_pretrained(tmp_path)
    backbone = describe("auto", str(tmp_path), None)
    assert backbone.default_layers == "last"
    with pytest.raises(CheckpointError, match="one state for 2 frames; expected the last layer"):
        load(backbone, (1, 2), "cpu")
    encoder = load(backbone, (2,), "cpu")
    (item, *_) = clips(encoder)
    assert encoder.encode([item])[0].values.shape == (1, item.frames, 16)


def test_an_encoder_with_a_decoder_is_refused(tmp_path: Path) -> None:
    """SpeechT5 reads samples, but its model wants the input of its decoder, too."""
    CONFIG_MAPPING["speecht5"]().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(CheckpointError, match="a speecht5 model is no encoder of samples"):
        describe("auto", str(tmp_path), None)
