"""The wire of RetentionService: rules out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from vultus.storage.v1 import retention_service_pb2 as wire
from vultus.storage.v1.retention_service_pb2_grpc import RetentionServiceServicer

from services.storage.catalog.messages import time_to_wire
from services.storage.retention.rules import Rule
from services.storage.retention.sweeper import Sweeper

Context = grpc.aio.ServicerContext[Any, Any]


class RetentionServicer(RetentionServiceServicer):
    """Serves RetentionService; every method is described in the proto."""

    def __init__(self, rules: Sequence[Rule], sweeper: Sweeper) -> None:
        self._rules = rules
        self._sweeper = sweeper

    async def GetRetention(
        self, request: wire.GetRetentionRequest, context: Context
    ) -> wire.GetRetentionResponse:
        """See the proto."""
        return wire.GetRetentionResponse(
            rules=map(_rule, self._rules), swept_at=time_to_wire(await self._sweeper.last())
        )


def _rule(rule: Rule) -> wire.RetentionRule:
    return wire.RetentionRule(
        name=rule.name,
        what=rule.what,
        where=rule.where,
        kept_s=None if rule.kept is None else int(rule.kept.total_seconds()),
        since=rule.since,
        by=rule.by,
        why=rule.why,
        setting=rule.setting,
    )
