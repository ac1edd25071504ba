"""A service process: ready, drained on SIGTERM, refused with a reason."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from contextlib import asynccontextmanager
from services.common.errors import StartupError
from services.common.grpc_server import serve_grpc
from services.common.runtime import run_service
from services.common.settings import ServiceSettings, service_config

class Settings(ServiceSettings):
    model_config = service_config("probe")
    refuse: bool = False

@asynccontextmanager
async def serve(settings):
    if settings.refuse:
        raise StartupError("model kokoro is missing: run `make models`")
    async with serve_grpc(settings.listen, {}, drain_timeout_s=1) as endpoint:
        yield endpoint.address

sys.exit(run_service("probe", Settings, serve))
"""


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_service_says_when_it_is_ready_and_drains_when_told(how: signal.Signals) -> None:
    with start() as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.send_signal(how)
        rest = [json.loads(line) for line in process.stdout]
        assert process.wait(20) == 0
    assert ready["event"] == "service.ready"
    assert ready["address"].startswith("127.0.0.1:")
    assert [line["event"] for line in rest] == ["service.draining", "service.stopped"]


def test_check_builds_everything_and_exits() -> None:
    with start("--check") as process:
        assert process.wait(20) == 0


def test_a_refused_start_names_the_fix_and_fails() -> None:
    with start(VULTUS_PROBE_REFUSE="true") as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert process.wait(20) == 2
    assert line["event"] == "service.refused"
    assert "make models" in line["reason"]


def test_a_wrong_setting_is_told_on_stderr() -> None:
    with start(VULTUS_PROBE_LOG_LEVEL="loud") as process:
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(20) == 2
    assert "log_level" in said
