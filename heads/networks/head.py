"""Heads: from the packed features of M modalities to class logits and attributes."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.cache import Packed
from medusa.heads.config import HeadConfig
from medusa.heads.networks.base import Fusion
from medusa.heads.networks.convex import (
    LogisticRegressionHead,
    NearestNeighbourHead,
    SupportVectorHead,
)
from medusa.heads.networks.cross_attention import CrossAttention, NeutralCrossAttention
from medusa.heads.networks.deepser import DeepSER, PublishedDeepSER, RecurrentDeepSER
from medusa.heads.networks.discriminant import Averages
from medusa.heads.networks.layer_sum import input_scale
from medusa.heads.networks.output import Output
from medusa.heads.networks.simple import EarlyConcat, LateFusion, Probe, StatisticsMlp


class Head(nn.Module):
    """A fusion network with its input scaling and its two outputs.

    Args:
        scales: one input scaling per modality, applied first. The scaling of a modality of several
            layers also sums them.
        fusion: the network that maps M packed modalities to x.
        output: the map from x to logits and attributes.
    """

    def __init__(self, scales: Sequence[nn.Module], fusion: Fusion, output: Output) -> None:
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
        """Map M packed modalities to logits (B, C) and attributes (B, 3).

        Training calls `embed` and `output` itself, with MixUp between them (`compute_gradients`).
        """
        outputs = self.output(self.embed(inputs))
        return outputs["classes"], outputs["attributes"]


def build(
    config: HeadConfig,
    widths: Sequence[int],
    classes: int,
    auxiliary: Sequence[str] = (),
    layers: Sequence[int] | None = None,
) -> Head:
    """Make a head for M feature widths and C classes, with further outputs (`Output`).

    Args:
        config: the settings of the network.
        widths: the width D of each modality; its input is L D wide.
        classes: C.
        auxiliary: the names of the further outputs.
        layers: the number L of layers that each modality sums, by default 1.
    """
    kind = HEADS[config.name]
    counts = layers or [1] * len(widths)
    scaled = config.standardise or kind.fitted_by != "steps"
    scales = [
        input_scale(width, count, scaled, config.normalise_layers)
        for width, count in zip(widths, counts, strict=True)
    ]
    fusion = kind(config, widths)
    output = kind.output_type(
        fusion.out_width, classes, config.attribute_map, kind.linear_output, auxiliary
    )
    return Head(scales, fusion, output)


def average_frames_of(config: HeadConfig) -> int:
    """Return how many audio frames are averaged into one before this head."""
    return HEADS[config.name].average_frames(config)


def device_of(config: HeadConfig, device: torch.device) -> torch.device:
    """Return the device of this head: the CPU if it needs double precision, which MPS lacks."""
    double = HEADS[config.name].fitted_by == "rows"
    return torch.device("cpu") if double and device.type == "mps" else device


# These are the fusions by name.
HEADS: dict[str, type[Fusion]] = {
    "deepser": DeepSER,
    "dhf": RecurrentDeepSER,
    "medusa_published": PublishedDeepSER,
    "late_fusion": LateFusion,
    "early_concat": EarlyConcat,
    "cross_attention": CrossAttention,
    "cross_attention_neutral": NeutralCrossAttention,
    "asp_mlp": StatisticsMlp,
    "probe": Probe,
    "discriminant": Averages,
    "logistic": LogisticRegressionHead,
    "svm": SupportVectorHead,
    "knn": NearestNeighbourHead,
}
