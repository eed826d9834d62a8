"""The poolings over padded frames."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from medusa.heads.networks.pooling import (
    KNOTS,
    AttentionPool,
    AttentiveStatisticsPool,
    FunctionalsPool,
    MeanPool,
    Pooling,
    PositionalPool,
    StatisticsPool,
)
from medusa.inference.onnx.functionals import functional
from medusa.inference.onnx.graph import Value
from medusa.inference.onnx.operations import array, form_of, linear, sequential
from medusa.inference.onnx.padded import PaddedFrames


def pooled(x: PaddedFrames, module: Pooling) -> Value:
    """Map the frames of each utterance to one vector, (B, E)."""
    return form_of(POOLINGS, module, "pooling")(x, module)


def _mean(x: PaddedFrames, module: MeanPool) -> Value:
    return x.mean()


def _attention(x: PaddedFrames, module: AttentionPool) -> Value:
    return (x.values * _weights(x, module)).reduce("Sum", 1)


def _statistics(x: PaddedFrames, module: StatisticsPool) -> Value:
    weights = _weights(x, module)
    mean = (x.values * weights).reduce("Sum", 1)
    apart = x.values - mean.unsqueeze(1)
    variance = (apart * apart * weights).reduce("Sum", 1)
    root = x.graph.op("Sqrt", x.graph.op("Max", variance, np.float32(1e-8)))
    return x.graph.concat([mean, root], 1)


def _weights(x: PaddedFrames, module: AttentionPool | StatisticsPool) -> Value:
    """Return the softmax over time of a learned score, (B, T, 1)."""
    score: Any = module.score
    write = sequential if isinstance(score, nn.Sequential) else linear
    scores = x.like(write(x.values, score))
    return x.graph.op("Softmax", scores.filled(float("-inf")), axis=1)


def _positional(x: PaddedFrames, module: PositionalPool) -> Value:
    """Interpolate the weight of each frame between the knots, as `near_knots`."""
    graph = x.graph
    middles = x.numbers.to("float32").unsqueeze(0) + np.float32(0.5)
    at = middles / x.counts * np.float32(KNOTS) - np.float32(0.5)
    at = graph.op("Clip", at, np.float32(0), np.float32(KNOTS - 1)).unsqueeze(2)
    apart = graph.op("Abs", at - np.arange(KNOTS, dtype=np.float32))
    near = graph.op("Relu", graph.op("Neg", apart - np.float32(1)))
    weights = near @ array(module.weights)[:, None]
    return x.like(x.values * weights).sum() / x.like(weights).sum()


def _functionals(x: PaddedFrames, module: FunctionalsPool) -> Value:
    return x.graph.concat([functional(x, name) for name in module.names], 1)


POOLINGS: dict[type, Callable[[PaddedFrames, Any], Value]] = {
    MeanPool: _mean,
    AttentionPool: _attention,
    StatisticsPool: _statistics,
    AttentiveStatisticsPool: _statistics,
    PositionalPool: _positional,
    FunctionalsPool: _functionals,
}
