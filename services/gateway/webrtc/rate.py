"""How much a viewer's network carries, and how much the one encoder of all viewers shall make.

A viewer's estimate follows the loss-based controller of Google Congestion Control
(draft-ietf-rmcat-gcc-02, section 6) on receiver reports, and falls with the receiver's own
estimate (REMB, draft-alvestrand-rmcat-remb-03). Pictures of a face need far less than they may
have most of the time, so an estimate that says "less" begins at what was really sent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

MIN_BPS = 150_000
_BITS_PER_PIXEL = 0.30
"""Lip-sync's own ceiling, at which a speaking face shows no blocks."""
_MAX_BPS = 20_000_000

_HIGH_LOSS = 0.10
_LOW_LOSS = 0.02
_GROWTH = 1.05
_GROWTH_APART_S = 1.0
_FALL = 0.95
"""A receiver's estimate that falls below this share of its last one was overused."""
_FRESH_S = 10.0
"""For how long a viewer's word holds."""

_STEP = 0.75
"""Each bitrate that the encoder may have is this share of the next one."""
_DOWN_APART_S = 2.0
_UP_APART_S = 10.0


def ceiling_bps(width: int, height: int, fps: int) -> int:
    """What the encoder makes at most when nobody asks for less."""
    return min(_MAX_BPS, max(MIN_BPS, int(width * height * fps * _BITS_PER_PIXEL)))


class Estimate:
    """What one viewer's network carries, bit/s; times in seconds on any one clock."""

    def __init__(self, ceiling_bps: int) -> None:
        self.bps = ceiling_bps
        self._ceiling_bps = ceiling_bps
        self._receiver_bps = 0
        self._grown_s = -math.inf
        self._heard_s = -math.inf

    def fresh(self, now_s: float) -> bool:
        """Whether the viewer said anything of late."""
        return now_s - self._heard_s < _FRESH_S

    def lost(self, now_s: float, share: float, sent_bps: int) -> None:
        """A receiver report: that share of what was sent since the last one was lost."""
        self._heard_s = now_s
        if share > _HIGH_LOSS:
            self._set(min(self.bps, sent_bps) * (1 - 0.5 * share))
        elif share < _LOW_LOSS and now_s - self._grown_s >= _GROWTH_APART_S:
            self._grown_s = now_s
            self._set(self.bps * _GROWTH)

    def received(self, now_s: float, receiver_bps: int, sent_bps: int) -> None:
        """The receiver's own estimate, which trails what is sent; so only its falls count."""
        self._heard_s = now_s
        before_bps, self._receiver_bps = self._receiver_bps, receiver_bps
        if receiver_bps < before_bps * _FALL and receiver_bps < sent_bps:
            self._set(min(self.bps, receiver_bps))

    def _set(self, bps: float) -> None:
        self.bps = int(min(self._ceiling_bps, max(MIN_BPS, bps)))


class EncoderRate:
    """The encoder's bitrate over time; each change costs a keyframe, so they are few and large."""

    def __init__(self, ceiling_bps: int) -> None:
        self.bps = ceiling_bps
        self._rungs = _rungs(ceiling_bps)
        self._changed_s = -math.inf

    def follow(self, now_s: float, estimates: Iterable[Estimate]) -> bool:
        """Takes up what the viewers' networks carry; whether `bps` changed.

        The weakest viewer decides: all get the same pictures.
        """
        least = min((one.bps for one in estimates if one.fresh(now_s)), default=self._rungs[0])
        wanted = next((rung for rung in self._rungs if rung <= least), self._rungs[-1])
        waited_s = now_s - self._changed_s
        if wanted < self.bps and waited_s >= _DOWN_APART_S:
            self.bps = wanted
        elif wanted > self.bps and waited_s >= _UP_APART_S:
            self.bps = self._rungs[self._rungs.index(self.bps) - 1]
        else:
            return False
        self._changed_s = now_s
        return True


def _rungs(ceiling_bps: int) -> list[int]:
    """The bitrates from the ceiling down to the least."""
    rungs = [ceiling_bps]
    while (lower := int(rungs[-1] * _STEP)) > MIN_BPS:
        rungs.append(lower)
    return [*rungs, MIN_BPS] if rungs[-1] > MIN_BPS else rungs
