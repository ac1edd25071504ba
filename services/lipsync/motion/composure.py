"""When a mouth that the photo shows open rests shut: from the first word until long after it."""

from __future__ import annotations

_RISE_S, _FALL_S = 0.25, 1.2
_HOLD_S = 4.0
"""How long after the last word lips stay together."""


class Composure:
    """One step a frame."""

    def __init__(self, fps: int) -> None:
        self._step_s = 1.0 / fps
        self._silent_s = _HOLD_S
        self._level = 0.0

    def step(self, *, speaking: bool) -> float:
        """0: at rest the mouth is the photo's; 1: at rest it is shut."""
        self._silent_s = 0.0 if speaking else self._silent_s + self._step_s
        composed = self._silent_s < _HOLD_S
        change = self._step_s / _RISE_S if composed else -self._step_s / _FALL_S
        self._level = min(max(self._level + change, 0.0), 1.0)
        return self._level * self._level * (3.0 - 2.0 * self._level)
