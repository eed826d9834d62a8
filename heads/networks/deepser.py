"""DeepSER, the hierarchical fusion of the paper, and its variants."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.cache import Packed, cat
from medusa.heads.config import Config, HeadConfig
from medusa.heads.networks.base import Fusion
from medusa.heads.networks.encoder import Encoder, TransformerLayer
from medusa.heads.networks.pooling import pooling_of_joined
from medusa.heads.networks.recurrent import RecurrentLayer


class DeepSER(Fusion):
    """Fuse M modalities hierarchically with K layers (Algorithm 2).

    Each modality has an encoder with layers h_1..h_K. Fusion encoder k reads all h_k and the last
    layer of fusion encoder k - 1, joined over time. The last fusion encoder is pooled and joined
    with the pooled modalities.

    Args:
        config: the settings of every encoder.
        widths: the M feature widths.
    """

    pools_streams = True
    layer: ClassVar[type[TransformerLayer | RecurrentLayer]] = TransformerLayer

    def __init__(self, config: HeadConfig, widths: Sequence[int]) -> None:
        super().__init__(config, widths)
        self.out_width, layer = config.width, type(self).layer
        modalities = [Encoder(width, config, layer) for width in widths]
        fusions = [
            Encoder(config.width, config, layer, pooling_of_joined(config.pooling))
            for _ in range(config.layers)
        ]
        self.modalities, self.fusions = nn.ModuleList(modalities), nn.ModuleList(fusions)
        pooled = sum(encoder.pool.out_width for encoder in (*modalities, fusions[-1]))
        self.join = nn.Linear(pooled, config.width)

    def forward(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities of the same B utterances to x, (B, D)."""
        encoded = [encoder(x) for encoder, x in zip(self.modalities, inputs, strict=True)]
        pooled = [vector for _, vector in encoded]
        fused: list[Packed] = []
        for k, fusion in enumerate(self.fusions):
            hidden, vector = fusion(cat([layers[k] for layers, _ in encoded] + fused))
            fused = [hidden[-1]]
        x: Tensor = self.join(torch.cat([*pooled, vector], dim=1))
        return x


class RecurrentDeepSER(DeepSER):
    """Run DeepSER with BiLSTM layers, like its predecessor DHF (Georgiou et al. 2019)."""

    layer = RecurrentLayer

    @classmethod
    def problems(cls, config: Config) -> list[str]:
        problems = super().problems(config)
        if config.head.width % 2:
            name = config.head.name
            problems.append(
                f"head.width: {name} needs an even width, half of it for each direction"
            )
        return problems


class PublishedDeepSER(DeepSER):
    """Run DeepSER like the published code, which pads utterances with zeros and masks nothing.

    Attention and pooling read the padding, so a prediction depends on the other utterances of the
    batch. Use it only to compare with published weights; use `DeepSER` for everything else.
    """

    pools_streams = False
    table_batch = 16

    def forward(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities of the same B utterances to x, (B, D)."""
        padded = [x.pad()[0] for x in inputs]
        same = [torch.full((len(x),), x.shape[1]) for x in padded]
        flat = [x.flatten(0, 1) for x in padded]
        return super().forward([Packed(*both) for both in zip(flat, same, strict=True)])
