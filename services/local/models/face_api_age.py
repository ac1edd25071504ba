"""Makes an ONNX network of face-api's age estimator, whose package carries its weights alone.

The architecture is a small Xception (Chollet, 2017) under a line that tells the age, as the
package's own sources build it; its second line, which tells the gender, is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from services.local.models.tflite_to_onnx import IR_VERSION, OPSET, same_padding

Array = NDArray[np.float32]

_SIDE = 112
_MIDDLE_BLOCKS = 2


def read_weights(manifest: bytes, content: bytes) -> Mapping[str, Array]:
    """Weights of TensorFlow.js by name, bytes scaled back. Raises ValueError when sizes differ."""
    weights, start = {}, 0
    for group in json.loads(manifest):
        for entry in group["weights"]:
            scale = entry.get("quantization", {"dtype": entry["dtype"], "scale": 1.0, "min": 0.0})
            kind = np.dtype(scale["dtype"]).newbyteorder("<")
            count = int(np.prod(entry["shape"]))
            stored = np.frombuffer(content, kind, count, start).astype(np.float32)
            scaled = stored * np.float32(scale["scale"]) + np.float32(scale["min"])
            weights[entry["name"]] = scaled.reshape(entry["shape"])
            start += count * kind.itemsize
    if start != len(content):
        raise ValueError("the weights are not as long as their manifest says")
    return weights


class _Writer:
    """Collects nodes; values are NCHW, `size` is their height and width."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Adds a node and returns the name of what it makes."""
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: Array) -> str:
        """Adds a constant and returns its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weights(self, name: str) -> Array:
        return self._weights[name]

    def dense(self, value: str, name: str) -> str:
        product = self.add(
            "MatMul", [value, self.constant(f"{name}/weights", self.weights(f"{name}/weights"))]
        )
        return self.add(
            "Add", [product, self.constant(f"{name}/bias", self.weights(f"{name}/bias"))]
        )

    def convolution(
        self, value: str, kernel: str, size: int, stride: int = 1, bias: str = ""
    ) -> str:
        weights = self.weights(kernel)
        inputs = [value, self.constant(kernel, weights.transpose(3, 2, 0, 1))]
        if bias:
            inputs.append(self.constant(bias, self.weights(bias)))
        return self.add("Conv", inputs, **_window(weights.shape[0], size, stride))

    def separable(self, value: str, name: str, size: int) -> str:
        weights = self.weights(f"{name}/depthwise_filter")
        kernel = self.constant(f"{name}/depthwise_filter", weights.transpose(2, 3, 0, 1))
        window = _window(weights.shape[0], size, 1)
        value = self.add("Conv", [value, kernel], group=weights.shape[2], **window)
        return self.convolution(value, f"{name}/pointwise_filter", size, bias=f"{name}/bias")

    def relu(self, value: str) -> str:
        return self.add("Relu", [value])

    def reduction(self, value: str, name: str, size: int, *, activated: bool = False) -> str:
        inner = self.separable(
            value if activated else self.relu(value), f"{name}/separable_conv0", size
        )
        inner = self.separable(self.relu(inner), f"{name}/separable_conv1", size)
        pooled = self.add("MaxPool", [inner], kernel_shape=[3, 3], **_window(3, size, 2))
        beside = self.convolution(
            value, f"{name}/expansion_conv/filters", size, 2, f"{name}/expansion_conv/bias"
        )
        return self.add("Add", [pooled, beside])


def _window(kernel: int, size: int, stride: int) -> dict[str, Any]:
    before, after = same_padding(size, kernel, stride)
    return {"strides": [stride] * 2, "pads": [before, before, after, after]}


def convert(manifest: bytes, content: bytes) -> bytes:
    """The network: `image` float [1,112,112,3], RGB less its mean over 255, to `age` [1,1], years.

    The same bytes every time. Raises KeyError or ValueError for other weights than face-api's.
    """
    writer = _Writer(read_weights(manifest, content))
    value = writer.add("Transpose", ["image"], perm=[0, 3, 1, 2])
    entry = "entry_flow/conv_in"
    value = writer.convolution(value, f"{entry}/filters", _SIDE, 2, f"{entry}/bias")
    value = writer.relu(value)
    value = writer.reduction(value, "entry_flow/reduction_block_0", 56, activated=True)
    value = writer.reduction(value, "entry_flow/reduction_block_1", 28)
    for block in range(_MIDDLE_BLOCKS):
        inner = value
        for layer in range(3):
            name = f"middle_flow/main_block_{block}/separable_conv{layer}"
            inner = writer.separable(writer.relu(inner), name, 14)
        value = writer.add("Add", [inner, value])
    value = writer.reduction(value, "exit_flow/reduction_block", 14)
    value = writer.relu(writer.separable(value, "exit_flow/separable_conv", 7))
    pooled = writer.add("Flatten", [writer.add("GlobalAveragePool", [value])])
    writer.nodes.append(helper.make_node("Identity", [writer.dense(pooled, "fc/age")], ["age"]))
    return _serialised(writer)


def _serialised(writer: _Writer) -> bytes:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, _SIDE, _SIDE, 3])
    age = helper.make_tensor_value_info("age", TensorProto.FLOAT, [1, 1])
    model = helper.make_model(
        helper.make_graph(writer.nodes, "age", [image], [age], writer.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="vultus",
    )
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
