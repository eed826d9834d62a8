"""The fusion networks over padded frames."""

from collections.abc import Callable, Sequence
from typing import Any

from medusa.heads.networks.base import Fusion
from medusa.heads.networks.head import HEADS
from medusa.inference.onnx.graph import Value
from medusa.inference.onnx.operations import array, form_of, linear, sequential
from medusa.inference.onnx.padded import PaddedFrames, joined_over_time, unmasked
from medusa.inference.onnx.pooling import pooled
from medusa.inference.onnx.sequences import attention, encoder, recurrent

Inputs = Sequence[PaddedFrames]


def fused(inputs: Inputs, module: Fusion) -> Value:
    """Map M scaled modalities to x, (B, D)."""
    return form_of(FUSIONS, module, "head")(inputs, module)


def _deepser(inputs: Inputs, module: Any) -> Value:
    graph = inputs[0].graph
    encoded = [encoder(x, one) for x, one in zip(inputs, module.modalities, strict=True)]
    vectors = [vector for _, vector in encoded]
    before: list[PaddedFrames] = []
    for k, fusion in enumerate(module.fusions):
        hidden, vector = encoder(joined_over_time([one[k] for one, _ in encoded] + before), fusion)
        before = [hidden[-1]]
    return linear(graph.concat([*vectors, vector], 1), module.join)


def _published(inputs: Inputs, module: Any) -> Value:
    return _deepser([unmasked(x) for x in inputs], module)


def _late_fusion(inputs: Inputs, module: Any) -> Value:
    vectors = [encoder(x, one)[1] for x, one in zip(inputs, module.modalities, strict=True)]
    return linear(inputs[0].graph.concat(vectors, 1), module.join)


def _early_concat(inputs: Inputs, module: Any) -> Value:
    mapped = [x.like(linear(x.values, one)) for x, one in zip(inputs, module.maps, strict=True)]
    return linear(encoder(joined_over_time(mapped), module.encoder)[1], module.join)


def _statistics_mlp(inputs: Inputs, module: Any) -> Value:
    return sequential(_pooled_alone(inputs, module.pools), module.mlp)


def _averages(inputs: Inputs, module: Any) -> Value:
    return _pooled_alone(inputs, module.pools)


def _pooled_alone(inputs: Inputs, pools: Any) -> Value:
    vectors = [pooled(x, pool) for x, pool in zip(inputs, pools, strict=True)]
    return inputs[0].graph.concat(vectors, 1)


def _probe(inputs: Inputs, module: Any) -> Value:
    graph, vectors = inputs[0].graph, [x.mean() for x in inputs]
    if module.weights is None:
        return graph.concat(vectors, 1)
    weights = array(module.weights.softmax(0))
    return (graph.stack(vectors) * weights[:, None, None]).reduce("Sum", 0)


def _cross_attention(inputs: Inputs, module: Any) -> Value:
    hidden = [
        recurrent(x.like(sequential(x.values, one)), gru)
        for x, one, gru in zip(inputs, module.maps, module.grus, strict=True)
    ]
    vectors = []
    for i, one in enumerate(module.attentions):
        total = hidden[i].values
        for j, other in enumerate(hidden):
            if j != i:
                total = total + attention(hidden[i], other, one, one.num_heads)
        vectors.append(pooled(hidden[i].like(total), module.pools[i]))
    return sequential(inputs[0].graph.concat(vectors, 1), module.out)


BY_NAME: dict[str, Callable[[Inputs, Any], Value]] = {
    "deepser": _deepser,
    "dhf": _deepser,
    "medusa_published": _published,
    "late_fusion": _late_fusion,
    "early_concat": _early_concat,
    "cross_attention": _cross_attention,
    "cross_attention_neutral": _cross_attention,  # The network of neutral predicts no class.
    "asp_mlp": _statistics_mlp,
    "probe": _probe,
    "discriminant": _averages,
    "logistic": _averages,
    "svm": _averages,
    "knn": _averages,
}
FUSIONS = {HEADS[name]: form for name, form in BY_NAME.items()}
