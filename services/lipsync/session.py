"""Runs one animation: takes in what comes, draws what it can, holds back when it has enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from services.common.errors import DeadlineExceeded
from services.common.telemetry import stage
from services.lipsync.animation import Animation, Event

Command = Callable[[Animation], None]
"""Something that the caller appends or asks for, in its order."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How far one animation may go."""

    max_queued_us: int
    """No command is applied while more sound than this waits to be drawn."""
    stall_s: float
    """How long it may wait for the next command."""


# Small, since what waits here has not been seen yet; large enough to keep the reader awake.
_INBOX_LIMIT = 64


async def play(
    animation: Animation,
    commands: AsyncIterator[Command],
    executor: Executor,
    limits: SessionLimits,
) -> AsyncGenerator[Event]:
    """Yields the animation's events in order; ends when the commands have ended and all is drawn.

    Drawing happens in the executor, one frame at a time and only when the previous one was taken.
    Errors of commands, and of their source, are raised here; DeadlineExceeded when nothing comes
    for too long. Leaving early frees everything.
    """
    loop = asyncio.get_running_loop()
    inbox: asyncio.Queue[Command] = asyncio.Queue(_INBOX_LIMIT)
    pump = asyncio.create_task(_pump(commands, inbox))
    try:
        while not animation.done:
            while animation.held_us <= limits.max_queued_us and not inbox.empty():
                inbox.get_nowait()(animation)
            for marker in animation.take_cut():
                yield marker
            if animation.ready:
                for event in await loop.run_in_executor(executor, _draw, animation):
                    yield event
            elif not animation.done:
                await _take_one(animation, inbox, pump, limits.stall_s)
        for marker in animation.last_markers():
            yield marker
    finally:
        pump.cancel()


def _draw(animation: Animation) -> list[Event]:
    with stage("frame"):
        return animation.draw()


async def _pump(commands: AsyncIterator[Command], inbox: asyncio.Queue[Command]) -> None:
    async for command in commands:
        await inbox.put(command)
    await inbox.put(Animation.finish)


async def _take_one(
    animation: Animation, inbox: asyncio.Queue[Command], pump: asyncio.Task[None], stall_s: float
) -> None:
    """Applies the next command; raises what the source of the commands raised."""
    arrival = asyncio.ensure_future(inbox.get())
    try:
        await asyncio.wait({arrival, pump}, timeout=stall_s, return_when=asyncio.FIRST_COMPLETED)
        if not arrival.done() and pump.done():
            pump.result()
        if not arrival.done() and not pump.done():
            raise DeadlineExceeded(f"nothing was appended for {stall_s:g} s")
        (await arrival)(animation)
    finally:
        arrival.cancel()
