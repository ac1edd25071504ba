"""Writes ONNX graphs as arithmetic on values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET, IR_VERSION = 18, 9
"""New enough for GridSample and Split by sizes, and old enough for every kernel to be there on
CUDA."""

Shape = Sequence[int | str]
"""Of a tensor; what has a name is known only when it is run."""


class Value:
    """One tensor of a graph."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name

    def __add__(self, other: Value | float) -> Value:
        return self.graph.op("Add", self, other)

    def __sub__(self, other: Value | float) -> Value:
        return self.graph.op("Sub", self, other)

    def __rsub__(self, other: float) -> Value:
        return self.graph.op("Sub", other, self)

    def __mul__(self, other: Value | float) -> Value:
        return self.graph.op("Mul", self, other)

    def __matmul__(self, other: Value) -> Value:
        return self.graph.op("MatMul", self, other)

    def clipped(self, low: float, high: float) -> Value:
        """No less than `low` and no more than `high`."""
        return self.graph.op("Clip", self, low, high)

    def reshaped(self, *shape: int) -> Value:
        """In another shape; -1 stands for the frames, or for what is left of them."""
        return self.graph.op("Reshape", self, self.graph.constant(np.array(shape, np.int64)))

    def transposed(self, *axes: int) -> Value:
        """With its axes in another order."""
        return self.graph.op("Transpose", self, perm=list(axes))

    def parts(self, *sizes: int, axis: int) -> list[Value]:
        """Split into parts of given sizes."""
        return self.graph.split(self, sizes, axis)

    def sampled(self, at: Value, *, beyond: str = "border") -> Value:
        """Images [n, c, h, w] read at places [n, y, x, 2], bilinear; -1 and 1 are the centres of
        the outermost pixels. `beyond` them: "border" or "zeros"."""
        return self.graph.op(
            "GridSample", self, at, mode="bilinear", padding_mode=beyond, align_corners=1
        )


class Graph:
    """A graph that is being written."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: dict[Any, Any] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, dtype: np.dtype[Any], shape: Shape) -> Value:
        """What is given from outside."""
        self._inputs.append(_described(name, dtype, shape))
        return Value(self, name)

    def output(self, value: Value, name: str, dtype: np.dtype[Any], shape: Shape) -> None:
        """Makes a value known outside by a name."""
        self._nodes.append(helper.make_node("Identity", [value.name], [name]))
        self._outputs.append(_described(name, dtype, shape))

    def constant(self, array: NDArray[Any]) -> Value:
        """A tensor that never changes."""
        key = (array.dtype, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"c{len(self._constants)}"
            self._constants[key] = numpy_helper.from_array(array, name)
        return Value(self, self._constants[key].name)

    def op(self, kind: str, *inputs: Value | float, **attributes: Any) -> Value:
        """The result of an operator; numbers stand for float32 constants."""
        return self._node(kind, inputs, 1, attributes)[0]

    def split(self, value: Value, sizes: Sequence[int], axis: int) -> list[Value]:
        """The parts of a value along an axis."""
        lengths = self.constant(np.array(sizes, np.int64))
        return self._node("Split", (value, lengths), len(sizes), {"axis": axis})

    def joined(self, *values: Value, axis: int) -> Value:
        """Values one after another along an axis."""
        return self.op("Concat", *values, axis=axis)

    def model(self) -> bytes:
        """The whole graph as a file."""
        graph = helper.make_graph(
            self._nodes, "graph", self._inputs, self._outputs, list(self._constants.values())
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def _node(
        self, kind: str, inputs: Sequence[Value | float], outputs: int, attributes: dict[str, Any]
    ) -> list[Value]:
        values = [
            v if isinstance(v, Value) else self.constant(np.asarray(v, np.float32)) for v in inputs
        ]
        names = [f"v{len(self._nodes)}.{n}" for n in range(outputs)]
        node = helper.make_node(kind, [value.name for value in values], names, **attributes)
        self._nodes.append(node)
        return [Value(self, name) for name in names]


def _described(name: str, dtype: np.dtype[Any], shape: Shape) -> Any:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), list(shape))
