"""The running of one animation: what ends it, and what it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from services.common.errors import DeadlineExceeded, InvalidInput
from services.lipsync.animation import Frame, MouthSource
from services.lipsync.session import Command, SessionLimits, play

if TYPE_CHECKING:
    from tests.unit.lipsync.conftest import Stage

LIMITS = SessionLimits(max_queued_us=1_000_000, stall_s=30)


async def commands(*given: Command) -> AsyncIterator[Command]:
    for command in given:
        yield command


async def endless(*given: Command) -> AsyncIterator[Command]:
    for command in given:
        yield command
    await asyncio.Event().wait()


async def test_an_animation_to_which_nothing_comes_is_ended(stage: Stage) -> None:
    limits = SessionLimits(max_queued_us=1_000_000, stall_s=0.01)
    with ThreadPoolExecutor(1) as executor, pytest.raises(DeadlineExceeded):
        await anext(play(stage.animation, endless(), executor, limits))


async def test_an_error_of_a_command_ends_the_animation(stage: Stage) -> None:
    given = commands(lambda a: a.append_idle(400_000), lambda a: a.end_utterance())
    with ThreadPoolExecutor(1) as executor, pytest.raises(InvalidInput, match="no utterance"):
        await anext(play(stage.animation, given, executor, LIMITS))


async def test_no_more_sound_is_taken_in_than_allowed(stage: Stage) -> None:
    taken = 0

    def append(animation: object) -> None:
        nonlocal taken
        taken += 1
        stage.animation.append_sound(bytes(24_000 * 2))

    async def sound() -> AsyncIterator[Command]:
        yield lambda a: a.begin_utterance("u", MouthSource.VISEMES)
        for _ in range(60):
            yield append

    with ThreadPoolExecutor(1) as executor:
        events = play(stage.animation, sound(), executor, LIMITS)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Frame):
                    assert taken - event.pts_us / 1_000_000 < 3
                    if event.pts_us > 20_000_000:
                        break


async def test_leaving_early_stops_reading(stage: Stage) -> None:
    closed = asyncio.Event()

    async def source() -> AsyncIterator[Command]:
        try:
            yield lambda a: a.append_idle(60_000_000)
            await asyncio.Event().wait()
        finally:
            closed.set()

    with ThreadPoolExecutor(1) as executor:
        events = play(stage.animation, source(), executor, LIMITS)
        async with aclosing(events):
            assert isinstance(await anext(events), Frame)
        await asyncio.wait_for(closed.wait(), 5)
