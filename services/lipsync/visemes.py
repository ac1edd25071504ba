"""The fifteen mouth shapes of speech and when they hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class VisemeShape(IntEnum):
    """A mouth shape of the common fifteen-viseme set; the values are those of the wire."""

    SIL = 1
    PP = 2
    FF = 3
    TH = 4
    DD = 5
    KK = 6
    CH = 7
    SS = 8
    NN = 9
    RR = 10
    AA = 11
    E = 12
    IH = 13
    OH = 14
    OU = 15


@dataclass(frozen=True, slots=True)
class Viseme:
    """One mouth shape and when its sound is heard, on whatever clock its holder names."""

    shape: VisemeShape
    start_us: int
    end_us: int
    weight: float = 1.0
    """How fully the shape is articulated, 0 to 1."""

    def shifted(self, delta_us: int) -> Viseme:
        """The same shape, later by `delta_us`."""
        return Viseme(self.shape, self.start_us + delta_us, self.end_us + delta_us, self.weight)
