"""What is made of the files that packages carry."""

from __future__ import annotations

import io
from pathlib import PurePosixPath

import numpy as np
import onnxruntime
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
