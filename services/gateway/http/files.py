"""Files that are fetched: whole, in parts, or not again (RFC 9110)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header
from fastapi.responses import Response, StreamingResponse

from services.common.errors import RangeNotSatisfiable
from services.gateway.http.problem import respond
from services.gateway.http.ranges import part_of
from services.gateway.media import ObjectRef
from services.gateway.ports import Objects

FILE_SCHEMA = {"schema": {"type": "string", "format": "binary"}}
_UNCHANGING = "private, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _Asked:
    """The headers that say which bytes are wanted."""

    range: str | None
    if_range: str | None
    if_none_match: str | None


def _asked(
    range: Annotated[
        str | None, Header(description="One range of bytes.", examples=["bytes=0-1023"])
    ] = None,
    if_range: Annotated[
        str | None, Header(description="The range counts only for this ETag.")
    ] = None,
    if_none_match: Annotated[str | None, Header(description="ETags that the client has.")] = None,
) -> _Asked:
    return _Asked(range, if_range, if_none_match)


Asked = Annotated[_Asked, Depends(_asked)]


@dataclass(frozen=True, slots=True)
class File:
    """A file that never changes."""

    ref: ObjectRef
    size_bytes: int
    tag: str
    """Its name for ever: its ETag."""
    name: str
    """As it is saved."""
    media_type: str


@dataclass(frozen=True, slots=True)
class _Reply:
    """Which bytes are sent, and how they are announced."""

    status: int
    first: int
    length: int
    headers: dict[str, str]


async def fetched(objects: Objects, file: File, asked: _Asked) -> Response:
    """The file, or the part of it that is asked for. Raises NotFound, Unavailable."""
    reply = _reply(file, asked)
    if isinstance(reply, Response):
        return reply
    _, data = await objects.open(file.ref, offset=reply.first, length=reply.length)
    first = await anext(data, b"")
    body = _continued(first, data)
    return StreamingResponse(body, reply.status, reply.headers, file.media_type)


def looked_at(file: File, asked: _Asked) -> Response:
    """The same without the bytes."""
    reply = _reply(file, asked)
    if isinstance(reply, Response):
        return reply
    return Response(None, reply.status, reply.headers, file.media_type)


def _reply(file: File, asked: _Asked) -> _Reply | Response:
    """How a request for a file is answered; a Response when no bytes follow."""
    size, tag = file.size_bytes, f'"{file.tag}"'
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Cache-Control": _UNCHANGING,
        "Content-Disposition": f'attachment; filename="{file.name}"',
    }
    if asked.if_none_match and tag in asked.if_none_match:
        return Response(None, 304, headers)
    try:
        part = part_of(asked.range if asked.if_range in {None, tag} else None, size)
    except RangeNotSatisfiable as error:
        return respond(error, {**headers, "Content-Range": f"bytes */{size}"})
    if part is None:
        return _Reply(200, 0, size, {**headers, "Content-Length": str(size)})
    headers["Content-Range"] = f"bytes {part.first}-{part.last}/{size}"
    headers["Content-Length"] = str(part.length)
    return _Reply(206, part.first, part.length, headers)


async def _continued(
    first: bytes, rest: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for block in rest:
            yield block
