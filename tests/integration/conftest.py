"""Real servers for the integration tests."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


class NatsServer:
    """A real nats-server on loopback; killed, it can come back on its port with its data."""

    def __init__(self, data: Path, *options: str, scheme: str = "nats") -> None:
        self._data = data
        self._options = options
        self._scheme = scheme
        self._port = -1
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._port}"

    def start(self) -> None:
        where = ["-a", "127.0.0.1", "-p", str(self._port), "-sd", str(self._data)]
        command: list[str | Path] = [Path(sys.executable).with_name("nats-server"), "-js", *where]
        command += self._options
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if found := re.search(r"client connections on 127\.0\.0\.1:(\d+)", line):
                self._port = int(found[1])
            if "Server is ready" in line:
                return
        raise RuntimeError("nats-server ended before it was ready")

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        self._process.send_signal(how)
        self._process.wait(10)
        self._process.stderr.close()


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.kill()
