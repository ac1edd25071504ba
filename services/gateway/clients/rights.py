"""What people ask about their data, over gRPC."""

from __future__ import annotations

import json
from collections.abc import Sequence

import grpc
from vultus.storage.v1 import rights_service_pb2 as wire
from vultus.storage.v1.rights_service_pb2_grpc import RightsServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.records import Page
from services.gateway.rights import (
    Archive,
    Decision,
    NewRequest,
    PrivacyRequest,
    RequestKind,
    RequestState,
    Restriction,
    Step,
    Target,
)

_QUICK_S = 10.0
_KIND_TO_WIRE = {
    RequestKind.ACCESS: wire.PRIVACY_REQUEST_KIND_ACCESS,
    RequestKind.EXPORT: wire.PRIVACY_REQUEST_KIND_EXPORT,
    RequestKind.CORRECTION: wire.PRIVACY_REQUEST_KIND_CORRECTION,
    RequestKind.DELETION: wire.PRIVACY_REQUEST_KIND_DELETION,
    RequestKind.RESTRICTION: wire.PRIVACY_REQUEST_KIND_RESTRICTION,
    RequestKind.LIFTING: wire.PRIVACY_REQUEST_KIND_LIFTING,
}
_KIND = {number: kind for kind, number in _KIND_TO_WIRE.items()}
_STATE = {
    wire.PRIVACY_REQUEST_STATE_IDENTITY_PENDING: RequestState.IDENTITY_PENDING,
    wire.PRIVACY_REQUEST_STATE_OPEN: RequestState.OPEN,
    wire.PRIVACY_REQUEST_STATE_IN_PROGRESS: RequestState.IN_PROGRESS,
    wire.PRIVACY_REQUEST_STATE_FULFILLED: RequestState.FULFILLED,
    wire.PRIVACY_REQUEST_STATE_REFUSED: RequestState.REFUSED,
    wire.PRIVACY_REQUEST_STATE_CANCELLED: RequestState.CANCELLED,
}
_DECISION_TO_WIRE = {
    Decision.CONFIRM: wire.PRIVACY_DECISION_CONFIRM_IDENTITY,
    Decision.ACCEPT: wire.PRIVACY_DECISION_ACCEPT,
    Decision.FULFIL: wire.PRIVACY_DECISION_FULFIL,
    Decision.REFUSE: wire.PRIVACY_DECISION_REFUSE,
}


class GrpcRights:
    """The record of requests."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = RightsServiceStub(channel)

    async def create(self, account_id: str, new: NewRequest) -> PrivacyRequest:
        """Records a request."""
        request = wire.CreateRequestRequest(
            account_id=account_id,
            kind=_KIND_TO_WIRE[new.kind],
            about=_target(new.target),
            requested_by=new.requested_by,
            details=new.details,
            corrections=new.corrections,
            attested_identity=new.attested_identity,
        )
        call = self._stub.CreateRequest(request, timeout=_QUICK_S, metadata=call_metadata())
        return _request((await unary(call)).request)

    async def get(self, account_id: str, request_id: str) -> PrivacyRequest:
        """One request."""
        request = wire.GetRequestRequest(account_id=account_id, request_id=request_id)
        call = self._stub.GetRequest(request, timeout=_QUICK_S, metadata=call_metadata())
        return _request((await unary(call)).request)

    async def prove(
        self, account_id: str, request_id: str, *, person_id: str, code: str
    ) -> PrivacyRequest:
        """A code shows that a person of the account asks."""
        request = wire.ProveIdentityRequest(
            account_id=account_id, request_id=request_id, person_id=person_id, code=code
        )
        call = self._stub.ProveIdentity(request, timeout=_QUICK_S, metadata=call_metadata())
        return _request((await unary(call)).request)

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[PrivacyRequest]:
        """A page of the account's requests, newest first."""
        request = wire.ListRequestsRequest(account_id=account_id, limit=limit, cursor=cursor)
        call = self._stub.ListRequests(request, timeout=_QUICK_S, metadata=call_metadata())
        page = await unary(call)
        return Page(tuple(map(_request, page.requests)), page.next_cursor)

    async def cancel(self, account_id: str, request_id: str, *, actor: str) -> PrivacyRequest:
        """Takes a request back."""
        request = wire.CancelRequestRequest(
            account_id=account_id, request_id=request_id, actor=actor
        )
        call = self._stub.CancelRequest(request, timeout=_QUICK_S, metadata=call_metadata())
        return _request((await unary(call)).request)

    async def restrictions(self, account_id: str) -> Sequence[Restriction]:
        """What is restricted, oldest first."""
        request = wire.ListRestrictionsRequest(account_id=account_id)
        call = self._stub.ListRestrictions(request, timeout=_QUICK_S, metadata=call_metadata())
        found = (await unary(call)).restrictions
        return [
            Restriction(one.consent_id, one.request_id, messages.moment(one.since)) for one in found
        ]

    async def check_use(self, account_id: str) -> None:
        """Returns when the account may use the service."""
        request = wire.CheckUseRequest(account_id=account_id)
        await unary(self._stub.CheckUse(request, timeout=_QUICK_S, metadata=call_metadata()))

    async def pending(self, *, limit: int) -> Sequence[PrivacyRequest]:
        """What has not ended, what is due first."""
        request = wire.ListPendingRequestsRequest(limit=limit)
        call = self._stub.ListPendingRequests(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_request(one) for one in (await unary(call)).requests]

    async def decide(self, request_id: str, decision: Decision, *, note: str) -> PrivacyRequest:
        """What an operator decides."""
        request = wire.DecideRequestRequest(
            request_id=request_id, decision=_DECISION_TO_WIRE[decision], note=note
        )
        call = self._stub.DecideRequest(request, timeout=_QUICK_S, metadata=call_metadata())
        return _request((await unary(call)).request)


def _target(target: Target) -> wire.PrivacyTarget:
    if target.consent_id:
        return wire.PrivacyTarget(consent_id=target.consent_id)
    if target.subject:
        return wire.PrivacyTarget(subject=target.subject)
    return wire.PrivacyTarget(account=True)


def _request(message: wire.PrivacyRequest) -> PrivacyRequest:
    return PrivacyRequest(
        id=message.id,
        account_id=message.account_id,
        kind=_KIND[message.kind],
        consent_id=message.about.consent_id,
        whole_subject=message.whole_subject,
        requested_by=message.requested_by,
        identity=message.identity,
        state=_STATE[message.state],
        held=message.held,
        repeats=message.repeats,
        reason=message.reason,
        report=json.loads(message.report) if message.report else None,
        archive=_archive(message.archive) if message.HasField("archive") else None,
        created_at=messages.moment(message.created_at),
        opened_at=messages.optional_moment(message, "opened_at"),
        due_at=messages.optional_moment(message, "due_at"),
        ended_at=messages.optional_moment(message, "ended_at"),
        details=message.details,
        steps=tuple(
            Step(_STATE[step.state], step.actor, step.note, messages.moment(step.at))
            for step in message.steps
        ),
    )


def _archive(message: wire.PrivacyArchive) -> Archive:
    return Archive(
        messages.ref(message.object),
        message.size_bytes,
        message.sha256,
        messages.moment(message.until),
    )
