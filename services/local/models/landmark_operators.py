"""ONNX forms of MediaPipe's operators that look closer at a part of a face.

`Landmarks2TransformMatrix` frames some landmarks with a turned box, `TransformTensorBilinear` cuts
that box out of a picture, `TransformLandmarks` brings points found in it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from flatbuffers import flexbuffers  # type: ignore[import-untyped]

from services.local.models.tflite_graph import Array, Operator, UnsupportedTflite

if TYPE_CHECKING:
    from services.local.models.tflite_to_onnx import GraphWriter


def landmarks_to_matrix(writer: GraphWriter, op: Operator) -> None:
    """Landmarks [1, n, 3] to a matrix [1, 4, 4] that leads from the box's cells to their plane."""
    options = _options(op)
    if options.get("target_rotation_radians", 0.0):
        raise UnsupportedTflite("a box that is turned further than its landmarks")
    calls = _Calls(writer, op.outputs[0])
    points = calls.add("Slice", writer.name(op.inputs[0]), *calls.ints([0], [2], [2]))
    ends = [options["left_rotation_idx"], options["right_rotation_idx"]]
    left, right = (calls.add("Gather", points, *calls.ints([end]), axis=1) for end in ends)
    along = calls.add("Sub", right, left)
    along = calls.add("Div", along, calls.add("ReduceL2", along, *calls.ints([2]), keepdims=1))
    # The box's axes as rows: along the line between both ends, and across.
    across = calls.add("MatMul", along, calls.const([[0.0, 1.0], [-1.0, 0.0]]))
    axes = calls.add("Concat", along, across, axis=1)
    framed = calls.add("Gather", points, calls.const(np.array(options["subset_idxs"])), axis=1)
    turned = calls.add("MatMul", framed, calls.add("Transpose", axes, perm=(0, 2, 1)))
    high, low = (
        calls.add(kind, turned, *calls.ints([1]), keepdims=1) for kind in ("ReduceMax", "ReduceMin")
    )
    cells = np.array([options["output_width"], options["output_height"]], np.float32)
    scale = np.array([options["scale_x"], options["scale_y"]], np.float32) / cells
    step = calls.add("Mul", calls.add("Sub", high, low), calls.const(scale))
    rows = calls.add("Mul", axes, calls.add("Transpose", step, perm=(0, 2, 1)))
    centre = calls.add(
        "MatMul", calls.add("Mul", calls.add("Add", high, low), calls.const(0.5)), axes
    )
    corner = calls.add(
        "Sub", centre, calls.add("MatMul", calls.const(cells.reshape(1, 1, 2) / 2), rows)
    )
    still = calls.const(np.zeros((1, 1, 2)))
    columns = calls.add("Concat", rows, still, corner, axis=1)
    matrix = calls.add("Transpose", columns, perm=(0, 2, 1))
    last = calls.const(np.array([[[0, 0, 1, 0], [0, 0, 0, 1]]]))
    writer.add("Concat", [matrix, last], writer.name(op.outputs[0]), axis=1)


def transform_tensor(writer: GraphWriter, op: Operator) -> None:
    """A picture and a matrix to what the matrix frames; nothing beyond the picture."""
    picture, matrix = op.inputs
    _, height, width, _ = writer.shape(op.outputs[0])
    size = np.array(writer.shape(picture)[2:0:-1], np.float32)
    calls = _Calls(writer, op.outputs[0])
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    cells = calls.const(np.stack([x, y], axis=-1).reshape(1, -1, 2))
    places = calls.apply(matrix, cells)
    grid = calls.add("Sub", calls.add("Mul", places, calls.const(2.0 / size)), calls.const(1.0))
    grid = calls.add("Reshape", grid, *calls.ints([1, height, width, 2]))
    inputs = [writer.name(picture), grid]
    writer.add(
        "GridSample",
        inputs,
        writer.name(op.outputs[0]),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=0,
    )


def transform_landmarks(writer: GraphWriter, op: Operator) -> None:
    """Points [1, n, 2] through a matrix [1, 4, 4]."""
    points, matrix = op.inputs
    if writer.shape(points)[-1] != 2:
        raise UnsupportedTflite("TransformLandmarks of other than flat points")
    calls = _Calls(writer, op.outputs[0])
    moved = calls.apply(matrix, writer.name(points))
    writer.add("Identity", [moved], writer.name(op.outputs[0]))


class _Calls:
    """Adds the nodes of one operator under names of its own."""

    def __init__(self, writer: GraphWriter, output: int) -> None:
        self._writer = writer
        self._prefix = writer.name(output)
        self._count = 0

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self._writer.add(kind, inputs, self._name(), **attributes)

    def const(self, value: Any) -> str:
        array: Array = np.asarray(value)
        dtype = np.int64 if array.dtype.kind == "i" and array.ndim < 3 else np.float32
        return self._writer.add_constant(self._name(), array.astype(dtype))

    def ints(self, *values: list[int]) -> list[str]:
        return [self.const(np.array(value, np.int64)) for value in values]

    def apply(self, matrix: int, points: str) -> str:
        """Points [1, n, 2] through the first two rows of a matrix [1, 4, 4]."""
        name = self._writer.name(matrix)
        rows = self.add("Slice", name, *self.ints([0], [2], [1]))
        turned, shift = (
            self.add("Slice", rows, *self.ints([start], [end], [2]))
            for start, end in ((0, 2), (3, 4))
        )
        moved = self.add("MatMul", points, self.add("Transpose", turned, perm=(0, 2, 1)))
        return self.add("Add", moved, self.add("Transpose", shift, perm=(0, 2, 1)))

    def _name(self) -> str:
        self._count += 1
        return f"{self._prefix}_{self._count}"


def _options(op: Operator) -> dict[str, Any]:
    options: dict[str, Any] = flexbuffers.Loads(op.custom_options)
    return options
