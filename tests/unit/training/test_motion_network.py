from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not there: pip install -e .[train]")
import torch

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.motion.spectrum import BANDS
from services.lipsync.motion.voice import STEP, OnnxMouthNetwork, VoiceReader
from training.motion.examples import GATES, Example
from training.motion.learning import Plan, learn_to_hear, learn_to_mouth
from training.motion.losses import LOWER, UPPER
from training.motion.network import new_network, run
from training.motion.shapes import FITTED, PLACES, Shapes
from training.motion.sound import steps_of
from training.motion.steps import save_steps

pytestmark = pytest.mark.unit


def _shapes() -> Shapes:
    moves = np.zeros((len(FITTED), len(PLACES), 2))
    moves[0, LOWER, 1], moves[0, UPPER, 1] = 0.2, -0.05
    return Shapes(moves)


def _example(*, filmed: bool) -> Example:
    """The jaw opens with the loudness of the steps."""
    steps = np.repeat(np.sin(np.arange(200) / 6)[:, None], 2 * BANDS, axis=1).astype(np.float32)
    shapes = np.zeros((200, len(FITTED)), np.float32)
    shapes[:, 0] = np.clip(steps[:, 0], 0, 1)
    lips = np.einsum("nk,kpd->npd", shapes, _shapes().moves).astype(np.float32)
    gates = np.repeat((steps[:, :1] < -0.8).astype(np.float32), len(GATES), axis=1)
    unknown = np.full_like(gates, np.nan)
    phonemes = (steps[:, 0] > 0).astype(np.int64)
    if filmed:
        return Example("p", steps, shapes, unknown, np.full(200, -1, np.int64), lips)
    return Example("s", steps, shapes, gates, phonemes, np.full_like(lips, np.nan))


def test_the_streamed_network_tells_what_the_whole_tells(tmp_path: Path) -> None:
    network = new_network(3)
    save_steps(network, 1.0, tmp_path / "mouth.onnx")
    sound = np.random.default_rng(1).normal(0, 3000, STEP * 40).astype(np.int16)

    streamed = VoiceReader(OnnxMouthNetwork(tmp_path / "mouth.onnx"), 16_000).read(sound)

    with torch.no_grad():
        steps = torch.from_numpy(steps_of(sound.astype(np.float32) / 32768.0))
        whole = run(network, steps[None])
    shapes = streamed[:, [MOUTH_SHAPES.index(name) for name in FITTED]]
    gates = streamed[:, [MOUTH_SHAPES.index(name) for name in GATES]]
    np.testing.assert_allclose(shapes, torch.relu(whole.shapes)[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(gates, torch.sigmoid(whole.gates)[0].numpy(), atol=1e-5)


def test_the_gain_multiplies_the_shapes_alone(tmp_path: Path) -> None:
    sound = np.random.default_rng(1).normal(0, 3000, STEP * 20).astype(np.int16)
    read = []
    for gain in (1.0, 2.0):
        save_steps(new_network(3), gain, tmp_path / "mouth.onnx")
        read.append(VoiceReader(OnnxMouthNetwork(tmp_path / "mouth.onnx"), 16_000).read(sound))
    shapes = [MOUTH_SHAPES.index(name) for name in FITTED]
    gates = [MOUTH_SHAPES.index(name) for name in GATES]

    np.testing.assert_allclose(read[0][:, shapes] * 2.0, read[1][:, shapes], atol=1e-5)
    np.testing.assert_array_equal(read[0][:, gates], read[1][:, gates])


def test_it_learns_and_the_same_seed_learns_the_same() -> None:
    weights = []
    errors: list[float] = []
    told = torch.zeros(200)
    for _ in range(2):
        network = new_network(1)
        learn_to_hear(network, [_example(filmed=False)], Plan(50, batch=2), errors.append)
        taught = learn_to_mouth(
            network, [_example(filmed=True)], [_example(filmed=False)], _shapes(), Plan(30, batch=2)
        )
        weights.append(taught.state_dict()["shapes.weight"].numpy())
        with torch.no_grad():
            told = run(taught, torch.from_numpy(_example(filmed=True).steps)[None]).shapes[0, :, 0]

    assert errors[1] < 0.7 * errors[0]
    assert np.corrcoef(told.numpy(), _example(filmed=True).shapes[:, 0])[0, 1] > 0.8
    np.testing.assert_array_equal(weights[0], weights[1])
