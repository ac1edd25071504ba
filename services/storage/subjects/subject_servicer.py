"""The wire of SubjectService: messages in, records out."""

from __future__ import annotations

from typing import Any

import grpc
from vultus.storage.v1 import subject_service_pb2 as wire
from vultus.storage.v1.subject_service_pb2_grpc import SubjectServiceServicer

from services.storage.catalog.messages import time_to_wire
from services.storage.subjects.minors import Minors
from services.storage.subjects.records import Details, Finding, Guardian, Subject
from services.storage.subjects.subjects import Subjects

Context = grpc.aio.ServicerContext[Any, Any]


class SubjectServicer(SubjectServiceServicer):
    """Serves SubjectService; every method is described in the proto."""

    def __init__(self, subjects: Subjects, minors: Minors) -> None:
        self._subjects = subjects
        self._minors = minors

    async def CreateSubject(
        self, request: wire.CreateSubjectRequest, context: Context
    ) -> wire.CreateSubjectResponse:
        """See the proto."""
        subject = await self._subjects.create(request.account_id, _details(request.details))
        return wire.CreateSubjectResponse(subject=_subject(subject))

    async def GetSubject(
        self, request: wire.GetSubjectRequest, context: Context
    ) -> wire.GetSubjectResponse:
        """See the proto."""
        subject = await self._subjects.get(request.account_id, request.subject_id)
        return wire.GetSubjectResponse(subject=_subject(subject))

    async def ListSubjects(
        self, request: wire.ListSubjectsRequest, context: Context
    ) -> wire.ListSubjectsResponse:
        """See the proto."""
        page = await self._subjects.list(
            request.account_id,
            reference=request.reference,
            limit=request.limit,
            cursor=request.cursor,
        )
        return wire.ListSubjectsResponse(
            subjects=map(_subject, page.items), next_cursor=page.next_cursor
        )

    async def UpdateSubject(
        self, request: wire.UpdateSubjectRequest, context: Context
    ) -> wire.UpdateSubjectResponse:
        """See the proto."""
        details = _details(request.details)
        subject = await self._subjects.update(request.account_id, request.subject_id, details)
        return wire.UpdateSubjectResponse(subject=_subject(subject))

    async def ReportMinor(
        self, request: wire.ReportMinorRequest, context: Context
    ) -> wire.ReportMinorResponse:
        """See the proto."""
        finding = Finding(request.found_by, request.reason)
        subject = await self._minors.found(request.account_id, request.subject_id, finding)
        return wire.ReportMinorResponse(subject=_subject(subject))


def _details(message: wire.SubjectDetails) -> Details:
    guardian = None
    if message.HasField("guardian"):
        told = message.guardian
        guardian = Guardian(told.name, told.relation, told.statement)
    birth_year = message.birth_year if message.HasField("birth_year") else None
    return Details(message.name, message.reference, message.minor, birth_year, guardian)


def _subject(subject: Subject) -> wire.Subject:
    details, guardian = subject.details, None
    if told := details.guardian:
        guardian = wire.Guardian(name=told.name, relation=told.relation, statement=told.statement)
    return wire.Subject(
        id=subject.id,
        account_id=subject.account_id,
        details=wire.SubjectDetails(
            name=details.name,
            reference=details.reference,
            minor=details.minor,
            birth_year=details.birth_year,
            guardian=guardian,
        ),
        found_by=subject.finding.found_by if subject.finding else "",
        found_reason=subject.finding.reason if subject.finding else "",
        created_at=time_to_wire(subject.created_at),
        erased_at=time_to_wire(subject.erased_at),
    )
