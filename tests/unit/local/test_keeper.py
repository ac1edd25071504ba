from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from services.common.runtime import EXIT_USAGE
from services.local.keeper import Clock, Keeper, NotStarting, RestartPolicy, State
from services.local.process import Process, ProcessSpec


class Child:
    """A process that ends when it is told to."""

    def __init__(self, pid: int, *, stubborn: bool = False) -> None:
        self.pid = pid
        self.signals: list[str] = []
        self._stubborn = stubborn
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def terminate(self) -> None:
        self.signals.append("terminate")
        if not self._stubborn:
            self.end(0)

    def kill(self) -> None:
        self.signals.append("kill")
        self.end(-9)

    def end(self, status: int) -> None:
        if not self._ended.done():
            self._ended.set_result(status)


@dataclass
class House:
    """One kept process, with a clock that stands still but for its sleeps."""

    now_s: float = 0.0
    ready: bool = True
    on_start: Callable[[Child], None] = lambda _: None
    stubborn: bool = False
    broken: bool = False
    children: list[Child] = field(default_factory=list)
    seen: list[tuple[State, str]] = field(default_factory=list)

    async def start(self, _: ProcessSpec) -> Process:
        if self.broken:
            raise FileNotFoundError("no such program")
        child = Child(100 + len(self.children), stubborn=self.stubborn)
        self.children.append(child)
        self.on_start(child)
        return child

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(ended.set_result, None)
        await ended

    async def is_ready(self) -> bool:
        return self.ready

    def keeper(self, policy: RestartPolicy | None = None) -> Keeper:
        spec = ProcessSpec("one", ("program",), self.is_ready, drain_s=0.01)
        clock = Clock(lambda: self.now_s, self.sleep)
        return Keeper(
            spec, self, lambda k, detail: self.seen.append((k.state, detail)), policy, clock
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await self.sleep(0)

    async def lives(self, count: int) -> None:
        await self.until(lambda: len(self.children) == count)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
def house() -> House:
    return House()


async def test_a_process_that_dies_is_started_again_after_growing_pauses(house: House) -> None:
    keeper = house.keeper()
    task = asyncio.ensure_future(keeper.run())
    for lives in range(1, 5):
        await house.lives(lives)
        await house.until(lambda: keeper.state is State.READY)
        house.children[-1].end(-9)
        await house.until(lambda: keeper.state is not State.READY)
    pauses = [
        detail.split("again in ")[1] for state, detail in house.seen if state is State.WAITING
    ]
    assert pauses[:3] == ["0.2 s", "0.4 s", "0.8 s"]
    assert keeper.restarts >= 3
    await stop(task)


async def test_a_death_after_a_long_life_counts_as_the_first(house: House) -> None:
    keeper = house.keeper()
    task = asyncio.ensure_future(keeper.run())
    for lives in (1, 2, 3):
        await house.lives(lives)
        await house.until(lambda: keeper.state is State.READY)
        house.now_s += 3600
        house.children[-1].end(1)
        await house.until(lambda: keeper.state is not State.READY)
    pauses = [detail for state, detail in house.seen if state is State.WAITING]
    assert all("again in 0.2 s" in pause for pause in pauses)
    await stop(task)


async def test_a_process_that_refuses_its_settings_is_given_up_at_once(house: House) -> None:
    house.ready = False
    house.on_start = lambda child: child.end(EXIT_USAGE)
    keeper = house.keeper()
    task = asyncio.ensure_future(keeper.run())
    with pytest.raises(NotStarting, match="one does not start"):
        await keeper.ready_once()
    await task
    assert len(house.children) == 1
    assert keeper.state is State.STOPPED


async def test_a_process_that_is_never_ready_is_given_up_after_a_few_tries(house: House) -> None:
    house.ready = False
    house.on_start = lambda child: child.end(1)
    keeper = house.keeper(RestartPolicy(first_start_attempts=3))
    task = asyncio.ensure_future(keeper.run())
    with pytest.raises(NotStarting):
        await keeper.ready_once()
    await task
    assert len(house.children) == 3


async def test_a_program_that_is_not_there_is_told(house: House) -> None:
    house.broken = True
    keeper = house.keeper()
    task = asyncio.ensure_future(keeper.run())
    with pytest.raises(NotStarting, match="no such program"):
        await keeper.ready_once()
    await task


async def test_a_process_that_hangs_before_it_is_ready_is_killed(house: House) -> None:
    house.ready = False
    keeper = house.keeper(RestartPolicy(ready_timeout_s=5))
    task = asyncio.ensure_future(keeper.run())
    await house.until(lambda: bool(house.children) and "kill" in house.children[0].signals)
    assert house.now_s > 5
    await stop(task)


async def test_stopping_asks_first(house: House) -> None:
    keeper = house.keeper()
    task = asyncio.ensure_future(keeper.run())
    await keeper.ready_once()
    assert keeper.pid == 100
    await stop(task)
    assert house.children[0].signals == ["terminate"]
    assert keeper.pid is None


async def test_what_does_not_listen_is_killed(house: House) -> None:
    house.stubborn = True
    keeper = house.keeper()
    task = asyncio.ensure_future(keeper.run())
    await keeper.ready_once()
    await stop(task)
    assert house.children[0].signals == ["terminate", "kill"]


async def test_waiting_for_what_is_stopped_before_it_was_ready_ends(house: House) -> None:
    house.ready = False
    keeper = house.keeper()
    task = asyncio.ensure_future(keeper.run())
    waiting = asyncio.ensure_future(keeper.ready_once())
    await house.until(lambda: bool(house.children))
    await stop(task)
    await asyncio.wait([waiting], timeout=5)
    assert waiting.cancelled()
