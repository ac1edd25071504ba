"""How requests below one stream are let in: by an API key, or by one of the stream's tokens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar, cast

from fastapi import Request
from fastapi.security import HTTPBearer

from services.common.errors import AccountClosing, StreamEnded, Unauthenticated, Unavailable
from services.gateway.http.context import Gateway, gateway_of
from services.gateway.http.door import secret_of
from services.gateway.http.route import Route, require
from services.gateway.live.session import Session
from services.gateway.live.tokens import PREFIX, Right
from services.gateway.permissions import Caller, Scope

TOKEN = HTTPBearer(
    scheme_name="streamToken",
    auto_error=False,
    bearerFormat="vt_…",
    description="A token of the stream: `Authorization: Bearer vt_…`.",
)


class ControlRoute(Route):
    """For who may steer the stream."""

    noun = "streams"
    right: ClassVar[Right] = Right.CONTROL

    @property
    def makes_new(self) -> bool:
        """What began in good standing goes on to its end."""
        return False

    async def admit(self, request: Request) -> None:
        """Finds the stream that the request may use."""
        session, caller = await enter(
            gateway_of(request),
            request.path_params["stream_id"],
            request.headers.get("authorization"),
            self.right,
            self.scope,
            partial(setattr, request.state, "caller"),
        )
        if caller.closing and self.makes_new:
            raise AccountClosing("the account is being deregistered: nothing new is made in it")
        request.state.session, request.state.caller = session, caller


class ViewRoute(ControlRoute):
    """For who may watch the stream."""

    right = Right.VIEW

    @property
    def scope(self) -> Scope:
        """Watching changes nothing, by whichever method it is asked for."""
        return Scope.STREAMS_READ


def session_of(request: Request) -> Session:
    """The session that the request may use; the route has let it in."""
    return cast("Session", request.state.session)


async def enter(
    gateway: Gateway,
    stream_id: str,
    authorization: str | None,
    right: Right,
    scope: Scope | None,
    known: Callable[[Caller], None],
) -> tuple[Session, Caller]:
    """The live session of a stream, and who may use it: by a token's right, or a key's scope.

    `known` is told who calls as soon as that is known, also when they are refused then.

    Raises Unauthenticated, Forbidden, Overloaded, StreamNotFound, StreamEnded, Unavailable.
    """
    secret = secret_of(authorization)
    if not secret.startswith(PREFIX):
        caller = await gateway.door.admit(authorization)
        known(caller)
        require(caller, scope)
        return await live_session(gateway, caller.account_id, stream_id), caller
    session = gateway.sessions.find(stream_id)
    if session is None:
        raise Unauthenticated("the token is not valid for this stream, or not any more")
    session.tokens.check(secret, right)
    return session, Caller(session.record.account_id, stream_id, frozenset())


async def live_session(gateway: Gateway, account_id: str, stream_id: str) -> Session:
    """The session of an account's stream. Raises StreamNotFound, StreamEnded, Unavailable."""
    session = gateway.sessions.find(stream_id)
    if session is not None and session.record.account_id == account_id:
        return session
    record = await gateway.streams.get(account_id, stream_id)
    if record.ended:
        raise StreamEnded(f"the stream has ended: {record.reason}")
    raise Unavailable("the gateway of the stream does not answer", retry_after_s=2)
