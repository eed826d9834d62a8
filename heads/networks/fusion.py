"""Heads: from the packed features of M modalities to class logits and attributes."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.cache import Packed, cat
from medusa.heads.config import HeadConfig
from medusa.heads.networks.cross_attention import CrossAttention
from medusa.heads.networks.discriminant import CLOSED_FORM, Averages
from medusa.heads.networks.encoder import Encoder
from medusa.heads.networks.output import Output
from medusa.heads.networks.pooling import joined
from medusa.heads.networks.simple import EarlyConcat, LateFusion, Probe, StatisticsMlp, shape
from medusa.heads.networks.standardise import Standardise


class DeepSER(nn.Module):
    """Fuse M modalities hierarchically with K layers (Algorithm 2).

    Each modality has an encoder with layers h_1..h_K. Fusion encoder k reads all h_k and the last
    layer of fusion encoder k - 1, joined over time. The last fusion encoder is pooled and joined
    with the pooled modalities.

    Args:
        inputs: the M feature widths.
        width, layers, heads, feedforward, dropout, pool, layer: the arguments of every encoder.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        width: int,
        layers: int,
        heads: int,
        feedforward: int,
        dropout: float,
        pool: str,
        layer: str = "transformer",
    ) -> None:
        super().__init__()
        shape = (width, layers, heads, feedforward, dropout)
        self.out_width = width
        modalities = [Encoder(size, *shape, pool, layer) for size in inputs]
        fusions = [Encoder(width, *shape, joined(pool), layer) for _ in range(layers)]
        self.modalities, self.fusions = nn.ModuleList(modalities), nn.ModuleList(fusions)
        pooled = sum(encoder.pool.out_width for encoder in (*modalities, fusions[-1]))
        self.join = nn.Linear(pooled, width)

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


class PublishedDeepSER(DeepSER):
    """Run DeepSER like the published code, which pads utterances with zeros and masks nothing.

    Attention and pooling read the padding, so a prediction depends on the other utterances of the
    batch. Use it only to compare with published weights; use `DeepSER` for everything else.
    """

    def forward(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities of the same B utterances to x, (B, D)."""
        padded = [x.pad()[0] for x in inputs]
        same = [torch.full((len(x),), x.shape[1]) for x in padded]
        flat = [x.flatten(0, 1) for x in padded]
        return super().forward([Packed(*both) for both in zip(flat, same, strict=True)])


class Head(nn.Module):
    """A fusion network with its input scaling and its two outputs.

    Args:
        scales: one input scaling per modality, applied first.
        fusion: the network that maps M packed modalities to x.
        output: the map from x to logits and attributes.
    """

    def __init__(self, scales: Sequence[nn.Module], fusion: nn.Module, output: Output) -> None:
        super().__init__()
        self.scales = nn.ModuleList(scales)
        self.fusion = fusion
        self.output = output

    def embed(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities to x, (B, D), which is the input of Manifold MixUp."""
        scaled = [scale(x) for scale, x in zip(self.scales, inputs, strict=True)]
        x: Tensor = self.fusion(scaled)
        return x

    def forward(
        self, inputs: Sequence[Packed]
    ) -> tuple[Float[Tensor, "B C"], Float[Tensor, "B 3"]]:
        """Map M packed modalities to logits (B, C) and attributes (B, 3)."""
        outputs = self.output(self.embed(inputs))
        return outputs["classes"], outputs["attributes"]


def build(
    config: HeadConfig, inputs: Sequence[int], classes: int, auxiliary: Sequence[str] = ()
) -> Head:
    """Make a head for M feature widths and C classes, with further outputs (`Output`)."""
    scaled = config.standardise or config.name in CLOSED_FORM
    scales = [Standardise(size) if scaled else nn.Identity() for size in inputs]
    fusion = HEADS[config.name](config, inputs)
    linear = getattr(fusion, "linear_output", False)
    kind: type[Output] = getattr(fusion, "output", Output)
    output = kind(int(fusion.out_width), classes, config.attribute_map, linear, auxiliary)
    return Head(scales, fusion, output)


# These are the fusions by name. A fusion has the width of its output as `out_width`.
HEADS: dict[str, Callable[[HeadConfig, Sequence[int]], Any]] = {
    "deepser": lambda config, inputs: DeepSER(inputs, *shape(config)),
    "dhf": lambda config, inputs: DeepSER(inputs, *shape(config), layer="bilstm"),
    "medusa_published": lambda config, inputs: PublishedDeepSER(inputs, *shape(config)),
    "late_fusion": LateFusion,
    "early_concat": EarlyConcat,
    "cross_attention": CrossAttention,
    "asp_mlp": StatisticsMlp,
    "probe": Probe,
    "discriminant": Averages,
}
