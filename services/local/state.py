"""What is running in a VULTUS_HOME, for tools and tests; and that only one stack runs in it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.common.errors import StartupError
from services.local.files import write_atomically
from services.local.keeper import Keeper


@dataclass(frozen=True, slots=True)
class HomeFolders:
    """The places below a VULTUS_HOME."""

    root: Path

    @property
    def api_key(self) -> Path:
        """The first account's API key."""
        return self.root / "api-key"

    @property
    def data(self) -> Path:
        """What must not be lost: the catalog, objects and queues."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What is true only while the stack runs."""
        return self.root / "run"

    @property
    def secrets(self) -> Path:
        """What the stack keeps to itself."""
        return self.root / "secrets"

    @property
    def state(self) -> Path:
        """The JSON file that says what runs."""
        return self.run / "state.json"


@dataclass(frozen=True, slots=True)
class RunningStack:
    """How to reach a stack that is up."""

    url: str
    api_key_file: Path

    def api_key(self) -> str:
        """The first account's API key; raises OSError when the file can't be read."""
        return self.api_key_file.read_text("utf-8").strip()


@contextmanager
def only_instance(folders: HomeFolders) -> Iterator[None]:
    """Holds the folder for this process; raises StartupError while another one holds it."""
    folders.run.mkdir(parents=True, exist_ok=True)
    with (folders.run / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise StartupError(
                f"a stack is already running in {folders.root} (process {lock.read().strip()}): "
                "stop it, or set VULTUS_HOME to another folder"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def find_running(home: Path) -> RunningStack | None:
    """The stack that is up in this home, if any."""
    folders = HomeFolders(home.resolve())
    try:
        with only_instance(folders):
            return None
    except StartupError:
        pass
    try:
        state = json.loads(folders.state.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return RunningStack(state["url"], folders.api_key) if state.get("ready") else None


def write_state(folders: HomeFolders, url: str, keepers: Iterable[Keeper], *, ready: bool) -> None:
    """Says what runs: the URL, and each process's pid, address, state and restarts."""
    processes = {
        keeper.spec.name: {
            "pid": keeper.pid,
            "address": keeper.spec.address,
            "state": keeper.state.value,
            "restarts": keeper.restarts,
        }
        for keeper in keepers
    }
    state = {
        "pid": os.getpid(),
        "url": url,
        "api_key_file": str(folders.api_key),
        "ready": ready,
        "processes": processes,
    }
    write_atomically(folders.state, json.dumps(state, indent=1).encode())
