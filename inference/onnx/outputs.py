"""The output layers: from x to the logits and the attributes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from medusa.heads.networks.convex import (
    LEAST_SHARE,
    ConvexOutput,
    KernelOutput,
    KernelScores,
    NeighbourOutput,
    NeighbourScores,
)
from medusa.heads.networks.discriminant import FlooredOutput
from medusa.heads.networks.output import ATTRIBUTE_MAPS, NeutralOutput, Output
from medusa.inference.onnx.graph import Value
from medusa.inference.onnx.operations import array, form_of, linear, log_softmax, relu


@dataclass(frozen=True)
class HeadValues:
    """The logits (B, C), and the attributes (B, 3) or None."""

    logits: Value
    attributes: Value | None


def outputs(x: Value, module: Output) -> HeadValues:
    """Map x (B, D) to logits and attributes in float32."""
    found = form_of(OUTPUTS, module, "output")(x, module)
    assert found.attributes is not None
    return HeadValues(found.logits.to("float32"), found.attributes.to("float32"))


def _plain(x: Value, module: Output) -> HeadValues:
    h = x if module.linear else relu(x)
    attributes = linear(h, module.attributes)
    if module.attribute_map is ATTRIBUTE_MAPS["sigmoid"]:
        attributes = x.graph.op("Sigmoid", attributes) * np.float32(6) + np.float32(1)
    return HeadValues(form_of(SCORES, module.classes, "classifier")(h, module.classes), attributes)


def _floored(x: Value, module: FlooredOutput) -> HeadValues:
    found = _plain(x, module)
    floor = array(module.floor)
    return HeadValues(_with_floor(found.logits, floor), found.attributes)


def _convex(x: Value, module: ConvexOutput) -> HeadValues:
    found = _plain((x.to("float64") - array(module.mean)) / array(module.std), module)
    scores = found.logits * array(module.scale)
    return HeadValues(_with_floor(scores, array(module.floor)), found.attributes)


def _with_floor(logits: Value, floor: Any) -> Value:
    """Return log((1 - f) softmax(logits) + f / C)."""
    sure, graph = log_softmax(logits), logits.graph
    if floor == 0:
        return sure
    count = logits.size(1).to(str(floor.dtype))
    least = graph.op("Log", graph.op("Div", floor, count))
    sure = sure + np.log1p(-floor)
    highest = graph.op("Max", sure, least)
    parts = graph.op("Exp", sure - highest) + graph.op("Exp", least - highest)
    return highest + graph.op("Log", parts)


def _kernel(x: Value, module: KernelScores) -> Value:
    kernel = x.graph.op("Exp", _squares(x, module.support) * -array(module.gamma))
    return kernel @ array(module.weight).T.copy() + array(module.bias)


def _neighbours(x: Value, module: NeighbourScores) -> Value:
    graph, count = x.graph, min(int(module.k), len(module.support))
    squares = _squares(x, module.support)
    many = graph.constant(count)
    nearest = graph.ops("TopK", [squares, many], 2, axis=1, largest=0, sorted=1)[1]
    votes = graph.op("Gather", array(module.weight).T.copy(), nearest, axis=0).reduce("Sum", 1)
    shares = votes / votes.reduce("Sum", 1, keep=True)
    return graph.op("Log", shares + np.float64(LEAST_SHARE))


def _squares(x: Value, support: Any) -> Value:
    """Return the squared distances (B, S) in double precision, by one matrix product."""
    rows = array(support)
    own = (x * x).reduce("Sum", 1, keep=True)
    squares = own + np.square(rows).sum(1) - (x @ rows.T.copy()) * np.float64(2)
    return x.graph.op("Max", squares, np.float64(0))


SCORES: dict[type, Callable[[Value, Any], Value]] = {
    nn.Linear: linear,
    KernelScores: _kernel,
    NeighbourScores: _neighbours,
}
OUTPUTS: dict[type, Callable[[Value, Any], HeadValues]] = {
    Output: _plain,
    NeutralOutput: _plain,
    FlooredOutput: _floored,
    ConvexOutput: _convex,
    KernelOutput: _convex,
    NeighbourOutput: _convex,
}
