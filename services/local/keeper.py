"""Keeps one process alive: starts it, waits until it is ready, starts it again when it dies."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from services.common.errors import StartupError
from services.common.runtime import EXIT_USAGE
from services.local.process import Launcher, Process, ProcessSpec

_PROBE_INTERVAL_S = 0.1


class NotStarting(StartupError):
    """A process ended again and again, or refused, before it was ever ready."""

    def __init__(self, message: str, process: str) -> None:
        super().__init__(message)
        self.process = process


class State(StrEnum):
    """Where a process stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    """It died and is started again in a moment."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How soon a process that died comes back."""

    first_delay_s: float = 0.2
    longest_delay_s: float = 10.0
    forgiven_after_s: float = 30.0
    """Having been ready for so long, a death counts as the first again."""
    ready_timeout_s: float = 120.0
    """Not ready after so long, it is killed and counts as dead."""
    first_start_attempts: int = 3
    """Dead so often before it was ever ready, it is given up."""

    def delay_s(self, deaths: int) -> float:
        """The pause after the given number of deaths in a row; doubles each time."""
        return float(min(self.first_delay_s * 2 ** (deaths - 1), self.longest_delay_s))


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, so that tests need none."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Keeper:
    """One process of the stack; `run` ends only when it is cancelled or gives the process up."""

    def __init__(
        self,
        spec: ProcessSpec,
        launcher: Launcher,
        on_change: Callable[[Keeper, str], None],
        policy: RestartPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.spec = spec
        self.state = State.STOPPED
        self.pid: int | None = None
        self.restarts = 0
        self._launcher = launcher
        self._on_change = on_change
        self._policy = policy or RestartPolicy()
        self._clock = clock or Clock()
        self._deaths = 0
        self._first_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ready_once(self) -> None:
        """Returns when the process was ready for the first time; raises NotStarting."""
        await asyncio.shield(self._first_ready)

    async def run(self) -> None:
        """Keeps the process alive; when cancelled, stops it and leaves nothing of it behind."""
        try:
            while True:
                status = await self._live()
                if self._give_up(status):
                    return
                delay_s = self._policy.delay_s(self._deaths)
                self._enter(State.WAITING, f"{status_text(status)}; again in {delay_s:g} s")
                await self._clock.sleep(delay_s)
                self.restarts += 1
        finally:
            if not self._first_ready.done():
                self._first_ready.cancel()

    async def _live(self) -> int | str:
        """One life of the process, from its start to its exit status."""
        self.spec.before_start()
        self._enter(State.STARTING, "starting")
        starting = asyncio.ensure_future(self._launcher.start(self.spec))
        try:
            process = await asyncio.shield(starting)
        except OSError as error:
            self._deaths += 1
            return str(error)
        except asyncio.CancelledError:
            (await starting).kill()
            raise
        self.pid = process.pid
        ended = asyncio.ensure_future(process.wait())
        try:
            became_ready = await self._become_ready(process, ended)
            ready_at = self._clock.now()
            status = await asyncio.shield(ended)
            lived_s = self._clock.now() - ready_at if became_ready else 0.0
            self._deaths = 1 if lived_s >= self._policy.forgiven_after_s else self._deaths + 1
        except asyncio.CancelledError:
            await self._stop(process, ended)
            raise
        else:
            return status
        finally:
            self.pid = None

    async def _become_ready(self, process: Process, ended: asyncio.Future[int]) -> bool:
        deadline = self._clock.now() + self._policy.ready_timeout_s
        while not ended.done():
            if await self.spec.ready():
                self._enter(State.READY, "ready")
                if not self._first_ready.done():
                    self._first_ready.set_result(None)
                return True
            if self._clock.now() > deadline:
                self._enter(State.STARTING, "not ready in time; killing it")
                process.kill()
                return False
            await self._clock.sleep(_PROBE_INTERVAL_S)
        return False

    def _give_up(self, status: int | str) -> bool:
        if self._first_ready.done():
            return False
        refused = status == EXIT_USAGE
        if refused or self._deaths >= self._policy.first_start_attempts:
            self._enter(State.STOPPED, f"{status_text(status)}; given up")
            self._first_ready.set_exception(
                NotStarting(
                    f"{self.spec.name} does not start: {status_text(status)}", self.spec.name
                )
            )
            return True
        return False

    async def _stop(self, process: Process, ended: asyncio.Future[int]) -> None:
        process.terminate()
        done, _ = await asyncio.wait([ended], timeout=self.spec.drain_s)
        if not done:
            process.kill()
            await ended
        self._enter(State.STOPPED, "stopped")

    def _enter(self, state: State, detail: str) -> None:
        self.state = state
        self._on_change(self, detail)


def status_text(status: int | str) -> str:
    """How a process ended, for people: `status` as of subprocess, or why it could not start."""
    if isinstance(status, str):
        return status
    if status >= 0:
        return f"it ended with {status}"
    try:
        return f"it was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"it was killed by signal {-status}"
