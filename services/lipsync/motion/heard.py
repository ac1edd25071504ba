"""The mouths that a timeline's voices were heard to make, at any instant."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.motion.articulation import BITE, CLOSE, TONGUE
from services.lipsync.motion.voice import DELAY_US, STEP_US

TAIL_US = 160_000
"""How long the mouth takes to come to rest when its utterance has ended."""

_RISE_US = 60_000
_FIRST_US = STEP_US - DELAY_US
_SEAL_FROM, _SEAL_TO = 0.3, 0.6
"""Likelihoods between which a gate goes from open to shut."""
_SPEAKS = 0.12
_LISTENS_BACK_US = 160_000


@dataclass(slots=True)
class Said:
    """One utterance, as far as it was heard. Times are microseconds on the timeline."""

    begins_us: int
    seals: bool = True
    """Whether its seals are heard too, rather than told."""
    ends_us: int | None = None
    """Known once the utterance has ended."""
    mouths: list[NDArray[np.float32]] = field(default_factory=list)
    """One a step, `MOUTH_SHAPES` each."""
    first: int = 0
    """Steps that were forgotten."""

    def hear(self, mouths: NDArray[np.float32]) -> None:
        """Adds the mouths of the next steps."""
        self.mouths.extend(mouths)

    def at(self, at_us: int) -> NDArray[np.float32]:
        """The mouth at a time, from and to rest at the utterance's ends."""
        place = (at_us - self.begins_us - _FIRST_US) / STEP_US - self.first
        whole = int(np.floor(place))
        last = len(self.mouths) - 1
        before, after = (self.mouths[min(max(n, 0), last)] for n in (whole, whole + 1))
        mouth = (before + (after - before) * np.float32(place - whole)) * self._share(at_us)
        if not self.seals:
            mouth[[CLOSE, BITE, TONGUE]] = 0.0
        return mouth

    def _share(self, at_us: int) -> np.float32:
        begun = (at_us - self.begins_us) / _RISE_US
        ended = 1.0 if self.ends_us is None else 1.0 - (at_us - self.ends_us) / TAIL_US
        share = min(max(min(begun, ended), 0.0), 1.0)
        return np.float32(share * share * (3.0 - 2.0 * share))

    def moves(self, from_us: int, to_us: int) -> bool:
        """Whether the mouth leaves its rest between two times."""
        low, high = (
            int((at_us - self.begins_us - _FIRST_US) // STEP_US) - self.first
            for at_us in (from_us, to_us)
        )
        return any(
            float(np.abs(m).sum()) > _SPEAKS for m in self.mouths[max(0, low) : max(0, high + 1)]
        )

    def over(self, at_us: int) -> bool:
        """Whether it no longer bears on a time."""
        return self.ends_us is not None and at_us >= self.ends_us + TAIL_US

    def trim(self, before_us: int) -> None:
        """Forgets steps that bear on no later time."""
        keep_us = before_us - _LISTENS_BACK_US - self.begins_us - _FIRST_US
        drop = max(0, int(keep_us // STEP_US) - 1 - self.first)
        drop = min(drop, max(0, len(self.mouths) - 2))
        del self.mouths[:drop]
        self.first += drop


class HeardTrack:
    """All utterances of one timeline that are told by their sound. Not thread-safe."""

    def __init__(self) -> None:
        self._said: list[Said] = []

    def begin(self, at_us: int, *, seals: bool) -> Said:
        """A new utterance that begins at a time; see `Said`."""
        said = Said(at_us, seals)
        self._said.append(said)
        return said

    def drop_all(self) -> None:
        """Forgets every utterance."""
        self._said.clear()

    def trim(self, before_us: int) -> None:
        """Forgets what no longer bears on `before_us` or later."""
        self._said = [said for said in self._said if not said.over(before_us - _LISTENS_BACK_US)]
        for said in self._said:
            said.trim(before_us)

    def speaking_at(self, at_us: int) -> bool:
        """Whether a mouth moves at that time, or did just before."""
        return any(said.moves(at_us - _LISTENS_BACK_US, at_us) for said in self._said)

    def coefficients_at(self, at_us: int, presence: float = 1.0) -> NDArray[np.float32]:
        """The mouth's coefficients at that time, shape [12].

        `presence` scales all but the seals, which need no voice.
        """
        mouth = np.zeros(len(MOUTH_SHAPES), np.float32)
        for said in self._said:
            if said.mouths and at_us > said.begins_us and not said.over(at_us):
                mouth += said.at(at_us)
        seals = mouth[[CLOSE, BITE]]
        mouth *= np.float32(presence)
        shut = np.clip((seals - _SEAL_FROM) / (_SEAL_TO - _SEAL_FROM), 0.0, 1.0)
        mouth[[CLOSE, BITE]] = shut * shut * (3.0 - 2.0 * shut)
        return mouth
