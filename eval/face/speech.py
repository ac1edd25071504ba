"""What is heard in a clip: its voice, its pauses, and the sounds of shut lips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from eval.face.clips import RATE_HZ, Sound
from eval.face.curves import CURVE_HZ, Curve
from eval.face.phonemes import HamaRecogniser, visemes_in
from services.lipsync.visemes import Viseme, VisemeShape

SILENT_DB, PAUSE_S = -35.0, 0.3
"""What is softer against the loud parts of a voice is silence; what is longer is a pause."""
SETTLING_S = 0.2
"""How long after the voice lips may take to come to rest."""

_SMOOTH_HOPS = 5
_LOUD = 0.95
_BEFORE_VOICE_S = 0.1


@dataclass(frozen=True, slots=True)
class Speech:
    """Something said, `CURVE_HZ` values a second from its beginning on."""

    level_db: Curve
    """Against the loud parts of the voice, smoothed over 50 ms [n]."""
    visemes: Sequence[Viseme]
    """Told with it, or recognised."""

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """Where the voice is heard [n]."""
        return np.asarray(self.level_db > SILENT_DB)

    @property
    def seals(self) -> list[Viseme]:
        """The sounds p, b and m."""
        return [viseme for viseme in self.visemes if viseme.shape is VisemeShape.PP]

    def pauses(self) -> list[slice]:
        """Where nothing is said for long, a little away from the voice on either side."""
        around = np.concatenate([[True], self.voiced, [True]]).astype(int)
        edges = np.flatnonzero(np.diff(around)).tolist()
        after, before = (round(s * CURVE_HZ) for s in (SETTLING_S, _BEFORE_VOICE_S))
        return [
            slice(start + after, end - before)
            for start, end in list(pairwise(edges))[::2]
            if end - start > PAUSE_S * CURVE_HZ + after
        ]


def speech_of(sound: Sound, visemes: Sequence[Viseme] | None = None) -> Speech:
    """What is said in a sound; its mouth shapes are recognised unless they are told."""
    heard = visemes_in(HamaRecogniser(), sound) if visemes is None else visemes
    return Speech(level_db(sound), heard)


def level_db(sound: Sound) -> Curve:
    """The level against the loud parts of a voice, `CURVE_HZ` values a second."""
    hop = RATE_HZ // CURVE_HZ
    power = np.mean(sound[: len(sound) // hop * hop].reshape(-1, hop).astype(np.float64) ** 2, 1)
    smooth = np.convolve(power, np.full(_SMOOTH_HOPS, 1 / _SMOOTH_HOPS), "same")
    level = 10 * np.log10(smooth + 1e-9)
    return np.asarray(level - np.quantile(level, _LOUD), np.float64)
