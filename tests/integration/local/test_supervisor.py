"""The supervisor with real processes: nats-server, SeaweedFS, and small programs that misbehave."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from services.common.errors import StartupError
from services.local.infrastructure import remove_sockets
from services.local.keeper import Keeper, State
from services.local.log_files import LogFiles
from services.local.output import Output
from services.local.process import ChildLauncher, ProcessSpec
from services.local.settings import LocalSettings
from services.local.stack import Layout, infrastructure
from services.local.state import only_instance
from services.local.supervisor import Supervisor
from services.local.up import supervised

_PATIENCE_S = 60.0
# A program with a child of its own; neither listens to SIGTERM.
_STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    print(f"pids {os.getpid()} {child}", flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not condition():
            turn = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.02, turn.set_result, None)
            await turn


async def yes() -> bool:
    return True


def program(text: str, name: str = "program", drain_s: float = 0.2) -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", text), yes, drain_s=drain_s)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.choose(LocalSettings(home=tmp_path, gateway_port=0))


async def test_real_servers_come_back_after_a_kill_and_leave_nothing_behind(
    layout: Layout, tmp_path: Path
) -> None:
    output = Output(LogFiles(tmp_path / "logs", timedelta(days=180)))
    launcher = ChildLauncher(output.line)
    with only_instance(layout.folders):
        async with supervised(layout, [infrastructure(layout)], output, launcher) as view:
            keepers = {keeper.spec.name: keeper for keeper in view.supervisor.keepers}
            assert set(keepers) == {"nats", "s3"}
            pids = {name: keeper.pid for name, keeper in keepers.items()}
            for pid in pids.values():
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
            await until(
                lambda: all(
                    k.state is State.READY and k.pid != pids[k.spec.name] for k in keepers.values()
                )
            )
            last = [keeper.pid for keeper in keepers.values()]
    output.close()
    assert not any(alive(pid) for pid in last if pid is not None)
    assert not layout.folders.state.exists()
    remove_sockets(layout.ports)


async def test_what_does_not_listen_is_ended_with_all_that_it_started() -> None:
    lines: list[str] = []
    supervisor = Supervisor(ChildLauncher(lambda _, text: lines.append(text)), lambda *_: None)
    await supervisor.start([program(_STUBBORN)])
    await until(lambda: any(line.startswith("pids") for line in lines))
    pids = [int(pid) for line in lines if line.startswith("pids") for pid in line.split()[1:]]
    assert all(alive(pid) for pid in pids)
    await supervisor.stop()
    await until(lambda: not any(alive(pid) for pid in pids))


async def test_a_program_that_fails_is_told_with_its_last_lines(
    layout: Layout, tmp_path: Path
) -> None:
    async def never() -> bool:
        return False

    spec = ProcessSpec("broken", (sys.executable, "-c", "import sys; sys.exit('no fuel')"), never)
    output = Output(LogFiles(tmp_path / "logs", timedelta(days=180)))
    with pytest.raises(StartupError, match=r"broken does not start(.|\n)*no fuel"):
        async with supervised(layout, [[spec]], output, ChildLauncher(output.line)):
            pass
    output.close()


async def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    report = tmp_path / "pid"
    child = f"""
import os, pathlib, time
pathlib.Path({str(report)!r}).write_text(str(os.getpid()))
time.sleep(600)
"""
    parent = f"""
import asyncio
from tests.integration.local.test_supervisor import program
from services.local.process import ChildLauncher
async def main():
    await ChildLauncher(print).start(program({child!r}))
    await asyncio.Event().wait()
asyncio.run(main())
"""
    root = Path(__file__).parents[3]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent, cwd=root)
    await until(lambda: report.is_file() and bool(report.read_text()))
    pid = int(report.read_text())
    process.kill()
    await process.wait()
    await until(lambda: not alive(pid))


async def test_stages_are_stopped_in_reverse_order() -> None:
    order: list[str] = []

    def noted(keeper: Keeper, detail: str) -> None:
        if keeper.state is State.STOPPED:
            order.append(keeper.spec.name)

    supervisor = Supervisor(ChildLauncher(lambda *_: None), noted)
    for name in ("first", "second", "third"):
        await supervisor.start([program("import time; time.sleep(600)", name)])
    await supervisor.stop()
    assert order == ["third", "second", "first"]
