"""The encoder ENC, the paper's building block (Algorithm 1), for packed utterances."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.cache import Packed
from medusa.heads.config import HeadConfig
from medusa.heads.networks.attention import PackedAttention
from medusa.heads.networks.dropout import Dropout
from medusa.heads.networks.pooling import POOLS


class TransformerLayer(nn.Module):
    """Apply PyTorch's post-norm encoder layer with relu to packed frames.

    Parameters have the names of `torch.nn.TransformerEncoderLayer`. Dropout is applied to the
    attention weights, the attention output and both feed-forward maps.

    Args:
        config: D is its `width`; `attention_heads`, `feedforward` and `dropout` are used, too.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        width = config.width
        self.self_attn = PackedAttention(width, config.attention_heads, config.dropout)
        self.linear1 = nn.Linear(width, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Packed) -> Packed:
        """Map (N, D) to (N, D)."""
        return x.like(self.framewise(x.values, self.self_attn(x).values))

    def framewise(self, x: Tensor, attended: Tensor) -> Tensor:
        """Apply the norms and the feed-forward part that follow attention: returns (N, D)."""
        h = self.norm1(x + self.dropout(attended))
        inner = self.dropout(torch.relu(self.linear1(h)))
        out: Tensor = self.norm2(h + self.dropout(self.linear2(inner)))
        return out


class Encoder(nn.Module):
    """ENC applies two maps to a fixed width, K transformer layers and pooling (Algorithm 1).

    Args:
        width: the width of the incoming frames.
        config: D is its `width`, and K its `layers`, which is 2 in the paper.
        layer: the class of the layers.
        pooling: a name in `POOLS`, by default the one of the settings.
    """

    def __init__(
        self,
        width: int,
        config: HeadConfig,
        layer: Callable[[HeadConfig], nn.Module] = TransformerLayer,
        pooling: str | None = None,
    ) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, config.width)
        self.w2 = nn.Linear(config.width, config.width)
        self.layers = nn.ModuleList(layer(config) for _ in range(config.layers))
        self.pool = POOLS[pooling or config.pooling].with_settings(config.width, config)

    def forward(self, x: Packed) -> tuple[list[Packed], Float[Tensor, "B E"]]:
        """Return the K layers' outputs, each (N, D), and the pooled last output, (B, D')."""
        h = x.like(self.w2(torch.relu(self.w1(x.values))))
        hidden = []
        for layer in self.layers:
            h = layer(h)
            hidden.append(h)
        return hidden, self.pool(h)
