"""Calls between services: channels tuned for media, request ids passed on, errors rehydrated."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.json_format import MessageToDict
from google.rpc import error_details_pb2, status_pb2

from services.common.error_classes import class_for
from services.common.errors import DomainError
from services.common.grpc_server import ERROR_DOMAIN, MEDIA_RECEIVER_OPTIONS, STATUS_DETAILS_KEY
from services.common.logging import REQUEST_ID_HEADER, current_request_id
from services.common.tls import Tls

CHANNEL_OPTIONS = (
    *MEDIA_RECEIVER_OPTIONS,
    # A page of a hundred videos with their texts is larger than gRPC's default of 4 MiB.
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # A restarted peer is found again within a second or two, not after gRPC's default two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Its name notwithstanding, this is how long a connection may take to come about: a machine that
    # has much to do at its start needs more than a moment.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    # A peer that vanished without a word is noticed in half a minute.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # No channel inherits the pause after the failure of one that called an earlier peer there.
    ("grpc.use_local_subchannel_pool", 1),
    # Where a name stands for several replicas, each call goes to the next of them.
    ("grpc.lb_policy_name", "round_robin"),
)

ResponseT = TypeVar("ResponseT")
ResponseT_co = TypeVar("ResponseT_co", covariant=True)


class UnaryCall(Protocol[ResponseT_co]):
    """A call with one response, whatever its requests."""

    def __await__(self) -> Generator[Any, None, ResponseT_co]: ...
    def cancel(self) -> bool:
        """Ends the call."""


class StreamCall(Protocol[ResponseT_co]):
    """A call with a stream of responses, whatever its requests."""

    def __aiter__(self) -> AsyncIterator[ResponseT_co]: ...
    def cancel(self) -> bool:
        """Ends the call."""


def open_channel(target: str, tls: Tls | None = None) -> grpc.aio.Channel:
    """A channel to `host:port`; connecting happens at the first call.

    With `tls`, the peer must be certified for that host.
    """
    if tls is None:
        return grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
    return grpc.aio.secure_channel(target, tls.client(), options=CHANNEL_OPTIONS)


def call_metadata() -> tuple[tuple[str, str], ...]:
    """The metadata that carries the present request's id to the next service."""
    request_id = current_request_id()
    return ((REQUEST_ID_HEADER, request_id),) if request_id else ()


def rehydrate(error: grpc.aio.AioRpcError) -> DomainError:
    """The error as the peer raised it; without a reason, the class that its gRPC status names."""
    raw = dict(error.trailing_metadata() or ()).get(STATUS_DETAILS_KEY)
    reason, context, retry_after_s = "", {}, None
    if isinstance(raw, bytes):
        status = status_pb2.Status.FromString(raw)
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        for detail in status.details:
            if detail.Unpack(info) and info.domain == ERROR_DOMAIN:
                reason, context = info.reason, MessageToDict(info).get("metadata", {})
            elif detail.Unpack(retry):
                retry_after_s = retry.retry_delay.ToMilliseconds() / 1000
    cls = class_for(reason, error.code())
    detail = error.details() or cls.title
    message = detail if reason else f"{cls.title} ({error.code().name.lower()})"
    return cls(message, retry_after_s=retry_after_s, **context)


async def unary(call: UnaryCall[ResponseT]) -> ResponseT:
    """Awaits the one response of a call; raises the peer's DomainError."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise rehydrate(error) from error
    finally:
        call.cancel()


async def responses(call: StreamCall[ResponseT]) -> AsyncGenerator[ResponseT, None]:
    """Yields a call's responses; raises the peer's DomainError; cancels it when left early."""
    try:
        async for response in call:
            yield response
    except grpc.aio.AioRpcError as error:
        raise rehydrate(error) from error
    finally:
        call.cancel()
