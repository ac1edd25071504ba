"""A WHIP endpoint that decodes what it is sent: aiortc behind an HTTP server of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiortc import RTCSessionDescription
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.gateway.app import bound_socket, serve_http
from tests.fakes.watcher import Watcher


@dataclass
class WhipEndpoint:
    """Takes streams at `/whip`; `/elsewhere` redirects there."""

    token: str = ""
    """The only one that opens it; empty: none is wanted."""
    status: int = 201
    url: str = ""
    sessions: list[Watcher] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    """The paths of the sessions that were ended."""
    offers: list[str] = field(default_factory=list)

    async def post(self, request: Request) -> Response:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(status_code=401)
        if self.status != 201:
            return Response(status_code=self.status)
        offer = (await request.body()).decode()
        self.offers.append(offer)
        session = Watcher()
        self.sessions.append(session)
        await session.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await session.connection.setLocalDescription()
        headers = {"Location": f"/sessions/{len(self.sessions)}"}
        answer = session.connection.localDescription.sdp
        return Response(answer, 201, headers, media_type="application/sdp")

    async def delete(self, request: Request) -> Response:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(status_code=401)
        self.deleted.append(request.url.path)
        return Response(status_code=200)

    async def redirect(self, request: Request) -> Response:
        return Response(status_code=307, headers={"Location": "/whip"})


@asynccontextmanager
async def whip_endpoint(endpoint: WhipEndpoint) -> AsyncIterator[WhipEndpoint]:
    """Serves on a free port while the block runs."""
    app = Starlette(
        routes=[
            Route("/whip", endpoint.post, methods=["POST"]),
            Route("/elsewhere", endpoint.redirect, methods=["POST"]),
            Route("/sessions/{number}", endpoint.delete, methods=["DELETE"]),
        ]
    )
    with bound_socket("127.0.0.1:0") as (listener, address):
        async with serve_http(app, listener, drain_timeout_s=1):
            endpoint.url = f"http://{address}"
            try:
                yield endpoint
            finally:
                for session in endpoint.sessions:
                    await session.close()
