"""What each viseme asks of the lips and the jaw, and how strongly it insists.

The network that moves mouths by sound is first taught by mouths that are drawn from these tables
(training/motion).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.visemes import VisemeShape

JAW = MOUTH_SHAPES.index("jaw_open")
CLOSE = MOUTH_SHAPES.index("lips_close")
UPPER_RAISE = MOUTH_SHAPES.index("upper_lip_raise")
LOWER_DROP = MOUTH_SHAPES.index("lower_lip_drop")
STRETCH = MOUTH_SHAPES.index("stretch")
PUCKER = MOUTH_SHAPES.index("pucker")
FUNNEL = MOUTH_SHAPES.index("funnel")
PRESS = MOUTH_SHAPES.index("press")
BITE = MOUTH_SHAPES.index("lip_bite")
TONGUE = MOUTH_SHAPES.index("tongue_up")

OPENING_CHANNELS = (JAW, UPPER_RAISE, LOWER_DROP)
"""What a louder voice opens further."""

# Lips that meet also leave less room for an open jaw; those that bite, likewise.
_JAW_UNDER_SEAL = 0.55
_PRESS_UNDER_SEAL = 0.25
_MAX_COEFFICIENT = 1.15


def under_seals(mouth: NDArray[np.float32]) -> NDArray[np.float32]:
    """The coefficients [12] as they can be together with their seals, within the legal range."""
    mouth[list(OPENING_CHANNELS)] *= 1.0 - _JAW_UNDER_SEAL * max(mouth[CLOSE], mouth[BITE])
    mouth[PRESS] = max(mouth[PRESS], _PRESS_UNDER_SEAL * mouth[CLOSE])
    return mouth.clip(0.0, _MAX_COEFFICIENT)


@dataclass(frozen=True, slots=True)
class Articulation:
    """How one viseme is made."""

    target: dict[int, float]
    """Coefficient by channel; channels that are not named aim at rest."""
    jaw: float
    """How strongly it insists on its jaw height and lip opening, 0 to 1."""
    lips: float
    """How strongly it insists on its spread or rounding, 0 to 1; a low one yields to others."""
    attack_ms: int = 115
    """How long before the sound the jaw begins to move towards it."""
    rounding_attack_ms: int = 105
    """Likewise the lips' rounding or spread."""


_A = Articulation
ARTICULATIONS: dict[VisemeShape, Articulation] = {
    VisemeShape.SIL: _A({}, 1.0, 1.0),
    VisemeShape.PP: _A({JAW: 0.15}, 0.9, 0.25),
    VisemeShape.FF: _A({JAW: 0.17, UPPER_RAISE: 0.22}, 0.9, 0.3),
    VisemeShape.TH: _A({JAW: 0.39, LOWER_DROP: 0.16, TONGUE: 1.0}, 0.7, 0.25),
    VisemeShape.DD: _A({JAW: 0.45, LOWER_DROP: 0.22, STRETCH: 0.10, TONGUE: 0.75}, 0.6, 0.15),
    VisemeShape.KK: _A({JAW: 0.56, LOWER_DROP: 0.14}, 0.4, 0.1),
    VisemeShape.CH: _A(
        {JAW: 0.32, FUNNEL: 0.55, UPPER_RAISE: 0.16, LOWER_DROP: 0.22}, 0.85, 0.8, 115, 130
    ),
    VisemeShape.SS: _A({JAW: 0.32, STRETCH: 0.28, LOWER_DROP: 0.30, UPPER_RAISE: 0.10}, 0.85, 0.35),
    VisemeShape.NN: _A({JAW: 0.48, LOWER_DROP: 0.16, TONGUE: 0.75}, 0.55, 0.12),
    VisemeShape.RR: _A({JAW: 0.39, FUNNEL: 0.27, PUCKER: 0.25}, 0.6, 0.55, 115, 125),
    VisemeShape.AA: _A({JAW: 0.89, UPPER_RAISE: 0.20, LOWER_DROP: 0.28, STRETCH: 0.06}, 1.0, 0.8),
    VisemeShape.E: _A({JAW: 0.69, UPPER_RAISE: 0.18, LOWER_DROP: 0.26, STRETCH: 0.28}, 1.0, 0.75),
    VisemeShape.IH: _A({JAW: 0.54, UPPER_RAISE: 0.14, LOWER_DROP: 0.26, STRETCH: 0.52}, 1.0, 0.85),
    VisemeShape.OH: _A(
        {JAW: 0.65, FUNNEL: 0.48, PUCKER: 0.25, LOWER_DROP: 0.10}, 1.0, 1.0, 115, 140
    ),
    VisemeShape.OU: _A({JAW: 0.35, FUNNEL: 0.30, PUCKER: 0.70}, 1.0, 1.0, 115, 150),
}

_JAW_LIKE = (JAW, UPPER_RAISE, LOWER_DROP)
_TONGUE_DOMINANCE = 0.8
_TONGUE_ATTACK_MS = 60


def _tables() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    shape = (len(VisemeShape) + 1, len(MOUTH_SHAPES))
    targets, dominance, attack_us = (np.zeros(shape, np.float32) for _ in range(3))
    for viseme, made in ARTICULATIONS.items():
        for channel, value in made.target.items():
            targets[viseme, channel] = value
        dominance[viseme] = made.lips
        dominance[viseme, list(_JAW_LIKE)] = made.jaw
        dominance[viseme, TONGUE] = _TONGUE_DOMINANCE
        attack_us[viseme] = made.rounding_attack_ms * 1000
        attack_us[viseme, list(_JAW_LIKE)] = made.attack_ms * 1000
        attack_us[viseme, TONGUE] = _TONGUE_ATTACK_MS * 1000
    return targets, dominance, attack_us


TARGETS, DOMINANCE, ATTACK_US = _tables()
"""By viseme and channel, shape [16, 12]: the row is the viseme's number."""
