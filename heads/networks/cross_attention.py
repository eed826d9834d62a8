"""Attention from every modality to every other one, the network of Ueda et al. (2505.20007)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.cache import Packed
from medusa.heads.config import HeadConfig
from medusa.heads.networks.base import Fusion
from medusa.heads.networks.pooling import AttentionPool
from medusa.heads.networks.recurrent import sequence


class CrossAttention(Fusion):
    """Encode each modality with a BiGRU, attend between all ordered pairs, and pool.

    Each modality passes a Linear, a LayerNorm and a BiGRU. Then
    out_i = h_i + sum over j of MHA_i(h_i, h_j, h_j), with one attention head and with weights
    shared per query modality. Attention pooling, LayerNorm, Linear, relu and dropout follow. In the
    paper `width` is 512 and every `dropout` is 0.5.

    Source: arXiv 2505.20007.
    """

    def __init__(self, config: HeadConfig, widths: Sequence[int]) -> None:
        super().__init__(config, widths)
        width, wide = config.width, 2 * config.width
        self.maps = nn.ModuleList(
            nn.Sequential(nn.Linear(size, width), nn.LayerNorm(width)) for size in widths
        )
        self.grus = nn.ModuleList(nn.GRU(width, width, bidirectional=True) for _ in widths)
        self.attentions = nn.ModuleList(
            nn.MultiheadAttention(wide, 1, dropout=config.dropout, batch_first=True) for _ in widths
        )
        self.pools = nn.ModuleList(AttentionPool(wide) for _ in widths)
        self.out = nn.Sequential(
            nn.LayerNorm(len(widths) * wide),
            nn.Linear(len(widths) * wide, width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
        )
        self.out_width = width

    def forward(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities of the same B utterances to (B, D)."""
        hidden = [self._recurrent(i, x) for i, x in enumerate(inputs)]
        padded = [h.pad() for h in hidden]
        pooled = []
        for i, attention in enumerate(self.attentions):
            query, real = padded[i]
            total = query
            for j, (other, mask) in enumerate(padded):
                if j != i:
                    seen = attention(query, other, other, key_padding_mask=~mask)
                    total = total + seen[0]
            pooled.append(self.pools[i](Packed(total[real], hidden[i].lengths)))
        x: Tensor = self.out(torch.cat(pooled, dim=1))
        return x

    def _recurrent(self, i: int, x: Packed) -> Packed:
        found = self.grus[i](sequence(x.like(self.maps[i](x.values))))[0]
        return Packed.of(nn.utils.rnn.unpack_sequence(found))
