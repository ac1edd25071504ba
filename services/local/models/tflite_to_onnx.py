"""Converts a TFLite network of float numbers to ONNX, byte for byte the same every time.

Inputs and outputs keep TFLite's shapes (pictures as NHWC). Inside, four-dimensional values are
NCHW: a transposition stands only at inputs, outputs and reshapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

from services.local.models.landmark_operators import (
    landmarks_to_matrix,
    transform_landmarks,
    transform_tensor,
)
from services.local.models.tflite_graph import Array, Graph, Operator, UnsupportedTflite, read_graph

OPSET = 18
IR_VERSION = 9
_NCHW = (0, 3, 1, 2)
_NHWC = (0, 2, 3, 1)


class GraphWriter:
    """Collects ONNX nodes and constants while the operators are walked in order."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._folded: dict[int, Array] = {}

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The shape in TFLite's order of axes."""
        return self.graph.tensors[tensor].shape

    def constant(self, tensor: int) -> Array | None:
        """The value of a constant, or of one computed from constants; None for activations."""
        return self._folded.get(tensor, self.graph.tensors[tensor].data)

    def weights(self, tensor: int) -> Array:
        """The value of a constant; raises UnsupportedTflite when it is computed at run time."""
        value = self.constant(tensor)
        if value is None:
            raise UnsupportedTflite(f"{self.graph.tensors[tensor].name} is not a constant")
        return value

    def fold(self, tensor: int, value: Array) -> None:
        """Makes an operator's output a constant."""
        self._folded[tensor] = value

    def name(self, tensor: int) -> str:
        """The ONNX name of an activation; four-dimensional ones are NCHW under this name."""
        return f"t{tensor}"

    def add_constant(self, name: str, value: Array) -> str:
        """Adds an initializer, once for each name, and returns the name."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Adds a node of one output and returns the output's name."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def operand(self, tensor: int, rank: int) -> str:
        """An input of an element-wise operator whose result has `rank` axes."""
        value = self.constant(tensor)
        if value is None:
            return self.name(tensor)
        if rank == 4:
            value = value.reshape((1,) * (4 - value.ndim) + value.shape).transpose(_NCHW)
        return self.add_constant(f"c{tensor}", value.astype(np.float32))

    def as_nhwc(self, tensor: int) -> str:
        """The activation in TFLite's own order of axes."""
        name = self.name(tensor)
        if len(self.shape(tensor)) != 4:
            return name
        return self.add("Transpose", [name], f"{name}_nhwc_{len(self.nodes)}", perm=_NHWC)

    def from_nhwc(self, value: str, tensor: int) -> None:
        """Gives an activation computed in TFLite's order of axes its name."""
        if len(self.shape(tensor)) == 4:
            self.add("Transpose", [value], self.name(tensor), perm=_NCHW)
        else:
            self.add("Identity", [value], self.name(tensor))

    def activate(self, value: str, fused: int, output: str) -> None:
        """Applies the activation that is fused into an operator; `value` must be its last node."""
        match fused:
            case tflite.ActivationFunctionType.NONE:
                self.nodes[-1].output[0] = output
            case tflite.ActivationFunctionType.RELU:
                self.add("Relu", [value], output)
            case tflite.ActivationFunctionType.RELU6:
                limits = [np.float32(0), np.float32(6)]
                names = [self.add_constant(f"f{x:g}", np.array(x)) for x in limits]
                self.add("Clip", [value, *names], output)
            case _:
                raise UnsupportedTflite(f"fused activation {fused}")


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's SAME padding of one axis: what stands before and after it."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def _pads(
    options: object,
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int] = (1, 1),
) -> list[int]:
    if options != tflite.Padding.SAME:
        return [0, 0, 0, 0]
    axes = [same_padding(*axis) for axis in zip(sizes, kernel, stride, dilation, strict=True)]
    return [axes[0][0], axes[1][0], axes[0][1], axes[1][1]]


def _convolution(writer: GraphWriter, op: Operator, *, depthwise: bool) -> None:
    source, kernel, *rest = op.inputs
    options, output = op.options, op.outputs[0]
    weights = writer.weights(kernel).astype(np.float32)
    size = weights.shape[1:3]
    stride = [options.StrideH(), options.StrideW()]
    dilation = [options.DilationHFactor(), options.DilationWFactor()]
    inputs = [
        writer.name(source),
        writer.add_constant(f"w{kernel}", weights.transpose(_DEPTHWISE if depthwise else _NCHW)),
    ]
    if rest and rest[0] >= 0:
        inputs.append(writer.operand(rest[0], rank=1))
    value = writer.add(
        "Conv",
        inputs,
        f"{writer.name(output)}_linear",
        kernel_shape=size,
        strides=stride,
        dilations=dilation,
        group=writer.shape(source)[3] if depthwise else 1,
        pads=_pads(options.Padding(), writer.shape(source)[1:3], size, stride, dilation),
    )
    writer.activate(value, options.FusedActivationFunction(), writer.name(output))


_DEPTHWISE = (3, 0, 1, 2)


def _transposed_convolution(writer: GraphWriter, op: Operator) -> None:
    """MediaPipe's Convolution2DTransposeBias: options are padding, stride width, stride height."""
    source, kernel, bias = op.inputs
    output = op.outputs[0]
    padding, stride_w, stride_h = np.frombuffer(op.custom_options[:12], np.int32).tolist()
    weights = writer.weights(kernel).astype(np.float32)
    size, stride = weights.shape[1:3], [stride_h, stride_w]
    writer.add(
        "ConvTranspose",
        [
            writer.name(source),
            writer.add_constant(f"w{kernel}", weights.transpose(3, 0, 1, 2)),
            writer.operand(bias, rank=1),
        ],
        writer.name(output),
        kernel_shape=size,
        strides=stride,
        # The field counts from one: kTfLitePaddingSame is 1, while the schema's SAME is 0.
        pads=_pads(padding - 1, writer.shape(output)[1:3], size, stride),
    )


def _pool(writer: GraphWriter, op: Operator, *, kind: str) -> None:
    options, output = op.options, op.outputs[0]
    size = [options.FilterHeight(), options.FilterWidth()]
    stride = [options.StrideH(), options.StrideW()]
    value = writer.add(
        kind,
        [writer.name(op.inputs[0])],
        f"{writer.name(output)}_linear",
        kernel_shape=size,
        strides=stride,
        pads=_pads(options.Padding(), writer.shape(op.inputs[0])[1:3], size, stride),
    )
    writer.activate(value, options.FusedActivationFunction(), writer.name(output))


def _mean(writer: GraphWriter, op: Operator) -> None:
    axes = writer.weights(op.inputs[1]).ravel().tolist()
    if len(writer.shape(op.inputs[0])) != 4 or not op.options.KeepDims():
        raise UnsupportedTflite("MEAN of other than pictures, or that drops axes")
    places = np.array(sorted(_NCHW.index(axis) for axis in axes), np.int64)
    name = "_".join(["axes", *map(str, places)])
    inputs = [writer.name(op.inputs[0]), writer.add_constant(name, places)]
    writer.add("ReduceMean", inputs, writer.name(op.outputs[0]), keepdims=1)


def _binary(writer: GraphWriter, op: Operator, *, kind: str) -> None:
    output = op.outputs[0]
    rank = len(writer.shape(output))
    inputs = [writer.operand(tensor, rank) for tensor in op.inputs]
    value = writer.add(kind, inputs, f"{writer.name(output)}_linear")
    writer.activate(value, op.options.FusedActivationFunction(), writer.name(output))


def _unary(writer: GraphWriter, op: Operator, *, kind: str) -> None:
    writer.add(kind, [writer.name(op.inputs[0])], writer.name(op.outputs[0]))


def _prelu(writer: GraphWriter, op: Operator) -> None:
    source, slope = op.inputs
    inputs = [writer.name(source), writer.operand(slope, len(writer.shape(source)))]
    writer.add("PRelu", inputs, writer.name(op.outputs[0]))


def _dequantize(writer: GraphWriter, op: Operator) -> None:
    writer.fold(op.outputs[0], writer.weights(op.inputs[0]).astype(np.float32))


def _pad(writer: GraphWriter, op: Operator) -> None:
    amounts = writer.weights(op.inputs[1]).astype(np.int64)
    if len(amounts) == 4:
        amounts = amounts[list(_NCHW)]
    pads = writer.add_constant(f"pads{op.inputs[1]}", amounts.T.ravel())
    writer.add("Pad", [writer.name(op.inputs[0]), pads], writer.name(op.outputs[0]))


def _reshape(writer: GraphWriter, op: Operator) -> None:
    source, output = op.inputs[0], op.outputs[0]
    shape = np.array(writer.shape(output), np.int64)
    name = writer.add_constant("shape_" + "_".join(map(str, shape)), shape)
    value = writer.add("Reshape", [writer.as_nhwc(source), name], f"{writer.name(output)}_nhwc")
    writer.from_nhwc(value, output)


def _whole_slice(writer: GraphWriter, op: Operator) -> None:
    """A slice that takes everything."""
    source, begin, end, strides = op.inputs
    shape = np.array(writer.shape(source))
    options = op.options
    masks = (options.ShrinkAxisMask(), options.NewAxisMask(), options.EllipsisMask())
    whole = not writer.weights(begin).any() and (writer.weights(end) == shape).all()
    if any(masks) or not whole or (writer.weights(strides) != 1).any():
        raise UnsupportedTflite("STRIDED_SLICE of a part")
    writer.add("Identity", [writer.name(source)], writer.name(op.outputs[0]))


def _concatenation(writer: GraphWriter, op: Operator) -> None:
    rank = len(writer.shape(op.outputs[0]))
    axis = op.options.Axis() % rank
    value = writer.add(
        "Concat",
        [writer.operand(tensor, rank) for tensor in op.inputs],
        f"{writer.name(op.outputs[0])}_linear",
        axis=_NCHW.index(axis) if rank == 4 else axis,
    )
    writer.activate(value, op.options.FusedActivationFunction(), writer.name(op.outputs[0]))


def _resize_bilinear(writer: GraphWriter, op: Operator) -> None:
    output = op.outputs[0]
    batch, height, width, channels = writer.shape(output)
    sizes = np.array([batch, channels, height, width], np.int64)
    name = writer.add_constant("sizes_" + "_".join(map(str, sizes)), sizes)
    mode = "asymmetric"
    if op.options.AlignCorners():
        mode = "align_corners"
    elif op.options.HalfPixelCenters():
        mode = "half_pixel"
    writer.add(
        "Resize",
        [writer.name(op.inputs[0]), "", "", name],
        writer.name(output),
        mode="linear",
        coordinate_transformation_mode=mode,
    )


_OPERATORS: Mapping[str, Callable[[GraphWriter, Operator], None]] = {
    "ADD": partial(_binary, kind="Add"),
    "AVERAGE_POOL_2D": partial(_pool, kind="AveragePool"),
    "CONCATENATION": _concatenation,
    "CONV_2D": partial(_convolution, depthwise=False),
    "Convolution2DTransposeBias": _transposed_convolution,
    "DEPTHWISE_CONV_2D": partial(_convolution, depthwise=True),
    "DEQUANTIZE": _dequantize,
    "HARD_SWISH": partial(_unary, kind="HardSwish"),
    "Landmarks2TransformMatrix": landmarks_to_matrix,
    "LOGISTIC": partial(_unary, kind="Sigmoid"),
    "MAX_POOL_2D": partial(_pool, kind="MaxPool"),
    "MEAN": _mean,
    "MUL": partial(_binary, kind="Mul"),
    "PAD": _pad,
    "PRELU": _prelu,
    "RELU": partial(_unary, kind="Relu"),
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize_bilinear,
    "STRIDED_SLICE": _whole_slice,
    "TransformLandmarks": transform_landmarks,
    "TransformTensorBilinear": transform_tensor,
}


def convert(tflite_model: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """The same network as ONNX, its inputs and outputs named as given, in TFLite's order.

    Raises UnsupportedTflite for an operator that is not known or for names that do not fit.
    """
    return convert_graph(read_graph(tflite_model), inputs, outputs)


def convert_graph(graph: Graph, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Likewise, for a graph that was read."""
    if len(inputs) != len(graph.inputs) or len(outputs) != len(graph.outputs):
        raise UnsupportedTflite(
            f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs must be named"
        )
    writer = GraphWriter(graph)
    for tensor, name in zip(graph.inputs, inputs, strict=True):
        writer.from_nhwc(name, tensor)
    for op in graph.operators:
        if op.kind not in _OPERATORS:
            raise UnsupportedTflite(f"operator {op.kind}")
        _OPERATORS[op.kind](writer, op)
    for tensor, name in zip(graph.outputs, outputs, strict=True):
        writer.add("Identity", [writer.as_nhwc(tensor)], name)
    return _serialise(writer, inputs, outputs)


def _serialise(writer: GraphWriter, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    def described(names: Sequence[str], tensors: Sequence[int]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, writer.shape(tensor))
            for name, tensor in zip(names, tensors, strict=True)
        ]

    onnx_graph = helper.make_graph(
        writer.nodes,
        "network",
        described(inputs, writer.graph.inputs),
        described(outputs, writer.graph.outputs),
        list(writer.constants.values()),
    )
    model = helper.make_model(
        onnx_graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="vultus",
    )
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
