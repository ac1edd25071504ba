"""Voices: what a caller chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.tts.language import Language

Gender = Literal["female", "male"]


@dataclass(frozen=True, slots=True)
class Voice:
    """A timbre that text can be spoken in."""

    id: str
    """Stable: `vo_`, the language, the name."""
    name: str
    """A name for people."""
    tag: str
    """BCP 47 tag of the voice's own language: `en-US`, `en-GB`, `zh-CN`."""
    gender: Gender
    style: str
    """What the engine calls it."""
    gain: float = 1.0
    """What the sound is multiplied by, so that all voices are about equally loud."""

    @property
    def language(self) -> Language:
        """The voice's own language."""
        return Language(self.tag.partition("-")[0])
