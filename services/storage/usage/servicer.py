"""The wire of UsageService: messages in, records out."""

from __future__ import annotations

from datetime import date
from typing import Any

import grpc
from vultus.storage.v1 import usage_service_pb2 as wire
from vultus.storage.v1.usage_service_pb2_grpc import UsageServiceServicer

from services.common.errors import InvalidInput
from services.storage.catalog.messages import time_to_wire
from services.storage.usage.meter import Usage
from services.storage.usage.quotas import Quotas
from services.storage.usage.records import Limits, Quota, QuotaName, UsageOfDay

Context = grpc.aio.ServicerContext[Any, Any]


class UsageServicer(UsageServiceServicer):
    """Serves UsageService; every method is described in the proto."""

    def __init__(self, usage: Usage, quotas: Quotas) -> None:
        self._usage = usage
        self._quotas = quotas

    async def RecordSpeech(
        self, request: wire.RecordSpeechRequest, context: Context
    ) -> wire.RecordSpeechResponse:
        """See the proto."""
        await self._usage.record_speech(
            request.account_id, request.usage_id, duration_ms=request.duration_ms
        )
        return wire.RecordSpeechResponse()

    async def RequireSpeech(
        self, request: wire.RequireSpeechRequest, context: Context
    ) -> wire.RequireSpeechResponse:
        """See the proto."""
        await self._quotas.require_speech(request.account_id)
        return wire.RequireSpeechResponse()

    async def ListUsage(
        self, request: wire.ListUsageRequest, context: Context
    ) -> wire.ListUsageResponse:
        """See the proto."""
        days = await self._usage.days(
            request.account_id, _day(request.first_day), _day(request.last_day)
        )
        return wire.ListUsageResponse(days=map(_usage, days))

    async def ListQuotas(
        self, request: wire.ListQuotasRequest, context: Context
    ) -> wire.ListQuotasResponse:
        """See the proto."""
        quotas = await self._quotas.list(request.account_id)
        return wire.ListQuotasResponse(quotas=map(_quota, quotas))

    async def SetQuotas(
        self, request: wire.SetQuotasRequest, context: Context
    ) -> wire.SetQuotasResponse:
        """See the proto."""
        limits: Limits = {}
        unset = set()
        for setting in request.settings:
            limit = setting.limit if setting.HasField("limit") else None
            if not setting.use_default:
                limits[_name(setting.name)] = limit
            elif limit is None:
                unset.add(_name(setting.name))
            else:
                raise InvalidInput("a limit is either set or the default")
        quotas = await self._quotas.set(request.account_id, limits, unset=unset)
        return wire.SetQuotasResponse(quotas=map(_quota, quotas))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("a day is written as 2026-11-26") from None


def _name(text: str) -> QuotaName:
    try:
        return QuotaName(text)
    except ValueError:
        raise InvalidInput(f"limits are {', '.join(QuotaName)}") from None


def _usage(used: UsageOfDay) -> wire.UsageOfDay:
    quantities = {kind.value: quantity for kind, quantity in used.quantities.items()}
    return wire.UsageOfDay(day=used.day.isoformat(), **quantities)


def _quota(quota: Quota) -> wire.Quota:
    return wire.Quota(
        name=quota.name,
        limit=quota.limit,
        used=quota.used,
        resets_at=time_to_wire(quota.resets_at),
        is_own=quota.is_own,
    )
