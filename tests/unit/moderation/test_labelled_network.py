"""An operator's own models: the folder's form, and what follows from a network's numbers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from services.moderation.image_model import Thresholds
from services.moderation.labelled_network import ImageModelFaulty, open_labelled_network
from services.moderation.verdict import Label, Suggestion

CPU = ("CPUExecutionProvider",)
SIDE = 16
LABELS = """
name = "colours"
side = 16
mean = [0.0, 0.0, 0.5]
std = [1.0, 1.0, 0.5]
activation = "none"

[[output]]
label = "violence"
sub_label = "gore"
review = 0.5
block = 0.9

[[output]]

[[output]]
label = "terrorism"
review = 0.7
"""


def network() -> bytes:
    """Gives the mean of each colour of a picture [1, 3, 16, 16]."""
    shape = numpy_helper.from_array(np.array([1, 3], np.int64), "shape")
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["means"]),
        helper.make_node("Reshape", ["means", "shape"], ["colours"]),
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    colours = helper.make_tensor_value_info("colours", TensorProto.FLOAT, [1, 3])
    graph = helper.make_graph(nodes, "colours", [picture], [colours], [shape])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    )  # onnx writes newer files than ONNX Runtime reads
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(network())
    (tmp_path / "labels.toml").write_text(LABELS, "utf-8")
    return tmp_path


def plain(red: int, green: int, blue: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((40, 70, 3), (red, green, blue), np.uint8)


def test_outputs_are_scores_of_their_labels(folder: Path) -> None:
    model = open_labelled_network(folder, CPU)
    assert model.labels == {Label.VIOLENCE, Label.TERRORISM}
    gore, terror = model.scores(plain(153, 255, 255))
    assert (gore.label, gore.sub_label, gore.thresholds) == (
        Label.VIOLENCE,
        "gore",
        Thresholds(0.5, 0.9),
    )
    assert gore.value == pytest.approx(0.6)
    assert (terror.label, terror.thresholds) == (Label.TERRORISM, Thresholds(0.7, math.inf))
    assert terror.value == pytest.approx(1.0)
    found = [score.finding(score.thresholds) for score in (gore, terror)]
    assert [each and each.suggestion for each in found] == [Suggestion.REVIEW, Suggestion.REVIEW]


@pytest.mark.parametrize(
    ("activation", "first"),
    [("softmax", math.e / (math.e + 2)), ("sigmoid", 1 / (1 + math.exp(-1)))],
)
def test_numbers_are_activated(folder: Path, activation: str, first: float) -> None:
    labels = LABELS.replace('"none"', f'"{activation}"').replace("0.5]", "0.0]", 1)
    (folder / "labels.toml").write_text(labels.replace("1.0, 0.5]", "1.0, 1.0]"), "utf-8")
    model = open_labelled_network(folder, CPU)
    assert model.scores(plain(255, 0, 0))[0].value == pytest.approx(first, abs=1e-5)


def test_the_version_names_weights_and_thresholds(folder: Path) -> None:
    before = open_labelled_network(folder, CPU).version
    assert before.startswith("colours-")
    assert before.endswith("@0.5/0.9,0.7/inf")
    (folder / "labels.toml").write_text(LABELS.replace("0.9", "0.95"), "utf-8")
    assert open_labelled_network(folder, CPU).version != before


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"violence"', '"gore"', "label"),
        ('"violence"', '"minor"', "label must be one of"),
        ("review = 0.5", "review = 0.95", "block must not be under review"),
        ("review = 0.7", "", "label and review"),
        ("side = 16", "side = 4", "side"),
        ('"colours"', '"Bad Name"', "name"),
        ("[[output]]\n\n", "", "describes 2 outputs"),
        ("side = 16", "side = 32", "can't be run"),
        ("side = 16", "side =", "not sound"),
    ],
)
def test_a_folder_that_is_not_sound_stops_the_start(
    folder: Path, old: str, new: str, named: str
) -> None:
    assert old in LABELS
    (folder / "labels.toml").write_text(LABELS.replace(old, new, 1), "utf-8")
    with pytest.raises(ImageModelFaulty, match=named):
        open_labelled_network(folder, CPU)


@pytest.mark.parametrize("name", ["model.onnx", "labels.toml"])
def test_a_missing_file_stops_the_start(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ImageModelFaulty, match=name):
        open_labelled_network(folder, CPU)


def test_what_is_no_network_stops_the_start(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"no network")
    with pytest.raises(ImageModelFaulty, match="can't be run"):
        open_labelled_network(folder, CPU)
