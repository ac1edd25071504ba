"""The wire of AuditService: messages in, entries out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC
from typing import Any, Protocol

import grpc
from vultus.storage.v1 import audit_service_pb2 as wire
from vultus.storage.v1.audit_service_pb2_grpc import AuditServiceServicer

from services.storage.audit.break_glass import Access, Asked, BreakGlass
from services.storage.audit.chain import Entry
from services.storage.audit.ledger import Ledger, NewEntry
from services.storage.audit.trail import Filter, Trail
from services.storage.catalog.certificates import Signer
from services.storage.catalog.messages import time_to_wire
from services.storage.refs import ObjectRef

Context = grpc.aio.ServicerContext[Any, Any]


class Objects(Protocol):
    """Where objects lie."""

    async def open(self, ref: ObjectRef) -> tuple[object, AsyncGenerator[bytes, None]]:
        """An object's bytes. Raises NotFound, Unavailable."""
        ...


class AuditServicer(AuditServiceServicer):
    """Serves AuditService; every method is described in the proto."""

    def __init__(
        self, ledger: Ledger, trail: Trail, signer: Signer, glass: BreakGlass, objects: Objects
    ) -> None:
        self._ledger = ledger
        self._trail = trail
        self._signer = signer
        self._glass = glass
        self._objects = objects

    async def RecordEntries(
        self, request: wire.RecordEntriesRequest, context: Context
    ) -> wire.RecordEntriesResponse:
        """See the proto."""
        await self._ledger.record([_new(entry) for entry in request.entries])
        return wire.RecordEntriesResponse()

    async def ListEntries(
        self, request: wire.ListEntriesRequest, context: Context
    ) -> wire.ListEntriesResponse:
        """See the proto."""
        wanted = Filter(
            since=request.since.ToDatetime(tzinfo=UTC) if request.HasField("since") else None,
            until=request.until.ToDatetime(tzinfo=UTC) if request.HasField("until") else None,
            actor=request.actor,
            actor_kind=request.actor_kind,
            action=request.action,
            target=request.target,
        )
        page = await self._trail.list(
            request.account_id, wanted, limit=request.limit, cursor=request.cursor
        )
        return wire.ListEntriesResponse(
            entries=map(_entry, page.items), next_cursor=page.next_cursor
        )

    async def ExportChain(
        self, request: wire.ExportChainRequest, context: Context
    ) -> AsyncIterator[wire.ExportChainResponse]:
        """See the proto."""
        async for lines in self._trail.export(request.account_id, self._signer):
            yield wire.ExportChainResponse(lines=lines)

    async def VerifyChain(
        self, request: wire.VerifyChainRequest, context: Context
    ) -> wire.VerifyChainResponse:
        """See the proto."""
        verdict = await self._trail.verify(request.account_id)
        return wire.VerifyChainResponse(
            first_seq=verdict.first_seq,
            last_seq=verdict.last_seq,
            checkpoint_seq=verdict.checkpoint_seq,
            broken_seq=verdict.broken_seq,
            problem=verdict.problem,
        )

    async def OpenMedia(
        self, request: wire.OpenMediaRequest, context: Context
    ) -> AsyncIterator[wire.OpenMediaResponse]:
        """See the proto."""
        later = request.notice_not_before
        asked = Asked(
            target=request.target,
            operator=request.operator,
            reason=request.reason,
            case=request.case,
            legal_paper=request.legal_paper,
            notice_not_before=(
                later.ToDatetime(tzinfo=UTC) if request.HasField("notice_not_before") else None
            ),
        )
        access, ref = await self._glass.open(asked)
        yield wire.OpenMediaResponse(access=_access(access))
        _, blocks = await self._objects.open(ref)
        async with aclosing(blocks):
            async for block in blocks:
                yield wire.OpenMediaResponse(data=block)

    async def ListOperatorAccesses(
        self, request: wire.ListOperatorAccessesRequest, context: Context
    ) -> wire.ListOperatorAccessesResponse:
        """See the proto."""
        accesses = await self._glass.told(request.account_id)
        return wire.ListOperatorAccessesResponse(accesses=map(_access, accesses))


def _access(access: Access) -> wire.OperatorAccess:
    return wire.OperatorAccess(
        id=access.id,
        account_id=access.account_id,
        target=access.target,
        operator=access.operator,
        reason=access.reason,
        case=access.case,
        legal_paper=access.legal_paper,
        at=time_to_wire(access.at),
        notice_at=time_to_wire(access.notice_at),
    )


def _new(entry: wire.NewAuditEntry) -> NewEntry:
    return NewEntry(
        account_id=entry.account_id,
        actor=entry.actor,
        action=entry.action,
        target=entry.target,
        outcome=entry.outcome,
        reason=entry.reason,
        request_id=entry.request_id,
        address=entry.address,
    )


def _entry(entry: Entry) -> wire.AuditEntry:
    return wire.AuditEntry(
        account_id=entry.account_id,
        seq=entry.seq,
        at=time_to_wire(entry.at),
        actor=entry.actor,
        actor_kind=entry.actor_kind,
        action=entry.action,
        target=entry.target,
        outcome=entry.outcome,
        reason=entry.reason,
        request_id=entry.request_id,
        address=entry.address,
        previous_hash=entry.previous_hash,
        hash=entry.hash,
    )
