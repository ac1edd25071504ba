"""Makes an ONNX network of Resemblyzer's speaker encoder (Wan et al., 2018), saved by PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from services.local.models.tflite_to_onnx import IR_VERSION, OPSET
from services.local.models.torch_tensors import read_tensors

Array = NDArray[np.float32]

_FRAMES, _BANDS, _SIZE, _LAYERS = 160, 40, 256, 3
_GATES = (0, 3, 1, 2)
"""ONNX's order, input, output, forget and cell, in PyTorch's: input, forget, cell, output."""


def convert(content: bytes) -> bytes:
    """The network: `mels` float [n,160,40], powers in mel bands, to `voice` [n,256] of length 1.

    The same bytes every time. Raises KeyError or ValueError for another checkpoint.
    """
    weights = read_tensors(content, "model_state")
    nodes = [helper.make_node("Transpose", ["mels"], ["frames"], perm=[1, 0, 2])]
    constants: list[onnx.TensorProto] = []

    def constant(name: str, value: NDArray[Any]) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    value = "frames"
    for layer in range(_LAYERS):
        w, r, *biases = (
            _reordered(weights[f"lstm.{part}_l{layer}"])
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        inputs = [
            value,
            constant(f"w{layer}", w[None]),
            constant(f"r{layer}", r[None]),
            constant(f"b{layer}", np.concatenate(biases)[None]),
        ]
        outputs = [f"y{layer}", f"h{layer}"]
        nodes.append(helper.make_node("LSTM", inputs, outputs, hidden_size=_SIZE))
        axis = constant(f"axis{layer}", np.array([1], np.int64))
        value = f"s{layer}"
        nodes.append(helper.make_node("Squeeze", [outputs[0], axis], [value]))
    first = constant("first", np.array([0], np.int64))
    linear = [
        constant("linear", weights["linear.weight"].T),
        constant("bias", weights["linear.bias"]),
    ]
    nodes += [
        helper.make_node("Squeeze", [f"h{_LAYERS - 1}", first], ["last"]),
        helper.make_node("MatMul", ["last", linear[0]], ["product"]),
        helper.make_node("Add", ["product", linear[1]], ["raw"]),
        helper.make_node("Relu", ["raw"], ["positive"]),
        helper.make_node("LpNormalization", ["positive"], ["voice"], axis=1, p=2),
    ]
    return _serialised(nodes, constants)


def _reordered(weights: Array) -> Array:
    """The gates of PyTorch in the order of ONNX."""
    gates = weights.reshape(4, _SIZE, *weights.shape[1:])
    return gates[list(_GATES)].reshape(weights.shape)


def _serialised(nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto]) -> bytes:
    mels = helper.make_tensor_value_info("mels", TensorProto.FLOAT, ["n", _FRAMES, _BANDS])
    voice = helper.make_tensor_value_info("voice", TensorProto.FLOAT, ["n", _SIZE])
    model = helper.make_model(
        helper.make_graph(nodes, "voice", [mels], [voice], constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="vultus",
    )
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
