"""The input scalings of a head over padded frames."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from medusa.heads.networks.layer_sum import LayerSum
from medusa.heads.networks.standardise import Standardise
from medusa.inference.onnx.operations import array, form_of
from medusa.inference.onnx.padded import PaddedFrames


def scaled(x: PaddedFrames, module: nn.Module) -> PaddedFrames:
    """Standardise the channels of a modality, and sum its layers."""
    return form_of(SCALES, module, "scaling")(x, module)


def _unscaled(x: PaddedFrames, module: nn.Identity) -> PaddedFrames:
    return x


def _standardised(x: PaddedFrames, module: Standardise) -> PaddedFrames:
    return x.like((x.values - array(module.mean)) / array(module.std))


def _layer_sum(x: PaddedFrames, module: LayerSum) -> PaddedFrames:
    weights, graph = array(module.weights), x.graph
    layers = x.values.reshape(0, 0, len(weights), -1)
    if module.normalise:
        mean = layers.reduce("Mean", 3, keep=True)
        apart = layers - mean
        variance = (apart * apart).reduce("Mean", 3, keep=True)
        layers = apart / graph.op("Sqrt", variance + np.float32(1e-5))
    return x.like((layers * weights[:, None]).reduce("Sum", 2))


def _in_turn(x: PaddedFrames, modules: nn.Sequential) -> PaddedFrames:
    for module in modules:
        x = scaled(x, module)
    return x


SCALES: dict[type, Callable[[PaddedFrames, Any], PaddedFrames]] = {
    nn.Identity: _unscaled,
    Standardise: _standardised,
    LayerSum: _layer_sum,
    nn.Sequential: _in_turn,
}
