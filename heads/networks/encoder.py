"""The encoder ENC, the paper's building block (Algorithm 1), for packed utterances."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.cache import Packed
from medusa.heads.networks.attention import PackedAttention
from medusa.heads.networks.dropout import Dropout
from medusa.heads.networks.pooling import POOLS
from medusa.heads.networks.recurrent import RecurrentLayer


class TransformerLayer(nn.Module):
    """Apply PyTorch's post-norm encoder layer with relu to packed frames.

    Parameters have the names of `torch.nn.TransformerEncoderLayer`.

    Args:
        width: D.
        heads: the number of attention heads.
        feedforward: the hidden width of the feed-forward part.
        dropout: the dropout of the attention weights, the attention output and both feed-forward
            maps.
    """

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = PackedAttention(width, heads, dropout)
        self.linear1 = nn.Linear(width, feedforward)
        self.linear2 = nn.Linear(feedforward, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = Dropout(dropout)

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
        inputs: the width of the incoming frames.
        width: D.
        layers: K, which is 2 in the paper.
        heads, feedforward, dropout: the arguments of each layer.
        pool: a name in `POOLS`.
        layer: a name in `LAYERS`.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        layers: int,
        heads: int,
        feedforward: int,
        dropout: float,
        pool: str,
        layer: str = "transformer",
    ) -> None:
        super().__init__()
        self.w1 = nn.Linear(inputs, width)
        self.w2 = nn.Linear(width, width)
        self.layers = nn.ModuleList(
            LAYERS[layer](width, heads, feedforward, dropout) for _ in range(layers)
        )
        self.pool = POOLS[pool](width)

    def forward(self, x: Packed) -> tuple[list[Packed], Float[Tensor, "B E"]]:
        """Return the K layers' outputs, each (N, D), and the pooled last output, (B, D')."""
        h = x.like(self.w2(torch.relu(self.w1(x.values))))
        hidden = []
        for layer in self.layers:
            h = layer(h)
            hidden.append(h)
        return hidden, self.pool(h)


LAYERS: dict[str, Callable[[int, int, int, float], nn.Module]] = {
    "transformer": TransformerLayer,
    "bilstm": lambda width, heads, feedforward, dropout: RecurrentLayer(width, dropout),
}
