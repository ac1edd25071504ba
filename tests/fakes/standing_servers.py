"""What every call of a gateway asks storage beside its own business: the fakes, over gRPC."""

from __future__ import annotations

from typing import Any

from vultus.storage.v1 import audit_service_pb2 as audit_wire
from vultus.storage.v1 import audit_service_pb2_grpc as audit_grpc
from vultus.storage.v1 import rights_service_pb2 as rights_wire
from vultus.storage.v1 import rights_service_pb2_grpc as rights_grpc
from vultus.storage.v1 import standing_service_pb2 as standing_wire
from vultus.storage.v1 import standing_service_pb2_grpc as standing_grpc
from vultus.storage.v1 import usage_service_pb2 as usage_wire
from vultus.storage.v1 import usage_service_pb2_grpc as usage_grpc

from services.gateway.audit.records import NewEntry
from tests.fakes.stage import Stage

Context = Any
"""A gRPC context: the fakes look at nothing of it."""


class Standing(standing_grpc.StandingServiceServicer):
    """Whether accounts may go on."""

    def __init__(self, stage: Stage) -> None:
        self._standings = stage.standings

    async def GetStanding(self, request: Any, context: Context) -> Any:
        standing = await self._standings.standing(request.account_id)
        return standing_wire.GetStandingResponse(policy_to_accept=standing.policy_to_accept)


class Audit(audit_grpc.AuditServiceServicer):
    """Who did what."""

    def __init__(self, stage: Stage) -> None:
        self._audit = stage.audit_record

    async def RecordEntries(self, request: Any, context: Context) -> Any:
        entries = [
            NewEntry(
                account_id=one.account_id,
                actor=one.actor,
                action=one.action,
                target=one.target,
                outcome=one.outcome,
                reason=one.reason,
                request_id=one.request_id,
                address=one.address,
            )
            for one in request.entries
        ]
        await self._audit.record(entries)
        return audit_wire.RecordEntriesResponse()


class Usage(usage_grpc.UsageServiceServicer):
    """What is used."""

    def __init__(self, stage: Stage) -> None:
        self._usage = stage.usage

    async def RecordSpeech(self, request: Any, context: Context) -> Any:
        await self._usage.record_speech(
            request.account_id, request.usage_id, duration_ms=request.duration_ms
        )
        return usage_wire.RecordSpeechResponse()

    async def RequireSpeech(self, request: Any, context: Context) -> Any:
        await self._usage.require_speech(request.account_id)
        return usage_wire.RequireSpeechResponse()


class Rights(rights_grpc.RightsServiceServicer):
    """What may not be used."""

    def __init__(self, stage: Stage) -> None:
        self._rights = stage.rights

    async def CheckUse(self, request: Any, context: Context) -> Any:
        await self._rights.check_use(request.account_id)
        return rights_wire.CheckUseResponse()
