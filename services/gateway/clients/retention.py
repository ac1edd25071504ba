"""What is kept for how long, over gRPC."""

from __future__ import annotations

import grpc
from vultus.storage.v1 import retention_service_pb2 as wire
from vultus.storage.v1.retention_service_pb2_grpc import RetentionServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.retention import Retention, Rule

_QUICK_S = 10.0


class GrpcRetention:
    """The rules of storage."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = RetentionServiceStub(channel)

    async def retention(self) -> Retention:
        """All rules."""
        call = self._stub.GetRetention(
            wire.GetRetentionRequest(), timeout=_QUICK_S, metadata=call_metadata()
        )
        told = await unary(call)
        return Retention(
            [_rule(one) for one in told.rules], messages.optional_moment(told, "swept_at")
        )


def _rule(message: wire.RetentionRule) -> Rule:
    return Rule(
        name=message.name,
        what=message.what,
        where=message.where,
        kept_s=message.kept_s if message.HasField("kept_s") else None,
        since=message.since,
        by=message.by,
        why=message.why,
    )
