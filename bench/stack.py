"""A stack of its own for the measurements, and what its processes use."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.common.models import MODELS_FOLDER
from services.local.log_files import LogFiles
from services.local.output import Output
from services.local.settings import LocalSettings
from services.local.state import HomeFolders
from services.local.up import running_stack

_SETTLED_S = 3.0
_MB = 1e6
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class MeasuredStack:
    """A stack that is up."""

    home: Path
    url: str
    key: str

    def memory_mb(self, *names: str) -> float:
        """Proportional set size of some processes, or of all, the supervisor left out."""
        return sum(map(_pss_bytes, self._pids(*names))) / _MB

    def cpu_s(self, name: str) -> float:
        """CPU seconds that a process has used, all threads (proc(5), `stat`)."""
        (pid,) = self._pids(name)
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def _pids(self, *names: str) -> list[int]:
        processes = json.loads(HomeFolders(self.home).state.read_text("utf-8"))["processes"]
        return [one["pid"] for name, one in processes.items() if not names or name in names]


@asynccontextmanager
async def measured_stack(home: Path) -> AsyncIterator[MeasuredStack]:
    """The whole stack in a home of its own, with the models of another, after a rest."""
    with _own_home(home) as own:
        settings = LocalSettings(home=own, gateway_port=0)
        output = Output(LogFiles(HomeFolders(own).logs, settings.logs_kept))
        try:
            async with running_stack(settings, output) as stack:
                await asyncio.sleep(_SETTLED_S)
                yield MeasuredStack(own, stack.url, stack.api_key())
        finally:
            output.close()


@contextmanager
def _own_home(home: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder).resolve()
        (own / MODELS_FOLDER).symlink_to((home / MODELS_FOLDER).resolve())
        yield own


def _pss_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
