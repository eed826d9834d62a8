"""Attention, recurrent layers and encoders over padded frames."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from medusa.heads.networks.attention import PackedAttention
from medusa.heads.networks.encoder import Encoder, TransformerLayer
from medusa.heads.networks.recurrent import RecurrentLayer
from medusa.inference.onnx.graph import Value
from medusa.inference.onnx.operations import array, form_of, layer_norm, linear, relu
from medusa.inference.onnx.padded import PaddedFrames
from medusa.inference.onnx.pooling import pooled

GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}  # the place in PyTorch of each gate of ONNX


def attention(
    query: PaddedFrames,
    other: PaddedFrames,
    module: "PackedAttention | nn.MultiheadAttention",
    heads: int,
) -> Value:
    """Attend from every frame of `query` to all frames of the same utterance in `other`."""
    weights = np.split(array(module.in_proj_weight), 3)
    biases = np.split(array(module.in_proj_bias), 3)
    sources = (query, other, other)
    q, k, v = (
        (source.values @ weight.T.copy() + bias).reshape(0, 0, heads, -1).transpose(0, 2, 1, 3)
        for source, weight, bias in zip(sources, weights, biases, strict=True)
    )
    scores = q @ k.transpose(0, 1, 3, 2) * np.float32((weights[0].shape[1] // heads) ** -0.5)
    mask = other.mask.transpose(0, 2, 1).unsqueeze(1)
    graph = query.graph
    scores = graph.op("Where", mask, scores, np.float32("-inf"))
    attended = graph.op("Softmax", scores, axis=-1) @ v
    return linear(attended.transpose(0, 2, 1, 3).reshape(0, 0, -1), module.out_proj)


def transformer(x: PaddedFrames, layer: TransformerLayer) -> PaddedFrames:
    """Apply a post-norm encoder layer."""
    attended = attention(x, x, layer.self_attn, layer.self_attn.heads)
    h = layer_norm(x.values + attended, layer.norm1)
    inner = linear(relu(linear(h, layer.linear1)), layer.linear2)
    return x.like(layer_norm(h + inner, layer.norm2))


def recurrent(x: PaddedFrames, module: nn.LSTM | nn.GRU) -> PaddedFrames:
    """Run a recurrent layer in both directions over each utterance."""
    kind, graph = type(module).__name__, x.graph
    each = [
        np.stack([_gates(getattr(module, f"{name}_l0{end}"), kind) for end in ("", "_reverse")])
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    settings: dict[str, Any] = {"direction": "bidirectional", "hidden_size": module.hidden_size}
    if kind == "GRU":
        settings["linear_before_reset"] = 1
    bias, lengths = np.concatenate(each[2:], axis=1), x.lengths.to("int32")
    frames = x.values.transpose(1, 0, 2)
    found = graph.op(kind, frames, each[0], each[1], bias, lengths, **settings)
    return x.like(found.transpose(2, 0, 1, 3).reshape(0, 0, -1))


def _gates(parameter: Tensor, kind: str) -> npt.NDArray[Any]:
    """Return the rows of a parameter with the gates in the order of ONNX."""
    parts = np.split(array(parameter), len(GATES[kind]))
    return np.concatenate([parts[number] for number in GATES[kind]])


def encoder(x: PaddedFrames, module: Encoder) -> tuple[list[PaddedFrames], Value]:
    """Return the outputs of all layers, and the pooled last output (B, E)."""
    h, hidden = x.like(linear(relu(linear(x.values, module.w1)), module.w2)), []
    for layer in module.layers:
        h = form_of(LAYERS, layer, "layer")(h, layer)
        hidden.append(h)
    return hidden, pooled(h, module.pool)


def _bidirectional(x: PaddedFrames, layer: RecurrentLayer) -> PaddedFrames:
    return recurrent(x, layer.lstm)


LAYERS: dict[type, Callable[[PaddedFrames, Any], PaddedFrames]] = {
    TransformerLayer: transformer,
    RecurrentLayer: _bidirectional,
}
