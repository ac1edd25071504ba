"""Each operator of TFLite against what its definition says, computed with NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import tflite
from flatbuffers import flexbuffers  # type: ignore[import-untyped]
from numpy.typing import NDArray

from services.local.models.tflite_graph import Graph, Operator, Tensor, UnsupportedTflite
from services.local.models.tflite_to_onnx import convert_graph, same_padding

Array = NDArray[Any]
PICTURE = np.random.default_rng(5).normal(size=(1, 5, 6, 3)).astype(np.float32)
PLAIN = tflite.ActivationFunctionType.NONE


class Options:
    """Answers as the options of an operator do."""

    def __init__(self, **values: int) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        return lambda: self._values[name]


def run(kind: str, *values: Array | None, out: tuple[int, ...], **options: Any) -> Array:
    """The result of one operator; the first value is the input, the others are constants."""
    custom = options.pop("custom", b"")
    tensors = [
        Tensor("x", values[0].shape if values[0] is not None else (), None),
        *(
            Tensor(f"c{n}", value.shape, value)
            for n, value in enumerate(values[1:])
            if value is not None
        ),
        Tensor("y", out, None),
    ]
    last = len(tensors) - 1
    op = Operator(kind, tuple(range(last)), (last,), Options(**options), custom)
    graph = Graph(tuple(tensors), (op,), (0,), (last,))
    model = convert_graph(graph, ["x"], ["y"])
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": values[0]})
    assert isinstance(result, np.ndarray)
    return result


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [(5, 3, 1, (1, 1)), (6, 3, 2, (0, 1)), (5, 3, 2, (1, 1)), (7, 2, 2, (0, 1)), (4, 1, 2, (0, 0))],
)
def test_same_padding_puts_the_odd_one_behind(
    size: int, kernel: int, stride: int, padding: tuple[int, int]
) -> None:
    assert same_padding(size, kernel, stride) == padding


def convolved(picture: Array, kernel: Array, stride: int) -> Array:
    """A convolution with SAME padding; kernel [out, h, w, in]."""
    height, width = kernel.shape[1:3]
    rows, columns = (
        same_padding(*axis, stride)
        for axis in zip(picture.shape[1:3], (height, width), strict=True)
    )
    padded = np.pad(picture[0], (rows, columns, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(0, 1))
    result: Array = np.einsum("yxchw,ohwc->yxo", windows[::stride, ::stride], kernel)[None]
    return result


def test_a_convolution_slides_over_a_picture_padded_as_tensorflow_does() -> None:
    kernel = np.random.default_rng(1).normal(size=(4, 3, 3, 3)).astype(np.float32)
    bias = np.arange(4, dtype=np.float32)
    options = {"StrideH": 2, "StrideW": 2, "DilationHFactor": 1, "DilationWFactor": 1}
    relu = tflite.ActivationFunctionType.RELU6
    got = run(
        "CONV_2D",
        PICTURE,
        kernel,
        bias,
        out=(1, 3, 3, 4),
        **options,
        Padding=tflite.Padding.SAME,
        FusedActivationFunction=relu,
    )
    expected = np.clip(convolved(PICTURE, kernel, 2) + bias, 0, 6)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_depthwise_convolution_keeps_channels_apart() -> None:
    kernel = np.random.default_rng(2).normal(size=(1, 3, 3, 3)).astype(np.float32)
    options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    got = run(
        "DEPTHWISE_CONV_2D",
        PICTURE,
        kernel,
        out=(1, 5, 6, 3),
        **options,
        Padding=tflite.Padding.SAME,
        FusedActivationFunction=PLAIN,
    )
    for channel in range(3):
        one = slice(channel, channel + 1)
        expected = convolved(PICTURE[..., one], kernel[..., one], 1)
        np.testing.assert_allclose(got[..., one], expected, atol=1e-5)


def test_a_pool_takes_the_greatest_of_each_window() -> None:
    got = run(
        "MAX_POOL_2D",
        PICTURE[:, :4],
        out=(1, 2, 3, 3),
        FilterHeight=2,
        FilterWidth=2,
        StrideH=2,
        StrideW=2,
        Padding=tflite.Padding.VALID,
        FusedActivationFunction=PLAIN,
    )
    expected = PICTURE[0, :4].reshape(2, 2, 3, 2, 3).max(axis=(1, 3))[None]
    np.testing.assert_array_equal(got, expected)


def test_a_channel_s_slope_is_that_of_prelu() -> None:
    slope = np.array([[[0.1, 0.5, -1.0]]], np.float32)
    got = run("PRELU", PICTURE, slope, out=PICTURE.shape)
    np.testing.assert_allclose(got, np.where(PICTURE < 0, PICTURE * slope, PICTURE))


def test_padding_and_reshaping_go_by_tensorflow_s_order_of_axes() -> None:
    amounts = np.array([[0, 0], [1, 0], [0, 2], [0, 1]], np.int32)
    padded = run("PAD", PICTURE, amounts, out=(1, 6, 8, 4))
    np.testing.assert_array_equal(padded, np.pad(PICTURE, amounts.tolist()))
    flat = run("RESHAPE", PICTURE, np.array([1, 90], np.int32), out=(1, 90))
    np.testing.assert_array_equal(flat, PICTURE.reshape(1, 90))


def test_a_constant_beside_a_picture_is_spread_over_its_channels() -> None:
    shift = np.array([1.0, 2.0, 3.0], np.float32)
    got = run("ADD", PICTURE, shift, out=PICTURE.shape, FusedActivationFunction=PLAIN)
    np.testing.assert_allclose(got, PICTURE + shift)


def test_resizing_reads_between_pixels_centres() -> None:
    ramp = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
    options = {"AlignCorners": False, "HalfPixelCenters": True}
    got = run("RESIZE_BILINEAR", ramp, np.array([1, 8]), out=(1, 1, 8, 1), **options)
    np.testing.assert_allclose(got.ravel(), [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])


def test_only_a_slice_of_everything_is_known() -> None:
    options = {"ShrinkAxisMask": 0, "NewAxisMask": 0, "EllipsisMask": 0}
    points = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    begin, end, strides = (np.array(v, np.int32) for v in ([0, 0, 0], [1, 2, 3], [1, 1, 1]))
    got = run("STRIDED_SLICE", points, begin, end, strides, out=(1, 2, 3), **options)
    np.testing.assert_array_equal(got, points)
    with pytest.raises(UnsupportedTflite):
        run("STRIDED_SLICE", points, begin, end - 1, strides, out=(1, 1, 2), **options)


def test_an_operator_that_is_not_known_is_named() -> None:
    with pytest.raises(UnsupportedTflite, match="FFT"):
        run("FFT", PICTURE, out=PICTURE.shape)


def test_names_must_fit_the_inputs_and_outputs() -> None:
    graph = Graph((Tensor("x", (1,), None),), (), (0,), (0,))
    with pytest.raises(UnsupportedTflite, match="must be named"):
        convert_graph(graph, ["x", "y"], ["z"])


SQUARE = np.array([[[2, 1, 9], [6, 1, 9], [6, 5, 9], [2, 5, 9]]], np.float32)


def framing(**changes: object) -> bytes:
    options = {
        "subset_idxs": [0, 1, 2, 3],
        "left_rotation_idx": 0,
        "right_rotation_idx": 1,
        "output_width": 8,
        "output_height": 8,
        "scale_x": 1.5,
        "scale_y": 1.5,
        "target_rotation_radians": 0.0,
        **changes,
    }
    framed: bytes = bytes(flexbuffers.Dumps(options))
    return framed


def corners(points: Array) -> Array:
    """Where a frame of 8 by 8 cells around points has two opposite corners."""
    matrix = run("Landmarks2TransformMatrix", points, out=(1, 4, 4), custom=framing())
    cells = np.array([[0, 0, 0, 1], [8, 8, 0, 1]], np.float32)
    found: Array = (cells @ matrix[0].T)[:, :2]
    return found


def test_a_box_is_one_and_a_half_times_the_points_it_frames() -> None:
    np.testing.assert_allclose(corners(SQUARE), [[1, 0], [7, 6]], atol=1e-5)


def test_a_box_turns_with_its_points() -> None:
    turned = SQUARE[..., [1, 0, 2]] * np.array([-1, 1, 1], np.float32)
    np.testing.assert_allclose(corners(turned), [[0, 1], [-6, 7]], atol=1e-5)


def test_a_box_that_turns_of_itself_is_not_known() -> None:
    with pytest.raises(UnsupportedTflite):
        run(
            "Landmarks2TransformMatrix",
            SQUARE,
            out=(1, 4, 4),
            custom=framing(target_rotation_radians=0.5),
        )


def test_points_go_through_a_matrix() -> None:
    matrix = np.eye(4, dtype=np.float32)[None]
    matrix[0, :2, 3] = (10, 20)
    matrix[0, 0, 0] = 2
    points = np.array([[[1, 1], [3, 4]]], np.float32)
    model = convert_graph(two_inputs("TransformLandmarks", points, matrix, points.shape), *NAMES)
    np.testing.assert_allclose(evaluated(model, points, matrix), [[[12, 21], [16, 24]]])


def test_a_matrix_cuts_its_frame_out_of_a_picture_and_leaves_nothing_beyond() -> None:
    picture = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    matrix = np.eye(4, dtype=np.float32)[None]
    matrix[0, :2, 3] = (2, 1)
    graph = two_inputs("TransformTensorBilinear", picture, matrix, (1, 3, 3, 1))
    got = evaluated(convert_graph(graph, *NAMES), picture, matrix)
    np.testing.assert_allclose(got[0, ..., 0], [[6, 7, 0], [10, 11, 0], [14, 15, 0]], atol=1e-4)


NAMES = (["x", "m"], ["y"])


def two_inputs(kind: str, first: Array, second: Array, out: tuple[int, ...]) -> Graph:
    shapes = {"x": first.shape, "m": second.shape, "y": out}
    tensors = tuple(Tensor(name, shape, None) for name, shape in shapes.items())
    return Graph(tensors, (Operator(kind, (0, 1), (2,), None, b""),), (0, 1), (2,))


def evaluated(model: bytes, first: Array, second: Array) -> Array:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": first, "m": second})
    assert isinstance(result, np.ndarray)
    return result
