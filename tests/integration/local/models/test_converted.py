"""A converted network says what the runtime that it was made for says."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from services.common.models import ModelStore

ROOT = Path(__file__).parents[4]
HOME = Path(os.environ.get("VULTUS_HOME", ROOT / ".vultus"))
PORTRAIT = HOME / "models" / "demo_portrait.jpg"
CROP = (slice(100, 370), slice(150, 420))
GOLDEN = ROOT / "tests/assets/mediapipe_landmarks.csv"
"""What MediaPipe 0.10.21 answers for that crop at 192 by 192 pixels: point, x, y."""
PLACES = {
    "landmarks": {1: 1, 10: 10, 152: 152, 234: 234, 454: 454},
    "lips": {0: 61, 5: 17, 10: 291, 15: 0, 20: 78, 25: 14, 30: 308, 35: 13},
    "left_eye": {0: 33, 4: 145, 8: 133, 12: 159},
    "right_eye": {0: 263, 4: 374, 8: 362, 12: 386},
    "left_iris": {n: 468 + n for n in range(5)},
    "right_iris": {n: 473 + n for n in range(5)},
}
"""Where each output holds some of MediaPipe's points."""
# Decoders of JPEG differ a little.
PIXELS = 0.1


@pytest.mark.skipif(
    not PORTRAIT.is_file(), reason="the models are not there: python -m services.local.models fetch"
)
def test_landmarks_lips_lids_and_irises_are_where_mediapipe_has_them() -> None:
    picture = cv2.imread(str(PORTRAIT))
    assert picture is not None
    crop = cv2.resize(picture[CROP], (192, 192), interpolation=cv2.INTER_AREA)[..., ::-1]
    path = ModelStore(HOME).path("face-landmarks")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    image = (crop / 255.0).astype(np.float32)[None]
    outputs = dict(zip(names, session.run(names, {"image": image}), strict=True))
    golden = {int(n): (x, y) for n, x, y in np.loadtxt(GOLDEN, delimiter=",", skiprows=1)}
    for name, places in PLACES.items():
        values = np.asarray(outputs[name])
        points = values.reshape(-1, 3 if name == "landmarks" else 2)
        for place, number in places.items():
            assert points[place, :2] == pytest.approx(golden[number], abs=PIXELS), (name, number)
    assert float(np.asarray(outputs["presence"]).item()) > 0


@pytest.mark.skipif(
    not PORTRAIT.is_file(), reason="the models are not there: python -m services.local.models fetch"
)
def test_the_age_network_says_what_face_api_says() -> None:
    path = ModelStore(HOME).path("face-age")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    colours = (np.arange(112 * 112 * 3) * 37 % 256).reshape(1, 112, 112, 3)
    image = ((colours - (122.782, 117.001, 104.298)) / 255).astype(np.float32)
    (age,) = session.run(["age"], {"image": image})
    # @vladmandic/face-api 1.7.15 for the same colours.
    assert np.asarray(age).item() == pytest.approx(45.06398, abs=1e-3)
