"""Makes an ONNX network of face-api's face recogniser, whose package carries its weights alone.

The architecture is dlib's residual network (King, 2017), which tells a face by 128 numbers, as the
package's own sources build it; scales that follow a convolution are folded into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from services.local.models.face_api_age import read_weights
from services.local.models.tflite_to_onnx import IR_VERSION, OPSET

Array = NDArray[np.float32]

_SIDE = 150
_NUMBERS = 128
_BLOCKS = (
    # Name, side after it, channels after it; those that halve are named so.
    ("conv32_1", 35, 32),
    ("conv32_2", 35, 32),
    ("conv32_3", 35, 32),
    ("conv64_down", 17, 64),
    ("conv64_1", 17, 64),
    ("conv64_2", 17, 64),
    ("conv64_3", 17, 64),
    ("conv128_down", 8, 128),
    ("conv128_1", 8, 128),
    ("conv128_2", 8, 128),
    ("conv256_down", 4, 256),
    ("conv256_1", 4, 256),
    ("conv256_2", 4, 256),
    ("conv256_down_out", 2, 256),
)
_SIDES_OF_HALVES = {17: 17, 8: 8, 4: 3, 2: 1}
"""What a convolution without padding leaves, by the side that pooling leaves."""


class _Writer:
    """Collects nodes; values are NCHW."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weights(self, name: str) -> Array:
        return self._weights[name]

    def convolution(self, value: str, name: str, stride: int, padding: int) -> str:
        kernel = self.weights(f"{name}/conv/filters").transpose(3, 2, 0, 1)
        scale = self.weights(f"{name}/scale/weights")
        bias = self.weights(f"{name}/conv/bias") * scale + self.weights(f"{name}/scale/biases")
        inputs = [value, self.constant(kernel * scale[:, None, None, None]), self.constant(bias)]
        return self.add("Conv", inputs, strides=[stride] * 2, pads=[padding] * 4)

    def relu(self, value: str) -> str:
        return self.add("Relu", [value])

    def widened(self, value: str, axes: Sequence[int], by: int) -> str:
        """With zeros after the end of some axes."""
        ends = np.array([0] * len(axes) + [by] * len(axes), np.int64)
        where = np.array(axes, np.int64)
        return self.add("Pad", [value, self.constant(ends), "", self.constant(where)])

    def residual(self, value: str, name: str) -> str:
        inner = self.relu(self.convolution(value, f"{name}/conv1", 1, 1))
        return self.relu(self.add("Add", [self.convolution(inner, f"{name}/conv2", 1, 1), value]))

    def halving(self, value: str, name: str, side: int, new_channels: int) -> str:
        inner = self.relu(self.convolution(value, f"{name}/conv1", 2, 0))
        inner = self.convolution(inner, f"{name}/conv2", 1, 1)
        pooled = self.add("AveragePool", [value], kernel_shape=[2, 2], strides=[2, 2])
        if missing := side - _SIDES_OF_HALVES[side]:
            inner = self.widened(inner, (2, 3), missing)
        if new_channels:
            pooled = self.widened(pooled, (1,), new_channels)
        return self.relu(self.add("Add", [pooled, inner]))


def convert(manifest: bytes, content: bytes) -> bytes:
    """The network: `image` float [1,150,150,3], RGB less its mean over 255, to `face` [1,128].

    The same bytes every time. Raises KeyError or ValueError for other weights than face-api's.
    """
    writer = _Writer(read_weights(manifest, content))
    value = writer.add("Transpose", ["image"], perm=[0, 3, 1, 2])
    value = writer.relu(writer.convolution(value, "conv32_down", 2, 0))
    value = writer.add("MaxPool", [value], kernel_shape=[3, 3], strides=[2, 2])
    channels = 32
    for name, side, after in _BLOCKS:
        if "down" in name:
            value = writer.halving(value, name, side, after - channels)
        else:
            value = writer.residual(value, name)
        channels = after
    pooled = writer.add("Flatten", [writer.add("GlobalAveragePool", [value])])
    inputs = [pooled, writer.constant(writer.weights("fc"))]
    writer.nodes.append(helper.make_node("MatMul", inputs, ["face"]))
    return _serialised(writer)


def _serialised(writer: _Writer) -> bytes:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, _SIDE, _SIDE, 3])
    face = helper.make_tensor_value_info("face", TensorProto.FLOAT, [1, _NUMBERS])
    model = helper.make_model(
        helper.make_graph(writer.nodes, "face", [image], [face], writer.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="vultus",
    )
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
