"""WavLM's attention through torch's fused kernel, which transformers has only for its relatives."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


def fuse_attention(model: nn.Module) -> None:
    """Let every attention of a WavLM model use the fused kernel.

    transformers multiplies queries and keys, adds the gated relative positions, and keeps the
    weights (B, H, T, T) for its caller, who does not read them. The kernel takes the positions as
    a mask that is added, and keeps no weights. The features stay the same, within rounding.
    """
    for module in model.modules():
        if hasattr(module, "gru_rel_pos_linear"):
            module.forward = partial(_forward, module)


def _forward(
    self: Any,
    hidden_states: Tensor,
    attention_mask: Tensor | None = None,
    position_bias: Tensor | None = None,
    index: int = 0,
    **_: Any,
) -> tuple[Tensor, None, Tensor]:
    """Return the attended states (B, T, D), no weights, and the bias (H, T, T) of the positions.

    Args:
        self: a `WavLMAttention` of transformers, with H heads.
        hidden_states: (B, T, D).
        attention_mask: (B, T), 1 for a frame and 0 for padding; None if nothing is padded.
        position_bias: (H, T, T) of the first layer; only this layer has its embedding.
        index: the number of the layer, which is not used.
    """
    if position_bias is None:
        position_bias = self.compute_bias(hidden_states.shape[1], hidden_states.shape[1])
    projections = (self.q_proj, self.k_proj, self.v_proj)
    query, key, value = (_by_head(self, project(hidden_states)) for project in projections)
    mask = (_gate(self, _by_head(self, hidden_states)) * position_bias).to(query.dtype)
    if attention_mask is not None:
        mask = mask.masked_fill(attention_mask[:, None, None] != 1, -torch.inf)
    attended = scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return self.out_proj(attended.transpose(1, 2).flatten(2)), None, position_bias


def _by_head(self: Any, x: Tensor) -> Tensor:
    """Return (B, H, T, D / H) of (B, T, D)."""
    return x.view(*x.shape[:2], self.num_heads, -1).transpose(1, 2)


def _gate(self: Any, by_head: Tensor) -> Tensor:
    """Return the gates (B, H, T, 1) by which every frame scales the bias of its row.

    Source: WavLM (arXiv 2110.13900), section 3.1, gated relative position bias.
    """
    eight: Tensor = self.gru_rel_pos_linear(by_head)
    sums = eight.view(*eight.shape[:-1], 2, 4).sum(-1)
    update, reset = torch.sigmoid(sums).chunk(2, dim=-1)
    gate: Tensor = update * (reset * self.gru_rel_pos_const - 1.0) + 2.0
    return gate
