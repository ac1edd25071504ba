"""`/v1/streams/{id}/outputs`: a stream sent elsewhere, by RTMP, SRT and WHIP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from services.common.errors import (
    Conflict,
    Forbidden,
    IdempotencyConflict,
    NotFound,
    PayloadTooLarge,
    StreamEnded,
    StreamNotFound,
    UnsupportedMedia,
)
from services.gateway.http.bodies import Request
from services.gateway.http.context import IdempotencyKey, InGateway
from services.gateway.http.problem import problems
from services.gateway.http.stream_route import TOKEN, ControlRoute
from services.gateway.http.streams import LiveSession
from services.gateway.http.views import Trouble, View
from services.gateway.outputs.output import Output, OutputStatus
from services.gateway.outputs.target import ACCEPTED, MAX_URL_CHARACTERS, OutputKind, read_target
from services.gateway.trouble import trouble_of

_MAX_TOKEN_CHARACTERS = 4_000

router = APIRouter(
    prefix="/v1", tags=["streams"], route_class=ControlRoute, dependencies=[Depends(TOKEN)]
)


class OutputRequest(Request):
    """Where a stream is to be sent."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL_CHARACTERS)] = Field(
        examples=["rtmp://live.example.com/app/key"], description=ACCEPTED
    )
    kind: Literal["rtmp", "srt", "whip"] | None = None
    """Left out, the url tells; `whip` goes with `https://…`."""
    token: Annotated[str, StringConstraints(max_length=_MAX_TOKEN_CHARACTERS)] | None = None
    """For whip: sent as a bearer token."""


class OutputView(View):
    """One place that a stream is sent to."""

    id: str = Field(examples=["ou_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    url: str = Field(examples=["rtmp://live.example.com/app/***"])
    """Without what is secret in it."""
    kind: OutputKind
    status: OutputStatus
    error: Trouble | None
    """Why it is `retrying` or `failed`."""
    bytes_sent: int
    reconnects: int
    """How often it was live again after the connection was lost."""
    created_at: datetime

    @classmethod
    def of(cls, output: Output) -> Self:
        """As it is now."""
        return cls(
            id=output.id,
            url=output.target.shown,
            kind=output.target.kind,
            status=output.status,
            error=Trouble.of(trouble_of(output.error) if output.error else None),
            bytes_sent=output.bytes_sent,
            reconnects=output.reconnects,
            created_at=output.created_at,
        )


class OutputsView(View):
    """Everywhere a stream is sent to, oldest first."""

    items: list[OutputView]


@router.post(
    "/streams/{stream_id}/outputs",
    status_code=201,
    responses=problems(
        StreamNotFound,
        StreamEnded,
        Forbidden,
        Conflict,
        IdempotencyConflict,
        UnsupportedMedia,
        PayloadTooLarge,
    ),
)
async def create_output(
    stream_id: str,
    body: OutputRequest,
    gateway: InGateway,
    session: LiveSession,
    _: IdempotencyKey = None,
) -> OutputView:
    """Send the stream to a server too: H.264 as it is, with AAC (RTMP, SRT) or Opus (WHIP).

    A connection that is lost is tried again, with growing pauses, for as long as the stream lives.
    The control socket tells `output.state` whenever the status changes.
    """
    target = read_target(
        body.url,
        OutputKind(body.kind) if body.kind else None,
        body.token or "",
        allow_private=gateway.settings.output_private_addresses,
    )
    return OutputView.of(gateway.outputs.add(session, target))


@router.get(
    "/streams/{stream_id}/outputs", responses=problems(StreamNotFound, StreamEnded, Forbidden)
)
async def list_outputs(stream_id: str, gateway: InGateway, session: LiveSession) -> OutputsView:
    """List where a stream that has not ended is sent to."""
    return OutputsView(items=[OutputView.of(one) for one in gateway.outputs.list(session)])


@router.get(
    "/streams/{stream_id}/outputs/{output_id}",
    responses=problems(StreamNotFound, StreamEnded, Forbidden, NotFound),
)
async def get_output(
    stream_id: str, output_id: str, gateway: InGateway, session: LiveSession
) -> OutputView:
    """Look at one of them."""
    return OutputView.of(gateway.outputs.get(session, output_id))


@router.delete(
    "/streams/{stream_id}/outputs/{output_id}",
    status_code=204,
    responses=problems(StreamNotFound, StreamEnded, Forbidden, NotFound),
)
async def delete_output(
    stream_id: str, output_id: str, gateway: InGateway, session: LiveSession
) -> None:
    """Send the stream there no longer."""
    await gateway.outputs.remove(session, output_id)
