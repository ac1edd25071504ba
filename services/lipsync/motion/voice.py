"""From a voice to the mouth that says it: a small network that hears 20 ms at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.motion.resampling import to_model_rate
from services.lipsync.motion.spectrum import BANDS, HOP, RATE_HZ, Spectrum

STEP = 2 * HOP
"""Samples of a step, 16 kHz."""
STEP_US = STEP * 1_000_000 // RATE_HZ
DELAY_US = 130_000
"""How long after a moment the sound goes on from which its mouth is told."""
LOOKAHEAD_US = DELAY_US + STEP_US + 1_000
"""How much sound after an instant bears on its mouth: the next step's, and the resampler's edge."""
MODEL = Path(__file__).with_name("mouth.onnx")

_SPAN = 3
_MEMORY = (2, 1, 128)
_FULL_SCALE = 32768.0
_EDGE_S = 1000
"""The resampler hears a thousandth of a second on either side."""

Mouths = NDArray[np.float32]


class MouthNetwork(Protocol):
    """Tells the mouth of one step of sound."""

    def __call__(self, seen: Mouths, memory: Mouths) -> tuple[Mouths, Mouths]:
        """The coefficients [1, 12] and the new memory, of the newest spectra [1, 480]."""
        ...


class OnnxMouthNetwork:
    """The network that comes with the service. Safe to call from several threads."""

    def __init__(self, model: Path = MODEL, providers: Sequence[str] = ()) -> None:
        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=list(providers) or ["CPUExecutionProvider"]
        )

    def __call__(self, seen: Mouths, memory: Mouths) -> tuple[Mouths, Mouths]:
        """See MouthNetwork."""
        mouth, remembered = self._session.run(None, {"seen": seen, "memory": memory})
        return mouth, remembered


class VoiceReader:
    """Turns one utterance's sound into mouths, step by step.

    What it returns depends on the sound alone, not on the pieces in which it came.
    """

    def __init__(self, network: MouthNetwork, sample_rate_hz: int) -> None:
        self._network = network
        self._rate = sample_rate_hz
        self._block = STEP * sample_rate_hz // RATE_HZ
        self._edge = 0 if sample_rate_hz == RATE_HZ else sample_rate_hz // _EDGE_S
        self._sound = np.zeros(self._edge, np.float32)
        self._spectrum = Spectrum()
        self._seen = np.zeros((_SPAN, 2 * BANDS), np.float32)
        self._memory = np.zeros(_MEMORY, np.float32)

    def read(self, samples: NDArray[np.int16]) -> Mouths:
        """Hears the next sound; the mouths of the steps that it completes [n, 12].

        The first of an utterance is of `STEP_US - DELAY_US` on its clock, each other `STEP_US`
        after the one before.
        """
        self._sound = np.concatenate([self._sound, samples.astype(np.float32) / _FULL_SCALE])
        mouths = [self._step(block) for block in self._blocks()]
        return np.concatenate(mouths) if mouths else np.zeros((0, len(MOUTH_SHAPES)), np.float32)

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        """Steps of sound at 16 kHz; always of one length, so that they come out to the bit."""
        edge, needed = self._edge, self._block + 2 * self._edge
        lead = edge * RATE_HZ // self._rate
        while len(self._sound) >= needed:
            block = to_model_rate(self._sound[:needed], self._rate)
            self._sound = self._sound[self._block :]
            yield block[lead : lead + STEP]

    def _step(self, block: NDArray[np.float32]) -> Mouths:
        newest = self._spectrum.append(block).reshape(1, -1)
        self._seen = np.concatenate([self._seen[1:], newest])
        mouth, self._memory = self._network(self._seen.reshape(1, -1), self._memory)
        return mouth
