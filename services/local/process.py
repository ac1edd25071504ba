"""Child processes that never outlive the supervisor, and the lines that they print."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

_BOUND = Path(__file__).with_name("bound.py")
_READ_BYTES = 1 << 16
_MAX_LINE_BYTES = 1 << 14

LineSink = Callable[[str, str], None]
"""Takes a process's name and a line that it printed."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A process that the stack needs."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    """Whether it can be used now; asked a few times a second while it starts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own."""
    address: str = ""
    """What others reach it at, for people and tools."""
    drain_s: float = 25.0
    """How long it may take to end after SIGTERM."""
    before_start: Callable[[], None] = lambda: None
    """Runs before each start."""


class Process(Protocol):
    """A running child."""

    @property
    def pid(self) -> int:
        """Its id."""

    async def wait(self) -> int:
        """Its exit status, once it has ended and all its lines were passed on."""

    def terminate(self) -> None:
        """Asks it to end."""

    def kill(self) -> None:
        """Ends it and all that it started, at once."""


class Launcher(Protocol):
    """Starts processes."""

    async def start(self, spec: ProcessSpec) -> Process:
        """Starts one; raises OSError when its program can't be run."""


class ChildLauncher:
    """Starts real children, each leading its own process group."""

    def __init__(self, sink: LineSink) -> None:
        self._sink = sink
        self._living: set[_Child] = set()

    def kill_all(self) -> None:
        """Ends all children at once, for those who won't wait for them to drain."""
        for child in self._living:
            child.kill()

    async def start(self, spec: ProcessSpec) -> Process:
        """Starts a child that the kernel kills when the supervisor dies (on Linux)."""
        child = await asyncio.create_subprocess_exec(
            *_bound(spec.command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **spec.environment},
            # A group of its own: Ctrl-C reaches the supervisor alone, which stops all in order.
            process_group=0,
        )
        running = _Child(spec.name, child, self._sink, self._living.discard)
        self._living.add(running)
        return running


class _Child:
    def __init__(
        self,
        name: str,
        child: asyncio.subprocess.Process,
        sink: LineSink,
        on_end: Callable[[_Child], None],
    ) -> None:
        self._child = child
        self._on_end = on_end
        assert child.stdout is not None, "the child's output is a pipe"  # noqa: S101 - for mypy
        self._reader = asyncio.ensure_future(_forward(child.stdout, name, sink))

    @property
    def pid(self) -> int:
        return self._child.pid

    async def wait(self) -> int:
        status = await self._child.wait()
        # What it started and left behind would keep its ports and the pipe.
        self._signal_group(signal.SIGKILL)
        await asyncio.shield(self._reader)
        self._on_end(self)
        return status

    def terminate(self) -> None:
        with suppress(ProcessLookupError):
            self._child.terminate()

    def kill(self) -> None:
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, number)


async def _forward(output: asyncio.StreamReader, name: str, sink: LineSink) -> None:
    rest = b""
    while chunk := await output.read(_READ_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _MAX_LINE_BYTES:
            lines, rest = [*lines, rest], b""
        for line in lines:
            sink(name, line.decode(errors="replace").rstrip("\r"))
    if rest:
        sink(name, rest.decode(errors="replace"))


def _bound(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command, run so that it dies with this process."""
    if sys.platform != "linux":
        return command
    return (sys.executable, "-I", "-S", str(_BOUND), str(os.getpid()), *command)
