"""The record of subjects, over gRPC."""

from __future__ import annotations

import grpc
from vultus.storage.v1 import subject_service_pb2 as wire
from vultus.storage.v1.subject_service_pb2_grpc import SubjectServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.records import Page
from services.gateway.subjects import Details, Guardian, Subject

_QUICK_S = 10.0
_ERASE_S = 30.0


class GrpcSubjects:
    """The record of subjects."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = SubjectServiceStub(channel)

    async def create(self, account_id: str, details: Details) -> Subject:
        """Records a person."""
        request = wire.CreateSubjectRequest(account_id=account_id, details=details_to_wire(details))
        call = self._stub.CreateSubject(request, timeout=_QUICK_S, metadata=call_metadata())
        return _subject((await unary(call)).subject)

    async def get(self, account_id: str, subject_id: str) -> Subject:
        """One person."""
        request = wire.GetSubjectRequest(account_id=account_id, subject_id=subject_id)
        call = self._stub.GetSubject(request, timeout=_QUICK_S, metadata=call_metadata())
        return _subject((await unary(call)).subject)

    async def list(
        self, account_id: str, *, reference: str, limit: int, cursor: str
    ) -> Page[Subject]:
        """A page of the account's subjects, newest first."""
        request = wire.ListSubjectsRequest(
            account_id=account_id, reference=reference, limit=limit, cursor=cursor
        )
        call = self._stub.ListSubjects(request, timeout=_QUICK_S, metadata=call_metadata())
        page = await unary(call)
        return Page(tuple(map(_subject, page.subjects)), page.next_cursor)

    async def update(self, account_id: str, subject_id: str, details: Details) -> Subject:
        """Replaces what is told of a person."""
        request = wire.UpdateSubjectRequest(
            account_id=account_id, subject_id=subject_id, details=details_to_wire(details)
        )
        call = self._stub.UpdateSubject(request, timeout=_QUICK_S, metadata=call_metadata())
        return _subject((await unary(call)).subject)

    async def report_minor(
        self, account_id: str, subject_id: str, *, found_by: str, reason: str
    ) -> Subject:
        """Records that somebody is a minor."""
        request = wire.ReportMinorRequest(
            account_id=account_id, subject_id=subject_id, found_by=found_by, reason=reason
        )
        call = self._stub.ReportMinor(request, timeout=_ERASE_S, metadata=call_metadata())
        return _subject((await unary(call)).subject)


def details_to_wire(details: Details) -> wire.SubjectDetails:
    """What an account tells of a person."""
    return wire.SubjectDetails(
        name=details.name,
        reference=details.reference,
        minor=details.minor,
        birth_year=details.birth_year,
        guardian=guardian_to_wire(details.guardian) if details.guardian else None,
    )


def guardian_to_wire(guardian: Guardian) -> wire.Guardian:
    """Who consents for a minor."""
    return wire.Guardian(
        name=guardian.name, relation=guardian.relation, statement=guardian.statement
    )


def guardian_of(message: wire.Guardian) -> Guardian:
    """Who consents for a minor."""
    return Guardian(message.name, message.relation, message.statement)


def _subject(message: wire.Subject) -> Subject:
    told = message.details
    details = Details(
        told.name,
        told.reference,
        told.minor,
        told.birth_year if told.HasField("birth_year") else None,
        guardian_of(told.guardian) if told.HasField("guardian") else None,
    )
    return Subject(
        id=message.id,
        account_id=message.account_id,
        details=details,
        found_by=message.found_by,
        found_reason=message.found_reason,
        created_at=messages.moment(message.created_at),
        erased_at=messages.optional_moment(message, "erased_at"),
    )
