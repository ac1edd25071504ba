"""What people ask about their data, in memory, with the rules of the real record."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.common.errors import (
    CodeInvalid,
    ConsentNotFound,
    InvalidInput,
    PrivacyRequestNotFound,
    Restricted,
    StateConflict,
)
from services.common.ids import new_id
from services.gateway.records import Page
from services.gateway.rights import (
    Decision,
    NewRequest,
    PrivacyRequest,
    RequestState,
    Restriction,
    Step,
)
from tests.fakes.catalog import FakeAvatars, page_of

_ENDS = {Decision.FULFIL: RequestState.FULFILLED, Decision.REFUSE: RequestState.REFUSED}


@dataclass
class FakeRights:
    """Requests of all accounts; nothing is carried out but what a test does itself."""

    avatars: FakeAvatars
    now: Callable[[], datetime]
    code: str = "123456"
    """The one that is right."""
    kept: dict[str, PrivacyRequest] = field(default_factory=dict)
    restricted: dict[str, builtins.list[Restriction]] = field(default_factory=dict)

    async def create(self, account_id: str, new: NewRequest) -> PrivacyRequest:
        if bool(new.target.consent_id or new.target.subject) != bool(new.attested_identity):
            raise InvalidInput("attested_identity says how you checked who asks of you")
        state = RequestState.IDENTITY_PENDING
        request = PrivacyRequest(
            id=new_id("pr"),
            account_id=account_id,
            kind=new.kind,
            consent_id=self._consent_id(account_id, new),
            whole_subject=bool(new.target.subject),
            requested_by=new.requested_by,
            identity="",
            state=state,
            held=False,
            repeats=0,
            reason="",
            report=None,
            archive=None,
            created_at=self.now(),
            opened_at=None,
            due_at=None,
            ended_at=None,
            details=new.details,
            steps=(Step(state, new.requested_by, "", self.now()),),
        )
        self.kept[request.id] = request
        if new.attested_identity:
            return self._opened(request, "attested", new.requested_by, "")
        return request

    async def get(self, account_id: str, request_id: str) -> PrivacyRequest:
        request = self.kept.get(request_id)
        if request is None or request.account_id != account_id:
            raise PrivacyRequestNotFound("no such request")
        return request

    async def prove(
        self, account_id: str, request_id: str, *, person_id: str, code: str
    ) -> PrivacyRequest:
        request = await self.get(account_id, request_id)
        if request.state is not RequestState.IDENTITY_PENDING:
            raise StateConflict(f"the request is {request.state}")
        if code != self.code:
            raise CodeInvalid("the code is wrong, too old, or was used")
        return self._opened(request, "code", person_id, "")

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[PrivacyRequest]:
        mine = [one for one in self.kept.values() if one.account_id == account_id]
        page = page_of(mine, limit, cursor, "pr")
        return Page(tuple(map(_brief, page.items)), page.next_cursor)

    async def cancel(self, account_id: str, request_id: str, *, actor: str) -> PrivacyRequest:
        request = await self.get(account_id, request_id)
        if request.state.is_end:
            return request
        if request.state is RequestState.IN_PROGRESS:
            raise StateConflict("the request is being carried out")
        return self._moved(request, RequestState.CANCELLED, actor, "")

    async def restrictions(self, account_id: str) -> Sequence[Restriction]:
        return self.restricted.get(account_id, [])

    async def check_use(self, account_id: str) -> None:
        if any(not one.consent_id for one in self.restricted.get(account_id, [])):
            raise Restricted("the account is restricted")

    async def pending(self, *, limit: int) -> Sequence[PrivacyRequest]:
        waiting = [_brief(one) for one in self.kept.values() if not one.state.is_end]
        return sorted(waiting, key=lambda one: (one.due_at is None, one.due_at, one.id))[:limit]

    async def decide(self, request_id: str, decision: Decision, *, note: str) -> PrivacyRequest:
        if not note.strip():
            raise InvalidInput("say why")
        request = self.kept.get(request_id)
        if request is None:
            raise PrivacyRequestNotFound("no such request")
        pending = request.state is RequestState.IDENTITY_PENDING
        if decision is Decision.CONFIRM and pending:
            return self._opened(request, "operator", "operator", note)
        if decision is Decision.ACCEPT and request.held:
            request = replace(request, held=False)
            return self._moved(request, request.state, "operator", note)
        refused = decision is Decision.REFUSE
        if not request.state.is_end and decision in _ENDS and (refused or not pending):
            request = replace(request, reason=note if refused else "")
            return self._moved(request, _ENDS[decision], "operator", note)
        raise StateConflict(f"the request is {request.state}")

    def _consent_id(self, account_id: str, new: NewRequest) -> str:
        target = new.target
        if not (target.consent_id or target.subject):
            return ""
        for consent in sorted(self.avatars.consents.values(), key=lambda one: one.id):
            named = target.consent_id == consent.id or target.subject == consent.subject
            if named and consent.account_id == account_id:
                return consent.id
        raise ConsentNotFound("no such consent")

    def _opened(
        self, request: PrivacyRequest, identity: str, actor: str, note: str
    ) -> PrivacyRequest:
        now = self.now()
        request = replace(
            request, identity=identity, opened_at=now, due_at=now + timedelta(days=21)
        )
        return self._moved(request, RequestState.OPEN, actor, note)

    def _moved(
        self, request: PrivacyRequest, state: RequestState, actor: str, note: str
    ) -> PrivacyRequest:
        steps = (*request.steps, Step(state, actor, note, self.now()))
        ended_at = self.now() if state.is_end else None
        moved = replace(request, state=state, steps=steps, ended_at=ended_at)
        self.kept[request.id] = moved
        return moved


def _brief(request: PrivacyRequest) -> PrivacyRequest:
    """As lists tell it."""
    return replace(request, details="", steps=())
