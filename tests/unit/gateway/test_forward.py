"""What is handed on to another gateway, and how."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from services.common.errors import DomainError, StreamEnded, Unavailable
from services.common.ids import new_id
from services.gateway.http.forward import Forwarding
from services.gateway.http.problem import CatchAll
from services.gateway.live.neighbours import Neighbours

OWNER = "[fd00::7]:8080"
Handler = Callable[[httpx.Request], Awaitable[httpx.Response]]


@dataclass
class Caller:
    """One side of an ASGI connection."""

    body: list[bytes] = field(default_factory=list)
    stays: bool = True
    got: list[Message] = field(default_factory=list)

    async def receive(self) -> Message:
        if self.body:
            chunk = self.body.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(self.body)}
        if self.stays:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.got.append(message)

    @property
    def status(self) -> int:
        return int(self.got[0]["status"])

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return list(self.got[0]["headers"])

    @property
    def content(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.got[1:])


@dataclass
class Door:
    """A gateway of which nothing lives here, and the owner that it knows."""

    owner: str | None = OWNER
    down: bool = False
    trouble: DomainError | None = None
    served_here: int = 0
    asked: list[str] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)

    async def owner_of(self, stream_id: str) -> str | None:
        self.asked.append(stream_id)
        if self.down:
            raise Unavailable("down", retry_after_s=2)
        return self.owner

    async def trouble_with(self, stream_id: str) -> DomainError | None:
        return self.trouble

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.served_here += 1

    async def call(
        self, handler: Handler, caller: Caller, scope: Scope, *, here: bool = False
    ) -> None:
        async def handle(request: httpx.Request) -> httpx.Response:
            self.seen.append(request)
            return await handler(request)

        async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as web:
            layer = Forwarding(
                self.serve,
                lives_here=lambda _: here,
                neighbours=Neighbours(self, "10.0.0.1:8080"),
                trouble_with=self.trouble_with,
                web=web,
            )
            await CatchAll(layer)(scope, caller.receive, caller.send)


def http(path: str, method: str = "POST", **headers: str) -> Scope:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"a=%2F&b",
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }


def answer_of(status: int, *chunks: bytes, **headers: str) -> httpx.Response:
    async def content() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=content(), headers=named)


async def echo(request: httpx.Request) -> httpx.Response:
    return answer_of(201, await request.aread(), x_kept="1")


@pytest.fixture
def path() -> str:
    return f"/v1/streams/{new_id('st')}/drives"


async def test_a_call_is_handed_on_whole_and_its_answer_back(path: str) -> None:
    door, caller = Door(), Caller([b"some", b"thing"])
    scope = http(path, host="vultus.example", authorization="Bearer vt_1", content_length="9")
    await door.call(echo, caller, scope)
    (request,) = door.seen
    assert str(request.url) == f"http://[fd00::7]:8080{path}?a=%2F&b"
    assert request.method == "POST"
    assert dict(request.headers) == {
        "host": "vultus.example",
        "authorization": "Bearer vt_1",
        "content-length": "9",
        "x-vultus-forwarded": "1",
    }
    assert (caller.status, caller.content) == (201, b"something")
    assert (b"x-kept", b"1") in caller.headers
    assert door.served_here == 0


async def test_what_belongs_to_one_connection_stays_there(path: str) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        own = {"connection": "close, x-own", "x_own": "1", "date": "then", "keep_alive": "5"}
        return answer_of(200, b"done", **own)

    door, caller = Door(), Caller([b"x"])
    own = {"connection": "x-mine", "x_mine": "1", "transfer_encoding": "chunked", "te": "trailers"}
    await door.call(answer, caller, http(path, **own))
    assert set(door.seen[0].headers) == {"x-vultus-forwarded", "transfer-encoding", "host"}
    assert (caller.headers, caller.content) == ([], b"done")


STREAM = f"/v1/streams/{new_id('st')}"
ANSWERED_HERE: dict[str, Scope] = {
    "the list": http("/v1/streams", "GET"),
    "a new stream": http("/v1/streams"),
    "a record": http(STREAM, "GET"),
    "no stream's id": http("/v1/streams/st_1/drives"),
    "another id": http(f"/v1/streams/{new_id('vd')}/drives"),
    "another noun": http(f"/v1/videos/{new_id('st')}/cancel"),
    "handed on before": http(f"{STREAM}/drives", x_vultus_forwarded="1"),
    "no call": {"type": "lifespan"},
}


@pytest.mark.parametrize("what", ANSWERED_HERE)
async def test_what_any_gateway_answers_is_answered_here(what: str) -> None:
    door = Door()
    await door.call(echo, Caller(), ANSWERED_HERE[what])
    assert (door.served_here, door.asked, door.seen) == (1, [], [])


async def test_a_stream_that_lives_here_or_nowhere_is_served_here(path: str) -> None:
    door = Door()
    await door.call(echo, Caller(), http(path), here=True)
    assert door.asked == []
    door.owner = None
    await door.call(echo, Caller(), http(path))
    assert (door.served_here, door.seen) == (2, [])


async def test_who_shows_a_token_of_a_stream_that_is_gone_is_told_why(path: str) -> None:
    door, caller = Door(owner=None, trouble=StreamEnded("gateway_lost")), Caller()
    await door.call(echo, caller, http(path, authorization="Bearer vt_1"))
    assert (caller.status, json.loads(caller.content)["code"]) == (409, "stream_ended")
    await door.call(echo, Caller(), http(path, authorization="Bearer vk_1"))
    await door.call(echo, Caller(), http(path))
    assert door.served_here == 2
    door.trouble = None
    await door.call(echo, Caller(), http(path, authorization="Bearer vt_1"))
    assert door.served_here == 3


async def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


async def stand_still(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("silent")


@pytest.mark.parametrize(
    ("handler", "down", "status"),
    [(refuse, False, 503), (stand_still, False, 504), (echo, True, 503)],
)
async def test_an_owner_that_does_not_answer_is_told_as_a_problem(
    path: str, handler: Handler, down: bool, status: int
) -> None:
    door, caller = Door(down=down), Caller()
    await door.call(handler, caller, http(path))
    problem: dict[str, Any] = json.loads(caller.content)
    assert (caller.status, problem["code"], problem["retryable"]) == (status, "unavailable", True)
    assert b"retry-after" in dict(caller.headers)


async def test_an_answer_that_breaks_off_is_broken_off(path: str) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise httpx.ReadError("gone")

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=half())

    caller = Caller()
    with capture_logs() as logs:
        await Door().call(answer, caller, http(path))
    assert caller.content == b"half"
    assert caller.got[-1].get("more_body") is True
    assert [line["event"] for line in logs] == ["http.forwarded", "http.broken_off"]


async def test_when_the_caller_goes_the_other_gateway_is_left_too(path: str) -> None:
    left = asyncio.Event()

    async def for_ever(request: httpx.Request) -> httpx.Response:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError

    caller = Caller([b"x"], stays=False)
    await asyncio.wait_for(Door().call(for_ever, caller, http(path, content_length="1")), 5)
    assert left.is_set()
    assert caller.got == []


async def test_a_caller_that_goes_in_the_middle_of_its_body_is_no_defect(path: str) -> None:
    caller = Caller(stays=False)
    with capture_logs() as logs:
        await asyncio.wait_for(Door().call(echo, caller, http(path, content_length="9")), 5)
    assert caller.got == []
    assert [line["event"] for line in logs] == ["http.forwarded"]
