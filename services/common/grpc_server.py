"""A gRPC server as all services run it: request ids, errors, metrics, health, drain."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import grpc
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from services.common.errors import DomainError, Internal
from services.common.logging import REQUEST_ID_HEADER, request_scope
from services.common.telemetry import RPC_SECONDS, RPC_TOTAL
from services.common.tls import Tls

log = structlog.get_logger()

ERROR_DOMAIN = "vultus"
STATUS_DETAILS_KEY = "grpc-status-details-bin"
# A receiver with gRPC's defaults lets seconds of small media messages run ahead of its reader.
MEDIA_RECEIVER_OPTIONS = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 16384))
SERVER_OPTIONS = (
    *MEDIA_RECEIVER_OPTIONS,
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Callers look their peers up anew when a connection ends, and so find replicas that were
    # added. Calls that run then go on to their end.
    ("grpc.max_connection_age_ms", 300_000),
)
# Probed every few seconds; their lines would bury the others.
_QUIET_METHODS = ("/grpc.health.v1.Health/", "/grpc.reflection.")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A running server."""

    address: str
    """`host:port` that it can be reached at."""
    set_serving: Callable[[bool], Awaitable[None]]
    """Tells the health service whether calls are welcome."""


def error_status(error: DomainError) -> status_pb2.Status:
    """The `google.rpc.Status` of an error: reason and context as ErrorInfo, delay as RetryInfo."""
    details = [
        error_details_pb2.ErrorInfo(
            reason=error.reason, domain=ERROR_DOMAIN, metadata=error.context
        )
    ]
    if error.retry_after_s is not None:
        delay = Duration()
        delay.FromMilliseconds(int(error.retry_after_s * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=error.status.value[0], message=error.message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: DomainError) -> None:
    details = error_status(error).SerializeToString()
    await context.abort(error.status, error.message, ((STATUS_DETAILS_KEY, details),))


class _Interceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler in the request's scope and turns errors into statuses with reasons."""

    def __init__(self, tls: Tls | None) -> None:
        self._tls = tls

    async def intercept_service(
        self,
        continuation: Any,
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        # The stubs describe handlers of synchronous servers only.
        handler = cast("Any", await continuation(handler_call_details))
        method = handler_call_details.method
        if handler is None or method.startswith(_QUIET_METHODS):
            return handler
        metadata = dict(handler_call_details.invocation_metadata or ())
        header = metadata.get(REQUEST_ID_HEADER)
        request_id = header if isinstance(header, str) else None
        if handler.response_streaming:
            inner = handler.stream_stream if handler.request_streaming else handler.unary_stream
            outer: Any = _streaming(inner, method, request_id, self._tls)
            field = "stream_stream" if handler.request_streaming else "unary_stream"
        else:
            inner = handler.stream_unary if handler.request_streaming else handler.unary_unary
            outer = _unary(inner, method, request_id, self._tls)
            field = "stream_unary" if handler.request_streaming else "unary_unary"
        return handler._replace(**{field: outer})


def _unary(inner: Any, method: str, request_id: str | None, tls: Tls | None) -> Any:
    async def handle(request: Any, context: Any) -> Any:
        with request_scope(request_id), _observed(method) as outcome:
            try:
                if tls:
                    tls.admit(context)
                return await inner(request, context)
            except DomainError as error:
                outcome.append(error.reason.lower())
                await _abort(context, error)
            except grpc.aio.AbortError:
                raise
            except Exception:
                outcome.append("internal")
                log.exception("rpc.failed", method=method)
                await _abort(context, Internal("internal error"))

    return handle


def _streaming(inner: Any, method: str, request_id: str | None, tls: Tls | None) -> Any:
    async def handle(request: Any, context: Any) -> AsyncIterator[Any]:
        with request_scope(request_id), _observed(method) as outcome:
            try:
                if tls:
                    tls.admit(context)
                async for response in inner(request, context):
                    yield response
            except DomainError as error:
                outcome.append(error.reason.lower())
                await _abort(context, error)
            except grpc.aio.AbortError:
                raise
            except Exception:
                outcome.append("internal")
                log.exception("rpc.failed", method=method)
                await _abort(context, Internal("internal error"))

    return handle


@contextmanager
def _observed(method: str) -> Iterator[list[str]]:
    """Counts and logs one RPC; the block appends its outcome when that is not `ok`."""
    outcome: list[str] = []
    start = time.perf_counter()
    try:
        yield outcome
    except BaseException:
        outcome.append("cancelled")
        raise
    finally:
        seconds = time.perf_counter() - start
        result = outcome[0] if outcome else "ok"
        RPC_TOTAL.labels(method, result).inc()
        RPC_SECONDS.labels(method).observe(seconds)
        log.debug("rpc.served", method=method, outcome=result, ms=round(seconds * 1000, 1))


@asynccontextmanager
async def serve_grpc(
    listen: str,
    services: dict[str, Callable[[grpc.aio.Server], None]],
    *,
    drain_timeout_s: float,
    tls: Tls | None = None,
    health_listen: str | None = None,
) -> AsyncIterator[Endpoint]:
    """Serves until the block ends, then lets running calls finish for `drain_timeout_s`.

    `services` maps each full service name to what registers its servicer. Health answers
    NOT_SERVING until `set_serving(True)`; at `health_listen` it alone answers, in the clear. With
    `tls`, nobody is heard without a certificate. Raises RuntimeError when an address can't be
    bound.
    """
    server = grpc.aio.server(interceptors=(_Interceptor(tls),), options=SERVER_OPTIONS)
    for register in services.values():
        register(server)
    health_servicer = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)

    async def set_serving(serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        for name in ("", *services):
            await health_servicer.set(name, status.SERVING if serving else status.NOT_SERVING)

    await set_serving(False)
    port = server.add_secure_port(listen, tls.server()) if tls else server.add_insecure_port(listen)
    host = listen.rpartition(":")[0]
    async with _probed(health_listen, health_servicer):
        await server.start()
        try:
            yield Endpoint(f"{host}:{port}", set_serving)
        finally:
            await set_serving(False)
            await server.stop(drain_timeout_s)


@asynccontextmanager
async def _probed(
    listen: str | None, servicer: health_pb2_grpc.HealthServicer
) -> AsyncIterator[None]:
    """Answers probes at an address of their own, if there is one."""
    if listen is None:
        yield
        return
    server = grpc.aio.server(options=SERVER_OPTIONS)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(listen)
    await server.start()
    try:
        yield
    finally:
        await server.stop(0)
