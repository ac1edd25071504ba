"""How a service process lives: settings, logs, metrics, signals, exit code."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import structlog
from pydantic import ValidationError

from services.common.errors import StartupError
from services.common.logging import configure_logging
from services.common.settings import ServiceSettings
from services.common.telemetry import serve_metrics

log = structlog.get_logger()

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
EXIT_USAGE = 2


def run_service(
    name: str,
    settings_class: type[SettingsT],
    serve: Callable[[SettingsT], AbstractAsyncContextManager[str]],
) -> int:
    """Runs a service until SIGTERM or SIGINT and drains it; returns the process's exit status.

    `serve` yields the address, `host:port`, at which the service is reached.
    `--check` reads the settings, builds everything once and exits.
    """
    parser = argparse.ArgumentParser(prog=f"python -m services.{name}")
    parser.add_argument("--check", action="store_true", help="build everything once, then exit")
    arguments = parser.parse_args()
    try:
        settings = settings_class.load()
    except ValidationError as error:
        for item in error.errors():
            place = ".".join(map(str, item["loc"]))
            sys.stderr.write(f"{name}: setting {place}: {item['msg']}\n")
        return EXIT_USAGE
    configure_logging(name, settings)
    try:
        asyncio.run(_run(name, settings, serve, check=arguments.check))
    except StartupError as error:
        log.error("service.refused", reason=str(error))  # noqa: TRY400 - the message is the help
        return EXIT_USAGE
    return 0


async def _run(
    name: str,
    settings: SettingsT,
    serve: Callable[[SettingsT], AbstractAsyncContextManager[str]],
    *,
    check: bool,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with serve_metrics(settings.metrics_listen):
        async with serve(settings) as address:
            log.info("service.ready", service=name, address=address)
            if not check:
                await stop.wait()
                log.info("service.draining", service=name)
    log.info("service.stopped", service=name)
