"""Keyframes for viewers: few, however many ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

APART_S = 0.3


class KeyframeWishes:
    """Passes wishes on, one in APART_S at most; those that come in between share the next."""

    def __init__(self, grant: Callable[[], None]) -> None:
        self._grant = grant
        self._loop = asyncio.get_running_loop()
        self._granted_s = -APART_S
        self._timer: asyncio.TimerHandle | None = None

    def wish(self) -> None:
        """Somebody needs a keyframe."""
        if self._timer is not None:
            return
        wait_s = self._granted_s + APART_S - self._loop.time()
        if wait_s > 0:
            self._timer = self._loop.call_later(wait_s, self._pass_on)
        else:
            self._pass_on()

    def close(self) -> None:
        """Passes nothing on any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _pass_on(self) -> None:
        self._timer = None
        self._granted_s = self._loop.time()
        self._grant()
