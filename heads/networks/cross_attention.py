"""Attention from every modality to every other one, the network of Ueda et al. (2505.20007)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.cache import Packed
from medusa.errors import ConfigError, plural
from medusa.heads.config import Config, HeadConfig
from medusa.heads.networks.base import Fusion
from medusa.heads.networks.output import NeutralOutput
from medusa.heads.networks.pooling import AttentionPool
from medusa.heads.networks.recurrent import sequence


class CrossAttention(Fusion):
    """Encode each modality with a BiGRU, attend between all ordered pairs, and pool.

    Each modality passes a Linear, a LayerNorm and a BiGRU. Then
    out_i = h_i + sum over j of MHA_i(h_i, h_j, h_j), with weights shared per query modality, and
    with `heads_by_modality`: one attention head, and two for prosody in the source. Attention
    pooling, LayerNorm, Linear, relu and dropout follow. In the paper `width` is 512 and every
    `dropout` is 0.5.

    Source: arXiv 2505.20007.

    Raises:
        ConfigError: `heads_by_modality` has another number of modalities.
    """

    attends_by_modality = True

    def __init__(self, config: HeadConfig, widths: Sequence[int]) -> None:
        super().__init__(config, widths)
        width, wide = config.width, 2 * config.width
        heads = list(config.heads_by_modality)
        heads *= len(widths) if len(heads) == 1 else 1
        if len(heads) != len(widths):
            raise ConfigError(
                f"head.heads_by_modality: expected {plural(len(widths), 'number')}, one for each "
                f"modality, found {heads}"
            )
        self.maps = nn.ModuleList(
            nn.Sequential(nn.Linear(size, width), nn.LayerNorm(width)) for size in widths
        )
        self.grus = nn.ModuleList(nn.GRU(width, width, bidirectional=True) for _ in widths)
        self.attentions = nn.ModuleList(
            nn.MultiheadAttention(wide, count, dropout=config.dropout, batch_first=True)
            for count in heads
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
        x: Tensor = self.out(self._pooled(inputs))
        return x

    def _pooled(self, inputs: Sequence[Packed]) -> Float[Tensor, "B P"]:
        """Return the pooled streams of all modalities, laid end to end."""
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
        return torch.cat(pooled, dim=1)

    @classmethod
    def problems(cls, config: Config) -> list[str]:
        """Add the attention heads that do not fit into the width."""
        uneven = any(2 * config.head.width % count for count in config.head.heads_by_modality)
        line = "head.heads_by_modality: each number must divide twice head.width"
        return super().problems(config) + ([line] if uneven else [])

    def _recurrent(self, i: int, x: Packed) -> Packed:
        found = self.grus[i](sequence(x.like(self.maps[i](x.values))))[0]
        return Packed.of(nn.utils.rnn.unpack_sequence(found))


class NeutralCrossAttention(CrossAttention):
    """`CrossAttention` with a network of its own for neutral against expressive (design ii).

    Two linear maps with relu and dropout between them read the normalised pooled streams. At width
    512 and for two modalities they have 1,049,601 weights, as in the source. x has two halves: the
    hidden layer of the classes, and that of this network.
    """

    output_type = NeutralOutput

    def __init__(self, config: HeadConfig, widths: Sequence[int]) -> None:
        super().__init__(config, widths)
        self.neutral = nn.Sequential(
            nn.Linear(2 * config.width * len(widths), config.width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
        )
        self.out_width = 2 * config.width

    def forward(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities of the same B utterances to (B, D)."""
        normal = self.out[0](self._pooled(inputs))
        return torch.cat([self.out[1:](normal), self.neutral(normal)], dim=1)

    @classmethod
    def problems(cls, config: Config) -> list[str]:
        """Add the weight of the loss that teaches the network."""
        line = "loss.neutral_weight: cross_attention_neutral needs it; set it to more than 0"
        return super().problems(config) + ([] if config.loss.neutral_weight else [line])
