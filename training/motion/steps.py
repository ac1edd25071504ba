"""Writes the network as ONNX for one step at a time, its memory an input and an output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from services.lipsync.expression import MOUTH_SHAPES
from training.motion.examples import GATES
from training.motion.network import LAYERS, SPAN, STEP_VALUES, WIDTH
from training.motion.shapes import FITTED

_OPSET, _IR = 17, 8
Weights = dict[str, NDArray[Any]]


def save_steps(network: nn.ModuleDict, gain: float, path: Path) -> None:
    """Writes `seen` [1, 480] and `memory` [2, 1, 128] to `mouth` [1, 12] and `remembered`.

    `seen` are the newest step's spectra and those of the two before it, oldest first. `gain`
    multiplies the shapes; the gates come as probabilities.
    """
    weights = {name: values.numpy() for name, values in network.state_dict().items()}
    nodes, constants = _front(weights)
    below = "front"
    for layer in range(LAYERS):
        more, values = _memory(weights, layer, below)
        nodes += more
        constants |= values
        below = f"above{layer}"
    more, values = _mouth(weights, gain, below)
    graph = helper.make_graph(
        [*nodes, *more],
        "mouth_motion",
        [_value("seen", [1, SPAN * STEP_VALUES]), _value("memory", [LAYERS, 1, WIDTH])],
        [_value("mouth", [1, len(MOUTH_SHAPES)]), _value("remembered", [LAYERS, 1, WIDTH])],
        [numpy_helper.from_array(v, name) for name, v in (constants | values).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


def _front(weights: Weights) -> tuple[list[Any], Weights]:
    nodes = [
        helper.make_node("Gemm", ["seen", "front_w", "front_b"], ["front_sum"], transB=1),
        helper.make_node("Relu", ["front_sum"], ["front"]),
        helper.make_node("Split", ["memory"], [f"h{n}" for n in range(LAYERS)], axis=0),
    ]
    constants = {"front_w": weights["front.weight"], "front_b": weights["front.bias"]}
    return nodes, constants


def _memory(weights: Weights, layer: int, below: str) -> tuple[list[Any], Weights]:
    """One GRU; torch orders its gates reset, update, new, ONNX update, reset, new."""
    order = np.concatenate(
        [np.arange(WIDTH) + WIDTH, np.arange(WIDTH), np.arange(WIDTH) + 2 * WIDTH]
    )

    def of(name: str) -> NDArray[np.float32]:
        return np.asarray(weights[f"memory.{name}_l{layer}"][order], np.float32)

    constants = {
        f"w{layer}": of("weight_ih")[None],
        f"r{layer}": of("weight_hh")[None],
        f"b{layer}": np.concatenate([of("bias_ih"), of("bias_hh")])[None],
    }
    nodes = [
        helper.make_node("Unsqueeze", [below, "zero"], [f"one{layer}"]),
        helper.make_node(
            "GRU",
            [f"one{layer}", f"w{layer}", f"r{layer}", f"b{layer}", "", f"h{layer}"],
            ["", f"after{layer}"],
            hidden_size=WIDTH,
            linear_before_reset=1,
        ),
        helper.make_node("Squeeze", [f"after{layer}", "zero"], [f"above{layer}"]),
    ]
    return nodes, constants | {"zero": np.zeros(1, np.int64)}


def _mouth(weights: Weights, gain: float, below: str) -> tuple[list[Any], Weights]:
    """The heads, each coefficient put where it belongs."""
    shapes, gates = (np.zeros((len(n), len(MOUTH_SHAPES)), np.float32) for n in (FITTED, GATES))
    for names, places in ((FITTED, shapes), (GATES, gates)):
        for row, name in enumerate(names):
            places[row, MOUTH_SHAPES.index(name)] = 1.0
    constants = {
        "shapes_w": weights["shapes.weight"] * np.float32(gain),
        "shapes_b": weights["shapes.bias"] * np.float32(gain),
        "gates_w": weights["gates.weight"],
        "gates_b": weights["gates.bias"],
        "shapes_places": shapes,
        "gates_places": gates,
    }
    nodes = [
        helper.make_node("Gemm", [below, "shapes_w", "shapes_b"], ["shapes_sum"], transB=1),
        helper.make_node("Relu", ["shapes_sum"], ["shapes"]),
        helper.make_node("Gemm", [below, "gates_w", "gates_b"], ["gates_sum"], transB=1),
        helper.make_node("Sigmoid", ["gates_sum"], ["gates"]),
        helper.make_node("MatMul", ["shapes", "shapes_places"], ["mouth_shapes"]),
        helper.make_node("MatMul", ["gates", "gates_places"], ["mouth_gates"]),
        helper.make_node("Add", ["mouth_shapes", "mouth_gates"], ["mouth"]),
        helper.make_node("Concat", [f"after{n}" for n in range(LAYERS)], ["remembered"], axis=0),
    ]
    return nodes, constants


def _value(name: str, shape: list[int]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
