"""The learned weighted sum of the layers of one backbone, which makes them one modality."""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from medusa.cache import Packed
from medusa.heads.networks.standardise import Standardise


class LayerSum(nn.Module):
    """Sum the L layers of each frame with softmax weights, which are equal initially.

    Args:
        layers: L.
        normalise: whether each layer of a frame is first brought to mean 0 and variance 1, without
            learned scales.

    Source: SUPERB (Yang et al. 2021); the normalisation is an option of its toolkit s3prl.
    """

    def __init__(self, layers: int, normalise: bool = False) -> None:
        super().__init__()
        self.normalise = normalise
        self.logits = nn.Parameter(torch.zeros(layers))

    @property
    def weights(self) -> Float[Tensor, "L"]:
        """Return the weights (L,), which are positive and add up to one."""
        return self.logits.float().softmax(0)

    def forward(self, x: Packed) -> Packed:
        """Map (N, L D), the layers side by side, to (N, D)."""
        layers = x.values.reshape(len(x.values), len(self.logits), -1)
        if self.normalise:
            layers = layer_norm(layers, layers.shape[2:])
        # Autocast would round a matrix product, so the layers are summed element by element.
        return x.like((self.weights[:, None] * layers).sum(1))


def input_scale(width: int, layers: int, standardise: bool, normalise: bool) -> nn.Module:
    """Return the module that maps one modality (N, L D) to the input (N, D) of a fusion.

    Args:
        width: D.
        layers: L. With one layer, there is no sum.
        standardise: whether every channel of every layer is standardised first.
        normalise: whether the layers are then normalised; see `LayerSum`.
    """
    scale = Standardise(width * layers) if standardise else nn.Identity()
    if layers == 1:
        return scale
    summed = LayerSum(layers, normalise)
    return nn.Sequential(scale, summed) if standardise else summed


def parameter_groups(
    head: nn.Module, weight_decay: float, layer_rate: float
) -> list[dict[str, Any]]:
    """Return the groups of parameters for an optimiser; `rate` multiplies their learning rate.

    A step of Adam changes a parameter by about the learning rate, whatever the gradient. At the
    rate of the matrices, the weights of the layers would stay nearly equal.

    Args:
        head: the network.
        weight_decay: the decay of all parameters but the layers' logits: it would make the
            layers equal.
        layer_rate: the `rate` of the layers' logits.
    """
    logits = [one.logits for one in head.modules() if isinstance(one, LayerSum)]
    others = [one for one in head.parameters() if not any(one is logit for logit in logits)]
    groups = [{"params": others, "weight_decay": weight_decay, "rate": 1.0}]
    if logits:
        groups.append({"params": logits, "weight_decay": 0.0, "rate": layer_rate})
    return groups


def layer_weights(scales: Iterable[nn.Module]) -> list[list[float]]:
    """Return the layer weights of each of M modalities, or [] if no modality sums layers.

    The list of a modality with one layer is empty.
    """
    sums = [
        [module for module in scale.modules() if isinstance(module, LayerSum)] for scale in scales
    ]
    found = [modules[0].weights.tolist() if modules else [] for modules in sums]
    return found if any(found) else []
