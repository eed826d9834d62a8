"""The two halves of a discriminant: averages over time, and a linear map with bounded logits."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.cache import Packed
from medusa.heads.config import Config, HeadConfig
from medusa.heads.networks.base import Fusion
from medusa.heads.networks.output import Output
from medusa.heads.networks.pooling import POOLS


class FlooredOutput(Output):
    """Return the logarithm of the posteriors (1 - f) softmax(W x + b) + f / C as logits.

    The floor f is the expected share of utterances whose streams hold no information about the
    class. No logit is below log(f / C), however confident the linear map is.
    """

    floor: Tensor

    def __init__(self, *shape: Any) -> None:
        super().__init__(*shape)
        self.register_buffer("floor", torch.zeros(()))

    def forward(self, x: Float[Tensor, "B D"]) -> dict[str, Float[Tensor, "B _"]]:
        """Map (B, D) to `classes` (B, C), `attributes` (B, 3) and the further outputs."""
        outputs = super().forward(x)
        outputs["classes"] = floored(outputs["classes"], self.floor)
        return outputs


def floored(logits: Float[Tensor, "B C"], floor: Float[Tensor, ""]) -> Float[Tensor, "B C"]:
    """Return log((1 - f) softmax(logits) + f / C), (B, C)."""
    sure = logits.log_softmax(1) + torch.log1p(-floor)
    return torch.logaddexp(sure, (floor / logits.shape[1]).log().expand_as(sure))


class Averages(Fusion):
    """Join the averages over time of all modalities.

    With `pooling: statistics` it returns averages and deviations in which every frame has the same
    weight. With `pooling: positional` the averages have the weights of `closed_form.positions`.
    """

    fitted_by = "moments"
    output_type: ClassVar[type[Output]] = FlooredOutput
    linear_output = True
    pools_streams = True
    layers_over_frames = False

    def __init__(self, config: HeadConfig, widths: Sequence[int]) -> None:
        super().__init__(config, widths)
        pools = [POOLS[config.pooling].with_settings(width, config) for width in widths]
        self.pools = nn.ModuleList(pools)
        for parameter in self.pools.parameters():
            nn.init.zeros_(parameter)  # Initially all frames have the same weight.
            parameter.requires_grad_(False)
        self.out_width = sum(pool.out_width for pool in pools)

    @classmethod
    def problems(cls, config: Config) -> list[str]:
        untrained = [
            name
            for name, pool in POOLS.items()
            if not pool.needs_training and (cls.pools_streams or not pool.by_position)
        ]
        settings = [
            ("head.attribute_map", config.head.attribute_map != "linear", "linear"),
            ("head.pooling", POOLS[config.head.pooling].needs_training, " or ".join(untrained)),
            ("loss.neutral_weight", config.loss.neutral_weight > 0, "0"),
            ("loss.secondary_weight", config.loss.secondary_weight > 0, "0"),
        ]
        return super().problems(config) + [
            f"{key}: a {config.head.name} is not trained, and this would be; set it to {allowed}"
            for key, needs_training, allowed in settings
            if needs_training
        ]

    def forward(self, inputs: Sequence[Packed]) -> Float[Tensor, "B D"]:
        """Map M packed modalities of the same B utterances to (B, D)."""
        return torch.cat([pool(x) for pool, x in zip(self.pools, inputs, strict=True)], dim=1)
