"""What the routes work with; the composition root puts it into the app's state."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Header, Query, Request

from services.gateway.audit.noting import Audit
from services.gateway.challenges import Challenges, StatementChecker
from services.gateway.code_sender import CodeSender
from services.gateway.consents import Consents
from services.gateway.http.door import Door
from services.gateway.identity import Accounts, People
from services.gateway.jobs import Jobs, News
from services.gateway.live.director import Director
from services.gateway.live.ice import IceServers
from services.gateway.live.sessions import Sessions
from services.gateway.moderation.approval import Approvals
from services.gateway.notices import Notices
from services.gateway.outputs.outputs import Outputs
from services.gateway.permissions import Caller
from services.gateway.ports import (
    Animator,
    Assets,
    Avatars,
    Idempotency,
    Objects,
    Reachability,
    Speaker,
    Streams,
    Videos,
)
from services.gateway.provenance import Provenance
from services.gateway.retention import RetentionRecord
from services.gateway.rights import Rights
from services.gateway.settings import GatewaySettings
from services.gateway.standing import Gate, Standings
from services.gateway.subjects import Subjects
from services.gateway.usage import Usage
from services.gateway.webrtc.guests import Guests


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that the routes use."""

    settings: GatewaySettings
    door: Door
    audit: Audit
    accounts: Accounts
    people: People
    code_sender: CodeSender
    consents: Consents
    challenges: Challenges
    statements: StatementChecker
    usage: Usage
    provenance: Provenance
    rights: Rights
    retention: RetentionRecord
    notices: Notices
    standings: Standings
    gate: Gate
    subjects: Subjects
    avatars: Avatars
    videos: Videos
    idempotency: Idempotency
    assets: Assets
    objects: Objects
    approvals: Approvals
    speaker: Speaker
    animator: Animator
    streams: Streams
    sessions: Sessions
    director: Director
    ice_servers: IceServers
    guests: Guests
    outputs: Outputs
    jobs: Jobs
    news: News
    health: Reachability
    closing: asyncio.Event
    """Set when the process drains: long answers end."""


def gateway_of(request: Request) -> Gateway:
    """The gateway that serves the request."""
    return cast("Gateway", request.app.state.gateway)


def caller_of(request: Request) -> Caller:
    """Who sent the request; the route has let them in."""
    return cast("Caller", request.state.caller)


def _account_id(request: Request) -> str:
    return caller_of(request).account_id


InGateway = Annotated[Gateway, Depends(gateway_of)]
InCaller = Annotated[Caller, Depends(caller_of)]
AccountId = Annotated[str, Depends(_account_id)]
Limit = Annotated[int, Query(ge=1, le=100, description="Items on a page.")]
Cursor = Annotated[
    str, Query(max_length=256, description="`next_cursor` of the page before; empty: the first.")
]
IDEMPOTENCY_HEADER = "Idempotency-Key"
IDEMPOTENCY_KEY_PATTERN = r"^[\x21-\x7e]{1,255}$"
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=IDEMPOTENCY_HEADER,
        pattern=IDEMPOTENCY_KEY_PATTERN,
        description="The same key with the same request: the first answer again, for 24 hours.",
    ),
]
