"""Streaming calls whose requests come from a generator; its errors surface where they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar, cast

import grpc

from services.common.errors import DomainError, Unavailable
from services.common.grpc_client import rehydrate

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
ValueT = TypeVar("ValueT")

_Call = grpc.aio.StreamUnaryCall[RequestT, Any] | grpc.aio.StreamStreamCall[RequestT, Any]
_LATE_WRITE = 'Failed "execute_batch"'
_STATUS_WAIT_S = 1.0


async def upload(
    call: grpc.aio.StreamUnaryCall[RequestT, ResponseT], requests: AsyncGenerator[RequestT, None]
) -> ResponseT:
    """Sends the requests and awaits the response.

    Raises the peer's DomainError, or the error of the requests' source; the call is then cancelled.
    """
    ending = _Ending(call)
    try:
        await _send(call, requests)
        return await call
    except grpc.aio.AioRpcError as error:
        raise await ending.reason(error) from error
    finally:
        call.cancel()


async def duplex(
    call: grpc.aio.StreamStreamCall[RequestT, ResponseT], requests: AsyncGenerator[RequestT, None]
) -> AsyncGenerator[ResponseT, None]:
    """Yields the responses while the requests are being sent; cancels the call when left early.

    Raises the peer's DomainError, or the error of the requests' source.
    """
    ending = _Ending(call)
    writer = asyncio.ensure_future(_send_or_cancel(call, requests))
    try:
        async for response in call:
            yield response
        _raise_failure(writer)
    except grpc.aio.AioRpcError as error:
        _raise_failure(writer)
        raise await ending.reason(error) from error
    except asyncio.CancelledError:
        # A source that failed cancels the call, which looks like our own cancellation.
        _raise_failure(writer)
        raise
    finally:
        call.cancel()
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


class _Ending:
    """The status that a peer ended a call with.

    A write that comes after the end makes gRPC overwrite that status with INTERNAL
    (https://github.com/grpc/grpc/issues/36066); the first one to arrive is kept here.
    """

    def __init__(self, call: _Call[Any]) -> None:
        self._told: asyncio.Future[grpc.aio.AioRpcError] = (
            asyncio.get_running_loop().create_future()
        )
        call.add_done_callback(self._note)

    async def reason(self, error: grpc.aio.AioRpcError) -> DomainError:
        """The DomainError behind an error of the call."""
        if _LATE_WRITE not in (error.debug_error_string() or ""):
            return rehydrate(error)
        try:
            async with asyncio.timeout(_STATUS_WAIT_S):
                return rehydrate(await self._told)
        except TimeoutError:
            return Unavailable("the connection broke")

    def _note(self, done: object) -> None:
        call = cast("Any", done)
        # The status is there: none of these has to wait.
        error = grpc.aio.AioRpcError(
            _now(call.code()),
            grpc.aio.Metadata(),
            _now(call.trailing_metadata()),
            _now(call.details()),
            _now(call.debug_error_string()),
        )
        if not self._told.done() and _LATE_WRITE not in (error.debug_error_string() or ""):
            self._told.set_result(error)


def _now(value: Coroutine[Any, Any, ValueT]) -> ValueT:
    """The result of a coroutine that does not wait."""
    try:
        value.send(None)
    except StopIteration as stop:
        return cast("ValueT", stop.value)
    value.close()
    raise RuntimeError("the call has no status yet")


def _raise_failure(writer: asyncio.Future[None]) -> None:
    if writer.done() and not writer.cancelled() and (error := writer.exception()):
        raise error


async def _send_or_cancel(
    call: grpc.aio.StreamStreamCall[RequestT, Any], requests: AsyncGenerator[RequestT, None]
) -> None:
    try:
        await _send(call, requests)
    except BaseException:
        call.cancel()
        raise


async def _send(call: _Call[RequestT], requests: AsyncGenerator[RequestT, None]) -> None:
    """Sends until the source or the call ends; how the call ended is for its reader to find out."""
    async with aclosing(requests):
        async for request in requests:
            try:
                await call.write(request)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                return
    if not call.done():
        await call.done_writing()
