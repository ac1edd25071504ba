"""The audit, over gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import grpc
from vultus.storage.v1 import audit_service_pb2 as wire
from vultus.storage.v1.audit_service_pb2_grpc import AuditServiceStub

from services.common.grpc_client import call_metadata, responses, unary
from services.gateway.audit.records import (
    Entry,
    Filter,
    MediaRequest,
    NewEntry,
    OperatorAccess,
    Verdict,
)
from services.gateway.clients import messages
from services.gateway.records import Page

_QUICK_S = 10.0
_WALK_S = 120.0


class GrpcAudit:
    """The audit in storage."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = AuditServiceStub(channel)

    async def record(self, entries: Sequence[NewEntry]) -> None:
        """Appends entries, all or none."""
        request = wire.RecordEntriesRequest(entries=map(_new, entries))
        await unary(self._stub.RecordEntries(request, timeout=_QUICK_S, metadata=call_metadata()))

    async def list(
        self, account_id: str, wanted: Filter, *, limit: int, cursor: str
    ) -> Page[Entry]:
        """A page of the account's entries, newest first."""
        request = wire.ListEntriesRequest(
            account_id=account_id,
            limit=limit,
            cursor=cursor,
            since=messages.moment_to_wire(wanted.since),
            until=messages.moment_to_wire(wanted.until),
            actor=wanted.actor,
            actor_kind=wanted.actor_kind,
            action=wanted.action,
            target=wanted.target,
        )
        call = self._stub.ListEntries(request, timeout=_QUICK_S, metadata=call_metadata())
        page = await unary(call)
        return Page(tuple(map(_entry, page.entries)), page.next_cursor)

    async def export(self, account_id: str) -> AsyncGenerator[bytes, None]:
        """The whole chain as lines of JSON, the signed head last."""
        request = wire.ExportChainRequest(account_id=account_id)
        call = self._stub.ExportChain(request, metadata=call_metadata())
        async with aclosing(responses(call)) as parts:
            async for part in parts:
                yield part.lines

    async def verify(self, account_id: str) -> Verdict:
        """Walks the chain."""
        request = wire.VerifyChainRequest(account_id=account_id)
        call = self._stub.VerifyChain(request, timeout=_WALK_S, metadata=call_metadata())
        found = await unary(call)
        return Verdict(
            found.first_seq,
            found.last_seq,
            found.checkpoint_seq,
            found.broken_seq,
            found.problem,
        )

    async def operator_accesses(self, account_id: str) -> Sequence[OperatorAccess]:
        """The newest accesses of operators of which the owner may know."""
        request = wire.ListOperatorAccessesRequest(account_id=account_id)
        call = self._stub.ListOperatorAccesses(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_access(access) for access in (await unary(call)).accesses]

    @asynccontextmanager
    async def open_media(
        self, asked: MediaRequest
    ) -> AsyncIterator[tuple[OperatorAccess, AsyncGenerator[bytes, None]]]:
        """Opens media to an operator: the access, which is noted by then, and the bytes.

        Raises InvalidInput, NotFound, Unavailable.
        """
        request = wire.OpenMediaRequest(
            target=asked.target,
            operator=asked.operator,
            reason=asked.reason,
            case=asked.case,
            legal_paper=asked.legal_paper,
            notice_not_before=messages.moment_to_wire(asked.notice_not_before),
        )
        call = self._stub.OpenMedia(request, metadata=call_metadata())
        async with aclosing(responses(call)) as parts:
            first = await anext(parts)
            yield _access(first.access), (part.data async for part in parts)


def _access(message: wire.OperatorAccess) -> OperatorAccess:
    return OperatorAccess(
        id=message.id,
        account_id=message.account_id,
        target=message.target,
        operator=message.operator,
        reason=message.reason,
        case=message.case,
        legal_paper=message.legal_paper,
        at=messages.moment(message.at),
        notice_at=messages.moment(message.notice_at),
    )


def _new(entry: NewEntry) -> wire.NewAuditEntry:
    return wire.NewAuditEntry(
        account_id=entry.account_id,
        actor=entry.actor,
        action=entry.action,
        target=entry.target,
        outcome=entry.outcome,
        reason=entry.reason,
        request_id=entry.request_id,
        address=entry.address,
    )


def _entry(message: wire.AuditEntry) -> Entry:
    return Entry(
        account_id=message.account_id,
        seq=message.seq,
        at=messages.moment(message.at),
        actor=message.actor,
        actor_kind=message.actor_kind,
        action=message.action,
        target=message.target,
        outcome=message.outcome,
        reason=message.reason,
        request_id=message.request_id,
        address=message.address,
        previous_hash=message.previous_hash,
        hash=message.hash,
    )
