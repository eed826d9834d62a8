"""A graph of ONNX operations, written like formulas."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 9  # the oldest version that has these operator sets
TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
}


@dataclass(frozen=True)
class Value:
    """The result of an operation: an array whose values are known when the graph runs."""

    graph: "OnnxGraph"
    name: str

    def __add__(self, other: Any) -> "Value":
        return self.graph.op("Add", self, other)

    def __sub__(self, other: Any) -> "Value":
        return self.graph.op("Sub", self, other)

    def __mul__(self, other: Any) -> "Value":
        return self.graph.op("Mul", self, other)

    def __truediv__(self, other: Any) -> "Value":
        return self.graph.op("Div", self, other)

    def __matmul__(self, other: Any) -> "Value":
        return self.graph.op("MatMul", self, other)

    def to(self, dtype: str) -> "Value":
        """Return it as numbers of another type, a key of `TYPES`."""
        return self.graph.op("Cast", self, to=TYPES[dtype])

    def transpose(self, *order: int) -> "Value":
        """Return it with its axes in this order."""
        return self.graph.op("Transpose", self, perm=order)

    def reshape(self, *shape: int) -> "Value":
        """Return it in another shape, in which 0 keeps an axis and -1 takes the rest."""
        return self.graph.op("Reshape", self, np.array(shape, np.int64))

    def unsqueeze(self, *axes: int) -> "Value":
        """Return it with new axes of size 1."""
        return self.graph.op("Unsqueeze", self, np.array(axes, np.int64))

    def size(self, axis: int) -> "Value":
        """Return the size of an axis, (1,) int64."""
        return self.graph.op("Shape", self, start=axis, end=axis + 1)

    def reduce(self, how: str, axis: int, keep: bool = False) -> "Value":
        """Return the `Sum`, `Mean` or `Max` over an axis."""
        return self.graph.op(f"Reduce{how}", self, np.array([axis], np.int64), keepdims=int(keep))


class OnnxGraph:
    """The nodes and weights of a graph while it grows. A weight that two nodes use is kept once."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: str, shape: Sequence[int | str]) -> Value:
        """Add an input. A name in its shape is a size that differs from call to call."""
        self.inputs.append(helper.make_tensor_value_info(name, TYPES[dtype], shape))
        return Value(self, name)

    def output(self, name: str, value: Value, shape: Sequence[int | str]) -> None:
        """Make a value an output of float32."""
        self.nodes.append(helper.make_node("Identity", [value.name], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, TYPES["float32"], shape))

    def op(self, kind: str, *operands: Any, **attributes: Any) -> Value:
        """Add an operation with one result."""
        return self.ops(kind, operands, 1, **attributes)[0]

    def ops(
        self, kind: str, operands: Sequence[Any], results: int, domain: str = "", **attributes: Any
    ) -> list[Value]:
        """Add an operation; an operand is a value, an array of numpy, or None if left out."""
        names = [f"v{len(self.nodes)}_{number}" for number in range(results)]
        inputs = [self._name(one) for one in operands]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return [Value(self, name) for name in names]

    def constant(self, *numbers: int) -> Value:
        """Return numbers that are known now, as a vector of int64."""
        return Value(self, self._weight(np.array(numbers, np.int64)))

    @staticmethod
    def tensor(array: npt.NDArray[Any]) -> onnx.TensorProto:
        """Return an array as an attribute of an operation."""
        return numpy_helper.from_array(array)

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """Join values along an axis."""
        return values[0] if len(values) == 1 else self.op("Concat", *values, axis=axis)

    def stack(self, values: Sequence[Value]) -> Value:
        """Join values along a new first axis."""
        return self.concat([one.unsqueeze(0) for one in values], 0)

    def _name(self, operand: Any) -> str:
        if operand is None:
            return ""
        return operand.name if isinstance(operand, Value) else self._weight(np.asarray(operand))

    def _weight(self, array: npt.NDArray[Any]) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.weights:
            self.weights[key] = numpy_helper.from_array(array, f"w{len(self.weights)}")
        return self.weights[key].name

    @property
    def weight_bytes(self) -> int:
        """The size of all weights."""
        return sum(len(content) for _, _, content in self.weights)

    def model(self, metadata: dict[str, str]) -> onnx.ModelProto:
        """Return the graph as a model with these metadata."""
        graph = helper.make_graph(
            self.nodes, "medusa", self.inputs, self.outputs, list(self.weights.values())
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        model.producer_name = "medusa"
        helper.set_model_props(model, metadata)
        return model
