"""What accounts use, and how much of it they may, over gRPC."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import grpc
from vultus.storage.v1 import usage_service_pb2 as wire
from vultus.storage.v1.usage_service_pb2_grpc import UsageServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.usage import Quota, UsageOfDay

_QUICK_S = 10.0


class GrpcUsage:
    """The record of what is used."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = UsageServiceStub(channel)

    async def record_speech(self, account_id: str, usage_id: str, *, duration_ms: int) -> None:
        """Counts speech that was made."""
        request = wire.RecordSpeechRequest(
            account_id=account_id, usage_id=usage_id, duration_ms=duration_ms
        )
        call = self._stub.RecordSpeech(request, timeout=_QUICK_S, metadata=call_metadata())
        await unary(call)

    async def require_speech(self, account_id: str) -> None:
        """Returns when more speech may be made."""
        request = wire.RequireSpeechRequest(account_id=account_id)
        call = self._stub.RequireSpeech(request, timeout=_QUICK_S, metadata=call_metadata())
        await unary(call)

    async def days(self, account_id: str, first: date, last: date) -> Sequence[UsageOfDay]:
        """What was used, by day."""
        request = wire.ListUsageRequest(
            account_id=account_id, first_day=first.isoformat(), last_day=last.isoformat()
        )
        call = self._stub.ListUsage(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_used(one) for one in (await unary(call)).days]

    async def quotas(self, account_id: str) -> Sequence[Quota]:
        """Every limit."""
        request = wire.ListQuotasRequest(account_id=account_id)
        call = self._stub.ListQuotas(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_quota(one) for one in (await unary(call)).quotas]

    async def set_quotas(
        self, account_id: str, limits: Mapping[str, int | None], *, unset: Collection[str]
    ) -> Sequence[Quota]:
        """Sets limits (None: no limit); those of `unset` are the defaults again.

        Raises AccountNotFound, InvalidInput.
        """
        settings = [
            *(wire.QuotaSetting(name=name, limit=limit) for name, limit in limits.items()),
            *(wire.QuotaSetting(name=name, use_default=True) for name in unset),
        ]
        request = wire.SetQuotasRequest(account_id=account_id, settings=settings)
        call = self._stub.SetQuotas(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_quota(one) for one in (await unary(call)).quotas]


def _used(message: wire.UsageOfDay) -> UsageOfDay:
    return UsageOfDay(
        day=date.fromisoformat(message.day),
        speech_ms=message.speech_ms,
        video_ms=message.video_ms,
        stream_ms=message.stream_ms,
        byte_hours=message.byte_hours,
        videos=message.videos,
        streams=message.streams,
    )


def _quota(message: wire.Quota) -> Quota:
    return Quota(
        name=message.name,
        limit=message.limit if message.HasField("limit") else None,
        used=message.used,
        resets_at=messages.optional_moment(message, "resets_at"),
        is_own=message.is_own,
    )
