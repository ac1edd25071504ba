"""Storage's record of policies: the fake, as a gRPC service."""

from __future__ import annotations

from typing import Any

from vultus.storage.v1 import moderation_record_service_pb2 as wire
from vultus.storage.v1 import moderation_record_service_pb2_grpc as grpc_wire

from services.gateway.clients import messages
from services.gateway.moderation.policy import to_json
from tests.fakes.stage import Stage


class Judgements(grpc_wire.ModerationRecordServiceServicer):
    """What everything that is judged is judged by; reviews are not kept here."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def GetPolicy(self, request: Any, context: Any) -> Any:
        """The latest."""
        known = await self._stage.policies.get(request.account_id)
        version = known.policy.version
        document = messages.document_to_wire(to_json(known.policy)) if version else None
        policy = wire.PolicyRecord(
            account_id=request.account_id, version=version, document=document
        )
        return wire.GetPolicyResponse(policy=policy)
