"""How far a mouth is open, and whether it moves with what is heard.

That tells a film of somebody speaking from a photograph held up, and from a voice put over another
film. A film of another time that was made to say the phrase, by a person or a machine, it does not
tell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.common.faces import Detection
from services.common.onnx import Network
from services.common.pixels import pulled, shrunk
from services.moderation.sound import SPEECH_RATE_HZ

_SIZE = 192
_MARGIN = 1.5
_LIPS = 80
_CORNERS = (20, 30)
"""Of the inner lips, among the network's finer points."""
_MIDDLES = (25, 35)
_RATE_HZ = 25
_SMOOTH = 5
_LONGEST_LAG = 5
"""At _RATE_HZ: how far sound and pictures of one film may be apart."""
_STILL = 0.01
"""Standard deviation of the opening below which nothing moves: what compression alone does."""
_QUIET_DB = -60.0


class MouthReader:
    """Looks at mouths; threads may share it."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def opening(self, rgb: NDArray[np.uint8], face: Detection) -> float:
        """How far the inner lips are apart, in widths of the mouth."""
        eyes = np.subtract(face.left_eye, face.right_eye)
        along = eyes / max(float(np.linalg.norm(eyes)), 1e-6)
        down = np.array([-along[1], along[0]])
        side = _MARGIN * max(face.width, face.height)
        step = side / _SIZE
        source, ratio = shrunk(rgb, step)
        middle = np.array([face.x + face.width / 2, face.y + face.height / 2])
        corner = middle - (along + down) * side / 2
        matrix = np.column_stack([along * step, down * step, corner]) / ratio[:, None]
        view = pulled(source, matrix, _SIZE, _SIZE, repeat_edge=True)
        lips = self._network((view.astype(np.float32) / 255.0)[None])["lips"].reshape(_LIPS, 2)
        width = float(np.linalg.norm(lips[_CORNERS[0]] - lips[_CORNERS[1]]))
        return float(np.linalg.norm(lips[_MIDDLES[0]] - lips[_MIDDLES[1]])) / max(width, 1e-3)


def agreement(
    times_s: NDArray[np.float64], openings: NDArray[np.float64], sound: NDArray[np.float32]
) -> float:
    """How well a mouth's opening follows the loudness: -1 to 1, 0 where nothing moves or sounds."""
    if len(times_s) < 2 or not len(sound):
        return 0.0
    loudness = _loudness(sound)
    count = min(len(loudness), int(times_s[-1] * _RATE_HZ))
    moments = np.arange(count) / _RATE_HZ
    mouth = _smoothed(np.interp(moments, times_s, openings))
    voice = _smoothed(loudness[:count])
    if count <= 2 * _LONGEST_LAG or mouth.std() < _STILL or voice.std() < 1.0:
        return 0.0
    lags = range(-_LONGEST_LAG, _LONGEST_LAG + 1)
    return max(_correlation(mouth, voice, lag) for lag in lags)


def _loudness(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """dB at _RATE_HZ, of a full scale."""
    size = SPEECH_RATE_HZ // _RATE_HZ
    blocks = sound[: len(sound) // size * size].astype(np.float64).reshape(-1, size)
    power = np.mean(np.square(blocks), axis=1)
    loud: NDArray[np.float64] = np.maximum(10 * np.log10(power + 1e-12), _QUIET_DB)
    return loud


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    window = np.hanning(_SMOOTH + 2)[1:-1]
    return np.convolve(values, window / window.sum(), "same")


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64], lag: int) -> float:
    shifted = (a[lag:], b[: len(b) - lag]) if lag >= 0 else (a[:lag], b[-lag:])
    return float(np.corrcoef(*shifted)[0, 1])
