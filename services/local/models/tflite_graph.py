"""Reads a TFLite file into plain values: tensors with their constants, operators in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

Array = npt.NDArray[Any]

_DTYPES: Mapping[int, type[np.generic]] = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
_OPERATOR_NAMES: Mapping[int, str] = {
    value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)
}


class UnsupportedTflite(Exception):
    """The file holds something that the conversion does not know."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value of the graph; `data` is None unless it is a constant."""

    name: str
    shape: tuple[int, ...]
    data: Array | None


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: `kind` is the builtin's name, or the custom operator's own."""

    kind: str
    inputs: tuple[int, ...]
    """Indices of tensors; -1 stands for an input that is left out."""
    outputs: tuple[int, ...]
    options: Any
    """The flatbuffer table of the builtin's options, or None."""
    custom_options: bytes


@dataclass(frozen=True, slots=True)
class Graph:
    """The only subgraph of a model; operators stand in an order that can be executed."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(data: bytes) -> Graph:
    """Parses a model; raises UnsupportedTflite for several subgraphs or other number types."""
    model = tflite.Model.GetRootAs(data, 0)
    if model.SubgraphsLength() != 1:
        raise UnsupportedTflite(f"{model.SubgraphsLength()} subgraphs")
    source = model.Subgraphs(0)
    return Graph(
        tensors=tuple(_tensor(model, source.Tensors(i)) for i in range(source.TensorsLength())),
        operators=tuple(
            _operator(model, source.Operators(i)) for i in range(source.OperatorsLength())
        ),
        inputs=tuple(source.InputsAsNumpy().tolist()),
        outputs=tuple(source.OutputsAsNumpy().tolist()),
    )


def _tensor(model: Any, source: Any) -> Tensor:
    name = source.Name().decode()
    shape = tuple(source.ShapeAsNumpy().tolist()) if source.ShapeLength() else ()
    buffer = model.Buffers(source.Buffer())
    if not buffer.DataLength():
        return Tensor(name, shape, None)
    if source.Type() not in _DTYPES:
        raise UnsupportedTflite(f"{name} has numbers of type {source.Type()}")
    raw = buffer.DataAsNumpy().tobytes()
    return Tensor(name, shape, np.frombuffer(raw, _DTYPES[source.Type()]).reshape(shape))


def _operator(model: Any, source: Any) -> Operator:
    code = model.OperatorCodes(source.OpcodeIndex())
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    custom = builtin == tflite.BuiltinOperator.CUSTOM
    return Operator(
        kind=code.CustomCode().decode() if custom else _OPERATOR_NAMES[builtin],
        inputs=tuple(source.InputsAsNumpy().tolist()),
        outputs=tuple(source.OutputsAsNumpy().tolist()),
        options=_options(source),
        custom_options=source.CustomOptionsAsNumpy().tobytes()
        if source.CustomOptionsLength()
        else b"",
    )


def _options(source: Any) -> Any:
    kind = source.BuiltinOptionsType()
    names = {value: name for name, value in vars(tflite.BuiltinOptions).items()}
    if kind == tflite.BuiltinOptions.NONE:
        return None
    table = getattr(tflite, names[kind])()
    table.Init(source.BuiltinOptions().Bytes, source.BuiltinOptions().Pos)
    return table
