"""WavLM's fused attention against that of transformers, with positions that matter."""

import pytest
import torch
from transformers.models.wavlm.modeling_wavlm import WavLMAttention

from medusa.extract.encoders.wavlm_attention import fuse_attention

LENGTHS = (9, 1, 16)


def attention(first: bool = True) -> WavLMAttention:
    """Return an attention of 4 heads whose gates and positions are far from neutral."""
    torch.manual_seed(3)
    module = WavLMAttention(32, 4, num_buckets=8, max_distance=12, has_relative_position_bias=first)
    with torch.no_grad():
        module.gru_rel_pos_const.normal_(1.0, 1.0)
        if first:
            module.rel_attn_embed.weight.normal_(0.0, 2.0)
    return module.eval()


@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")
@pytest.mark.parametrize("masked", [False, True])
@torch.inference_mode()
def test_two_layers_equal_those_of_transformers(masked: bool) -> None:
    layers = torch.nn.ModuleList([attention(), attention(first=False)])
    x = torch.randn(3, 16, 32, generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(16) < torch.tensor(LENGTHS)[:, None]).long() if masked else None

    def run() -> list[torch.Tensor]:
        first, _, bias = layers[0](x, attention_mask=mask)
        second, _, _ = layers[1](first, attention_mask=mask, position_bias=bias, index=1)
        return [first, second]

    expected = run()
    fuse_attention(layers)
    lengths = LENGTHS if masked else (16, 16, 16)
    for found, wanted in zip(run(), expected, strict=True):
        for clip, reference, length in zip(found, wanted, lengths, strict=True):
            torch.testing.assert_close(clip[:length], reference[:length], rtol=0, atol=1e-5)


@torch.inference_mode()
def test_the_positions_matter_in_this_test() -> None:
    module = attention()
    x = torch.randn(1, 16, 32)
    with_positions = module(x)[0]
    module.rel_attn_embed.weight.zero_()
    assert (module(x)[0] - with_positions).abs().max() > 1e-2
