"""Brings the whole stack up on loopback, and takes it down."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from services.common.errors import DomainError, StartupError
from services.local.files import write_atomically
from services.local.first_account import working_api_key
from services.local.infrastructure import remove_sockets
from services.local.keeper import Keeper, NotStarting, State
from services.local.log_files import LogFiles
from services.local.output import Output
from services.local.process import ChildLauncher
from services.local.settings import LocalSettings
from services.local.stack import Layout, Stage, infrastructure, services
from services.local.state import HomeFolders, RunningStack, only_instance, write_state
from services.local.supervisor import Supervisor

EXIT_REFUSED = 2
_LINES_OF_A_FAILURE = 6
# They tell everything at length; what matters of it is in the services' own lines.
QUIET = frozenset({"nats", "s3"})


class View:
    """Shows each change of a process and writes it to state.json."""

    def __init__(self, layout: Layout, output: Output, launcher: ChildLauncher) -> None:
        self._layout = layout
        self._output = output
        self._ready = False
        self.supervisor = Supervisor(launcher, self._changed)

    def announce(self) -> None:
        """Tells the tools that read state.json that the stack can be used."""
        self._ready = True
        self._save()

    def last_lines(self, process: str) -> str:
        """The end of what a process printed, and where the rest is."""
        lines = self._output.last_lines(process)[-_LINES_OF_A_FAILURE:]
        return "\n    ".join(["", *lines, f"(more in {self._layout.folders.logs / process}.log)"])

    def _changed(self, keeper: Keeper, detail: str) -> None:
        name = keeper.spec.name
        self._output.say(f"{name}: {detail}")
        if keeper.state is State.WAITING and name in QUIET:
            self._output.say(f"{name} printed last:{self.last_lines(name)}")
        self._save()

    def _save(self) -> None:
        """A full disk does not stop the stack."""
        layout = self._layout
        with suppress(OSError):
            write_state(layout.folders, layout.url, self.supervisor.keepers, ready=self._ready)


@asynccontextmanager
async def supervised(
    layout: Layout, stages: Sequence[Stage], output: Output, launcher: ChildLauncher
) -> AsyncIterator[View]:
    """The stages up and ready while the block runs; afterwards no process of them is left.

    The caller holds the home (`only_instance`). Raises StartupError when a process does not
    start, with the last lines that it printed.
    """
    view = View(layout, output, launcher)
    try:
        for stage in stages:
            await view.supervisor.start(stage)
        yield view
    except NotStarting as error:
        raise StartupError(f"{error}{view.last_lines(error.process)}") from error
    finally:
        await view.supervisor.stop()
        remove_sockets(layout.ports)
        layout.folders.state.unlink(missing_ok=True)


@asynccontextmanager
async def running_stack(
    settings: LocalSettings, output: Output, launcher: ChildLauncher | None = None
) -> AsyncIterator[RunningStack]:
    """The whole stack, with an API key that works.

    Raises StartupError: another stack runs in this home, a port is in use, a program or a model
    is missing, or a process does not start.
    """
    folders = HomeFolders(settings.home.resolve())
    with only_instance(folders):
        layout = Layout.choose(settings)
        stages = (infrastructure(layout), *services(layout))
        launcher = launcher or ChildLauncher(output.line)
        async with supervised(layout, stages, output, launcher) as view:
            stack = RunningStack(layout.url, folders.api_key)
            await _keep_api_key(stack, layout)
            view.announce()
            yield stack


async def _keep_api_key(stack: RunningStack, layout: Layout) -> None:
    known = stack.api_key() if stack.api_key_file.is_file() else None
    try:
        key = await working_api_key(layout.address("storage"), known, layout.tls)
    except DomainError as error:
        raise StartupError(f"the first API key can't be made: {error}") from error
    if key != known:
        write_atomically(stack.api_key_file, f"{key}\n".encode())


def up(settings: LocalSettings) -> int:
    """Keeps the stack up until SIGINT or SIGTERM; returns the exit status."""
    return asyncio.run(_up(settings))


async def _up(settings: LocalSettings) -> int:
    folders = HomeFolders(settings.home.resolve())
    files = LogFiles(folders.logs, settings.logs_kept)
    output = Output(files, screen=sys.stdout, quiet=QUIET)
    launcher = ChildLauncher(output.line)
    work = asyncio.ensure_future(_keep_up(settings, output, launcher))

    def interrupt() -> None:
        if work.cancelling():
            launcher.kill_all()
            return
        output.say("stopping; interrupt once more to stop at once")
        work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    try:
        await work
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED
    except asyncio.CancelledError:
        output.say("stopped")
    finally:
        output.close()
    return 0


async def _keep_up(settings: LocalSettings, output: Output, launcher: ChildLauncher) -> None:
    async with running_stack(settings, output, launcher) as stack:
        for line in greeting(stack):
            output.say(line)
        await asyncio.Event().wait()


def greeting(stack: RunningStack) -> Sequence[str]:
    """What a person needs to know about a stack that is up."""
    key = f'-H "Authorization: Bearer $(cat {stack.api_key_file})"'
    return (
        f"up: {stack.url}/studio (documentation: {stack.url}/docs)",
        f"API key: {stack.api_key_file}",
        f"try: curl {key} {stack.url}/v1/voices",
        f"     curl {key} {stack.url}/v1/avatars -F image=@me.jpg -F name=Me "
        "-F subject_authorised=true",
    )
