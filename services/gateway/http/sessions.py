"""`/v1/sessions`: where a person is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from services.common.errors import SessionNotFound
from services.gateway.http.context import InCaller, InGateway
from services.gateway.http.person_route import person_router
from services.gateway.http.problem import problems
from services.gateway.http.views import View
from services.gateway.identity import Session

router = person_router("account")


class SessionView(View):
    """One signing in, for one account."""

    id: str = Field(examples=["ss_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    account_id: str
    created_at: datetime
    last_used_at: datetime
    """To the minute."""
    expires_at: datetime
    current: bool
    """Whether it is the one that this call came with."""

    @classmethod
    def of(cls, session: Session, *, current: str) -> Self:
        """As storage keeps it."""
        return cls(
            id=session.id,
            account_id=session.account_id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            current=session.id == current,
        )


class SessionList(View):
    """Your sessions, newest first."""

    items: list[SessionView]


@router.get("/sessions", responses=problems())
async def list_sessions(gateway: InGateway, caller: InCaller) -> SessionList:
    """List where you are signed in, for whichever account."""
    sessions = await gateway.people.sessions(caller.actor_id)
    return SessionList(
        items=[SessionView.of(session, current=caller.session_id) for session in sessions]
    )


@router.delete("/sessions", status_code=204, responses=problems())
async def end_sessions(
    gateway: InGateway,
    caller: InCaller,
    others_only: Annotated[bool, Query(description="Keep the one that this call comes with.")] = (
        False
    ),
) -> None:
    """Sign out everywhere. Other gateway processes may let you in for some seconds more."""
    await gateway.people.end_sessions(caller.actor_id, but=caller.session_id if others_only else "")
    gateway.door.forget(caller.actor_id)


@router.delete("/sessions/{session_id}", status_code=204, responses=problems(SessionNotFound))
async def end_session(session_id: str, gateway: InGateway, caller: InCaller) -> None:
    """Sign out in one place; `current` names the session that this call comes with."""
    this = caller.session_id if session_id == "current" else session_id
    await gateway.people.end_session(caller.actor_id, this)
    gateway.door.forget(caller.actor_id)
