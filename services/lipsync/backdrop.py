"""What can stand behind a person in place of what the portrait shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour."""

    red: int
    green: int
    blue: int


@dataclass(frozen=True, slots=True)
class Photo:
    """An image file, cut to the output's shape."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Blur:
    """What the portrait shows, out of focus."""

    strength: float
    """0 (a little) to 1 (no shapes are left)."""


@dataclass(frozen=True, slots=True)
class Transparent:
    """Nothing: pictures have alpha."""


Backdrop = Colour | Photo | Blur | Transparent
