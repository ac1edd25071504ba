"""The wire of RightsService: messages in, records out."""

from __future__ import annotations

import json
from typing import Any

import grpc
from vultus.storage.v1 import rights_service_pb2 as wire
from vultus.storage.v1.rights_service_pb2_grpc import RightsServiceServicer

from services.common.errors import InvalidInput
from services.storage.catalog.messages import time_to_wire
from services.storage.objects.wire import ref_to_wire
from services.storage.rights.records import (
    About,
    Archive,
    NewRequest,
    PrivacyRequest,
    RequestKind,
    RequestState,
)
from services.storage.rights.requests import Requests
from services.storage.rights.restrictions import Restrictions

Context = grpc.aio.ServicerContext[Any, Any]

_KIND = {
    wire.PRIVACY_REQUEST_KIND_ACCESS: RequestKind.ACCESS,
    wire.PRIVACY_REQUEST_KIND_EXPORT: RequestKind.EXPORT,
    wire.PRIVACY_REQUEST_KIND_CORRECTION: RequestKind.CORRECTION,
    wire.PRIVACY_REQUEST_KIND_DELETION: RequestKind.DELETION,
    wire.PRIVACY_REQUEST_KIND_RESTRICTION: RequestKind.RESTRICTION,
    wire.PRIVACY_REQUEST_KIND_LIFTING: RequestKind.LIFTING,
}
_KIND_TO_WIRE = {kind: number for number, kind in _KIND.items()}
_STATE_TO_WIRE = {
    RequestState.IDENTITY_PENDING: wire.PRIVACY_REQUEST_STATE_IDENTITY_PENDING,
    RequestState.OPEN: wire.PRIVACY_REQUEST_STATE_OPEN,
    RequestState.IN_PROGRESS: wire.PRIVACY_REQUEST_STATE_IN_PROGRESS,
    RequestState.FULFILLED: wire.PRIVACY_REQUEST_STATE_FULFILLED,
    RequestState.REFUSED: wire.PRIVACY_REQUEST_STATE_REFUSED,
    RequestState.CANCELLED: wire.PRIVACY_REQUEST_STATE_CANCELLED,
}


class RightsServicer(RightsServiceServicer):
    """Serves RightsService; every method is described in the proto."""

    def __init__(self, requests: Requests, restrictions: Restrictions) -> None:
        self._requests = requests
        self._restrictions = restrictions

    async def CreateRequest(
        self, request: wire.CreateRequestRequest, context: Context
    ) -> wire.CreateRequestResponse:
        """See the proto."""
        if request.kind not in _KIND:
            raise InvalidInput("kind is missing or not known")
        about, target = _about(request.about)
        new = NewRequest(
            _KIND[request.kind],
            about,
            target,
            requested_by=request.requested_by,
            details=request.details,
            corrections=dict(request.corrections),
            attested_identity=request.attested_identity,
        )
        made = await self._requests.create(request.account_id, new)
        return wire.CreateRequestResponse(request=_request(made))

    async def ProveIdentity(
        self, request: wire.ProveIdentityRequest, context: Context
    ) -> wire.ProveIdentityResponse:
        """See the proto."""
        proved = await self._requests.prove(
            request.account_id, request.request_id, person_id=request.person_id, code=request.code
        )
        return wire.ProveIdentityResponse(request=_request(proved))

    async def GetRequest(
        self, request: wire.GetRequestRequest, context: Context
    ) -> wire.GetRequestResponse:
        """See the proto."""
        found = await self._requests.get(request.account_id, request.request_id)
        return wire.GetRequestResponse(request=_request(found))

    async def ListRequests(
        self, request: wire.ListRequestsRequest, context: Context
    ) -> wire.ListRequestsResponse:
        """See the proto."""
        page = await self._requests.list(
            request.account_id, limit=request.limit, cursor=request.cursor
        )
        return wire.ListRequestsResponse(
            requests=map(_request, page.items), next_cursor=page.next_cursor
        )

    async def CancelRequest(
        self, request: wire.CancelRequestRequest, context: Context
    ) -> wire.CancelRequestResponse:
        """See the proto."""
        ended = await self._requests.cancel(
            request.account_id, request.request_id, actor=request.actor
        )
        return wire.CancelRequestResponse(request=_request(ended))

    async def ListPendingRequests(
        self, request: wire.ListPendingRequestsRequest, context: Context
    ) -> wire.ListPendingRequestsResponse:
        """See the proto."""
        waiting = await self._requests.pending(limit=request.limit)
        return wire.ListPendingRequestsResponse(requests=map(_request, waiting))

    async def DecideRequest(
        self, request: wire.DecideRequestRequest, context: Context
    ) -> wire.DecideRequestResponse:
        """See the proto."""
        request_id, note = request.request_id, request.note
        match request.decision:
            case wire.PRIVACY_DECISION_CONFIRM_IDENTITY:
                decided = await self._requests.confirm(request_id, note=note)
            case wire.PRIVACY_DECISION_ACCEPT:
                decided = await self._requests.accept(request_id, note=note)
            case wire.PRIVACY_DECISION_FULFIL | wire.PRIVACY_DECISION_REFUSE:
                fulfilled = request.decision == wire.PRIVACY_DECISION_FULFIL
                decided = await self._requests.decide(request_id, fulfilled=fulfilled, note=note)
            case _:
                raise InvalidInput("decision is missing or not known")
        return wire.DecideRequestResponse(request=_request(decided))

    async def ListRestrictions(
        self, request: wire.ListRestrictionsRequest, context: Context
    ) -> wire.ListRestrictionsResponse:
        """See the proto."""
        return wire.ListRestrictionsResponse(
            restrictions=[
                wire.Restriction(
                    consent_id=one.consent_id,
                    request_id=one.request_id,
                    since=time_to_wire(one.since),
                )
                for one in await self._restrictions.list(request.account_id)
            ]
        )

    async def CheckUse(
        self, request: wire.CheckUseRequest, context: Context
    ) -> wire.CheckUseResponse:
        """See the proto."""
        await self._restrictions.check(request.account_id)
        return wire.CheckUseResponse()


def _about(message: wire.PrivacyTarget) -> tuple[About, str]:
    match message.WhichOneof("whose"):
        case "account":
            return About.ACCOUNT, ""
        case "consent_id":
            return About.CONSENT, message.consent_id
        case "subject":
            return About.SUBJECT, message.subject
        case _:
            raise InvalidInput("about says whose data is meant")


def _target(request: PrivacyRequest) -> wire.PrivacyTarget:
    if request.about is About.ACCOUNT:
        return wire.PrivacyTarget(account=True)
    return wire.PrivacyTarget(consent_id=request.consent_id)


def _request(request: PrivacyRequest) -> wire.PrivacyRequest:
    return wire.PrivacyRequest(
        id=request.id,
        account_id=request.account_id,
        kind=_KIND_TO_WIRE[request.kind],
        about=_target(request),
        whole_subject=request.about is About.SUBJECT,
        requested_by=request.requested_by,
        identity=request.identity,
        state=_STATE_TO_WIRE[request.state],
        held=request.held,
        repeats=request.repeats,
        reason=request.reason,
        report="" if request.report is None else json.dumps(request.report),
        archive=_archive(request.archive) if request.archive else None,
        created_at=time_to_wire(request.created_at),
        opened_at=time_to_wire(request.opened_at),
        due_at=time_to_wire(request.due_at),
        ended_at=time_to_wire(request.ended_at),
        details=request.details,
        steps=[
            wire.PrivacyStep(
                state=_STATE_TO_WIRE[step.state],
                actor=step.actor,
                note=step.note,
                at=time_to_wire(step.at),
            )
            for step in request.steps
        ],
    )


def _archive(archive: Archive) -> wire.PrivacyArchive:
    return wire.PrivacyArchive(
        object=ref_to_wire(archive.object),
        size_bytes=archive.size_bytes,
        sha256=archive.sha256,
        until=time_to_wire(archive.until),
    )
