"""However many viewers ask, keyframes are few."""

from __future__ import annotations

import asyncio

from services.gateway.webrtc.keyframes import APART_S, KeyframeWishes
from tests.fakes.virtual_time import run


def granted(wishes_at_s: list[float], *, closed_at_s: float | None = None) -> list[float]:
    """When keyframes are asked for, given when they are wished."""
    grants: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        wishes = KeyframeWishes(lambda: grants.append(round(loop.time(), 3)))
        over: asyncio.Future[None] = loop.create_future()
        for at_s in wishes_at_s:
            loop.call_at(at_s, wishes.wish)
        if closed_at_s is not None:
            loop.call_at(closed_at_s, wishes.close)
        loop.call_at(10, over.set_result, None)
        await over

    run(main())
    return grants


def test_a_single_wish_is_granted_at_once() -> None:
    assert granted([0.0]) == [0.0]
    assert granted([0.0, 1.0]) == [0.0, 1.0]


def test_many_wishes_at_a_time_share_a_keyframe() -> None:
    assert granted([0.0] * 50) == [0.0, APART_S]
    assert len(granted([number / 100 for number in range(100)])) == 5


def test_a_wish_that_comes_too_early_is_granted_later_not_lost() -> None:
    assert granted([0.0, 0.1]) == [0.0, APART_S]


def test_nothing_is_granted_after_the_end() -> None:
    assert granted([0.0, 0.1], closed_at_s=0.2) == [0.0]
