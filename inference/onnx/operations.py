"""The operations that all parts of a network share, and the search for the form of a module."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy.typing as npt
from torch import Tensor, nn

from medusa.errors import RunError
from medusa.inference.onnx.graph import Value

Form = TypeVar("Form")


def form_of(forms: Mapping[type, Form], part: object, title: str) -> Form:
    """Return the function that writes a module or a stacker as operations.

    Raises:
        RunError: there is none for this class.
    """
    kind = type(part)
    if kind not in forms:
        known = ", ".join(one.__name__ for one in forms)
        raise RunError(
            f"{kind.__name__}: this {title} has no ONNX form; export a model with one of {known}"
        )
    return forms[kind]


def array(tensor: Tensor) -> npt.NDArray[Any]:
    """Return the numbers of a parameter."""
    found: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    return found


def linear(x: Value, module: nn.Linear) -> Value:
    """Map the last axis."""
    mapped = x @ array(module.weight).T.copy()
    return mapped if module.bias is None else mapped + array(module.bias)


def relu(x: Value) -> Value:
    """Return the positive part."""
    return x.graph.op("Relu", x)


def layer_norm(x: Value, module: nn.LayerNorm) -> Value:
    """Normalise the last axis."""
    weights = array(module.weight), array(module.bias)
    return x.graph.op("LayerNormalization", x, *weights, axis=-1, epsilon=module.eps)


def sequential(x: Value, modules: nn.Sequential) -> Value:
    """Apply linear maps, norms, relus and tanh in turn; dropout does nothing in a prediction."""
    for module in modules:
        if isinstance(module, nn.Linear):
            x = linear(x, module)
        elif isinstance(module, nn.LayerNorm):
            x = layer_norm(x, module)
        elif isinstance(module, nn.ReLU):
            x = relu(x)
        elif isinstance(module, nn.Tanh):
            x = x.graph.op("Tanh", x)
    return x


def log_softmax(x: Value) -> Value:
    """Return the logarithm of the softmax over the last axis."""
    return x.graph.op("LogSoftmax", x, axis=-1)


def mean_of(values: list[Value]) -> Value:
    """Return the mean of values of one shape."""
    return values[0].graph.stack(values).reduce("Mean", 0)
