"""Streaming calls whose requests come from a generator; its errors surface where they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar

import grpc

from services.common.grpc_client import rehydrate

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


async def upload(
    call: grpc.aio.StreamUnaryCall[RequestT, ResponseT], requests: AsyncGenerator[RequestT, None]
) -> ResponseT:
    """Sends the requests and awaits the response.

    Raises the peer's DomainError, or the error of the requests' source; the call is then cancelled.
    """
    try:
        await _send(call, requests)
        return await call
    except grpc.aio.AioRpcError as error:
        raise rehydrate(error) from error
    finally:
        call.cancel()


async def duplex(
    call: grpc.aio.StreamStreamCall[RequestT, ResponseT], requests: AsyncGenerator[RequestT, None]
) -> AsyncGenerator[ResponseT, None]:
    """Yields the responses while the requests are being sent; cancels the call when left early.

    Raises the peer's DomainError, or the error of the requests' source.
    """
    writer = asyncio.ensure_future(_send_or_cancel(call, requests))
    try:
        async for response in call:
            yield response
        _raise_failure(writer)
    except grpc.aio.AioRpcError as error:
        _raise_failure(writer)
        raise rehydrate(error) from error
    except asyncio.CancelledError:
        # A source that failed cancels the call, which looks like our own cancellation.
        _raise_failure(writer)
        raise
    finally:
        call.cancel()
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


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


async def _send(
    call: grpc.aio.StreamUnaryCall[RequestT, Any] | grpc.aio.StreamStreamCall[RequestT, Any],
    requests: AsyncGenerator[RequestT, None],
) -> None:
    """Sends until the source or the call ends; how the call ended is for its reader to find out."""
    async with aclosing(requests):
        async for request in requests:
            try:
                await call.write(request)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                return
    if not call.done():
        await call.done_writing()
