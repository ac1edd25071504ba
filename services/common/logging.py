"""Structured logs: one chain for our lines and the libraries', the request's id on each."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars

from services.common.ids import new_id
from services.common.settings import ServiceSettings

REQUEST_ID_HEADER = "x-request-id"
"""Name of the header that carries the request's id: HTTP, gRPC metadata and NATS alike."""

_EventDict = MutableMapping[str, Any]


def _drop_personal_data(_: Any, __: str, event: _EventDict) -> _EventDict:
    """Removes values whose key ends in `_pii`."""
    for key in [key for key in event if key.endswith("_pii")]:
        del event[key]
    return event


def configure_logging(service: str, settings: ServiceSettings) -> None:
    """Sends every line of this process to standard output in the configured form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _drop_personal_data,
    ]
    renderer: list[structlog.typing.Processor]
    if settings.log_format == "json":
        renderer = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        renderer = [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()  # noqa: TID251 - this is where structlog is put on top of it
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("httpx", "httpcore", "urllib3", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)  # noqa: TID251 - likewise
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def current_request_id() -> str | None:
    """The id of the request that this task works for, if any."""
    value = get_contextvars().get("request_id")
    return value if isinstance(value, str) else None


@contextmanager
def request_scope(request_id: str | None, **values: str) -> Iterator[str]:
    """Binds the request's id (a new one when None) and `values` to every line logged inside."""
    request_id = request_id or new_id("rq")
    with bound_contextvars(request_id=request_id, **values):
        yield request_id
