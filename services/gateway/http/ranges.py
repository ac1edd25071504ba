"""Parts of a file, as RFC 9110 section 14 asks for them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.common.errors import RangeNotSatisfiable

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)
_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `first` to `last`, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.last - self.first + 1


def part_of(header: str | None, size_bytes: int) -> Part | None:
    """The one range that is asked for; None: the whole file.

    What is malformed or asks for several ranges is ignored, as the RFC allows. Raises
    RangeNotSatisfiable when the range begins behind the end.
    """
    found = _RANGE.fullmatch((header or "").strip())
    if not found or found[1] == found[2] == "":
        return None
    if max(len(found[1]), len(found[2])) > _MAX_DIGITS:
        raise RangeNotSatisfiable(f"the file has {size_bytes} bytes")
    if not found[1]:
        return _suffix(int(found[2]), size_bytes)
    first = int(found[1])
    last = int(found[2]) if found[2] else size_bytes - 1
    if last < first and found[2]:
        return None
    if first >= size_bytes:
        raise RangeNotSatisfiable(f"the file has {size_bytes} bytes")
    return Part(first, min(last, size_bytes - 1))


def _suffix(length: int, size_bytes: int) -> Part:
    if length == 0 or size_bytes == 0:
        raise RangeNotSatisfiable(f"the file has {size_bytes} bytes")
    return Part(max(0, size_bytes - length), size_bytes - 1)
