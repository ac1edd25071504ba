"""What the service needs of a speech model: phonemes in, sound and the time of each phoneme out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.tts.language import Language
from services.tts.voices import Voice


@dataclass(frozen=True, slots=True)
class Take:
    """A run of phonemes, spoken. The lengths add up to the sound's length exactly."""

    samples: NDArray[np.float32]
    """The sound, nominally in [-1, 1]."""
    lead: int
    """Samples before the first phoneme."""
    lengths: Sequence[int]
    """Samples of each phoneme, in order; what is left after the last is silence."""


class Stopped(Exception):
    """The work was ended early because nobody wants it any more."""


class Interrupt:
    """Ends work in another thread early. Thrown once, it stays so."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._thrown = False
        self._listeners: list[Callable[[], None]] = []

    @property
    def thrown(self) -> bool:
        """Whether the work is to end."""
        return self._thrown

    def listen(self, listener: Callable[[], None]) -> None:
        """Calls `listener` when thrown, from the throwing thread; at once when it is already."""
        with self._lock:
            if not self._thrown:
                self._listeners.append(listener)
                return
        listener()

    def throw(self) -> None:
        """Tells the work to end; never blocks."""
        with self._lock:
            self._thrown = True
            listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()


class SpeechEngine(Protocol):
    """Speaks phonemes of Kokoro's alphabet. Calls may come from several threads."""

    @property
    def voices(self) -> Sequence[Voice]:
        """The voices, in a stable order."""
        ...

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the sound it makes."""
        ...

    @property
    def max_phonemes(self) -> int:
        """The most phonemes that it speaks at once."""
        ...

    def speak(
        self, phonemes: str, voice: Voice, language: Language, speed: float, interrupt: Interrupt
    ) -> Take:
        """Speaks at most `max_phonemes`, mainly of `language`; slow.

        Raises Stopped soon after the interrupt is thrown.
        """
        ...
