"""Overload is refused at the door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.common.errors import Overloaded

RETRY_AFTER_S = 2.0


class Slots:
    """A number of places; who finds none is refused at once. For one event loop."""

    def __init__(self, number: int, refusal: str) -> None:
        self._free = number
        self._refusal = refusal

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Takes a place while the block runs; raises Overloaded when there is none."""
        if not self._free:
            raise Overloaded(self._refusal, retry_after_s=RETRY_AFTER_S)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
