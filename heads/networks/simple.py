"""Baseline fusions without a hierarchy. Each maps M modalities to (B, D)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.cache import Packed, cat
from medusa.heads.config import HeadConfig
from medusa.heads.networks.base import Fusion
from medusa.heads.networks.encoder import Encoder
from medusa.heads.networks.pooling import POOLS, StatisticsPool
from medusa.heads.networks.segments import segment_mean


class LateFusion(Fusion):
    """Encode and pool each modality, join the results and map them (Table 2, "late fusion")."""

    pools_streams = True

    def __init__(self, config: HeadConfig, widths: Sequence[int]) -> None:
        super().__init__(config, widths)
        encoders = [Encoder(width, config) for width in widths]
        self.modalities = nn.ModuleList(encoders)
        pooled = sum(encoder.pool.out_width for encoder in encoders)
        self.join = nn.Linear(pooled, config.width)
        self.out_width = config.width

    def forward(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities of the same B utterances to (B, D)."""
        pooled = [encoder(x)[1] for encoder, x in zip(self.modalities, inputs, strict=True)]
        x: Tensor = self.join(torch.cat(pooled, dim=1))
        return x


class EarlyConcat(Fusion):
    """Map every modality to one width, join them over time and run one encoder over all."""

    def __init__(self, config: HeadConfig, widths: Sequence[int]) -> None:
        super().__init__(config, widths)
        self.maps = nn.ModuleList(nn.Linear(width, config.width) for width in widths)
        self.encoder = Encoder(config.width, config)
        self.join = nn.Linear(self.encoder.pool.out_width, config.width)
        self.out_width = config.width

    def forward(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities of the same B utterances to (B, D)."""
        mapped = [x.like(one(x.values)) for one, x in zip(self.maps, inputs, strict=True)]
        x: Tensor = self.join(self.encoder(cat(mapped))[1])
        return x


class StatisticsMlp(Fusion):
    """Map the attentive statistics of each modality to a hidden layer (2025 challenge baseline).

    The hidden layer consists of dropout, Linear, LayerNorm, relu and dropout. With `pooling:
    attentive_statistics` the score of a frame has two layers, as in the baseline. With every other
    pooling it is linear.
    """

    layers_over_frames = False

    def __init__(self, config: HeadConfig, widths: Sequence[int]) -> None:
        super().__init__(config, widths)
        pool = POOLS[config.pooling]
        pool = pool if issubclass(pool, StatisticsPool) else StatisticsPool
        self.pools = nn.ModuleList(pool(width) for width in widths)
        self.mlp = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(2 * sum(widths), config.width),
            nn.LayerNorm(config.width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
        )
        self.out_width = config.width

    def forward(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities of the same B utterances to (B, D)."""
        pooled = [pool(x) for pool, x in zip(self.pools, inputs, strict=True)]
        x: Tensor = self.mlp(torch.cat(pooled, dim=1))
        return x


class Probe(Fusion):
    """Compute the mean over time, without hidden layers (SUPERB, Yang et al. 2021).

    Streams of one width are assumed to be layers of one encoder (`--reduce none`, `--backbones
    wavlm:layer_0,wavlm:layer_1,...`) and are summed with softmax weights. Other streams are joined.
    """

    linear_output = True
    layers_over_frames = False

    def __init__(self, config: HeadConfig, widths: Sequence[int]) -> None:
        super().__init__(config, widths)
        self.weights = None
        if len(widths) > 1 and len(set(widths)) == 1:
            self.weights = nn.Parameter(torch.zeros(len(widths)))
        self.out_width = widths[0] if self.weights is not None else sum(widths)

    def forward(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities of the same B utterances to (B, D)."""
        pooled = [segment_mean(x) for x in inputs]
        if self.weights is None:
            return torch.cat(pooled, dim=1)
        return torch.einsum("m,mbd->bd", self.weights.softmax(0), torch.stack(pooled))
