"""Notices and the standing of accounts, over gRPC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

import grpc
from google.protobuf.duration_pb2 import Duration
from vultus.storage.v1 import notice_service_pb2 as wire
from vultus.storage.v1 import standing_service_pb2 as standing_wire
from vultus.storage.v1.notice_service_pb2_grpc import NoticeServiceStub
from vultus.storage.v1.standing_service_pb2_grpc import StandingServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.notices import (
    Audience,
    Channel,
    Delivery,
    LeasedDelivery,
    NewNotice,
    Notice,
    NoticeKind,
    NoticeText,
    ReceivedNotice,
    SentNotice,
)
from services.gateway.records import Page
from services.gateway.standing import (
    Acceptance,
    ChangeKind,
    NewPrivacyPolicy,
    PolicyChange,
    PrivacyPolicy,
    Shutdown,
    ShutdownPhase,
    Standing,
)

_QUICK_S = 10.0
_SEND_S = 60.0
_KINDS = {
    wire.NOTICE_KIND_INCIDENT: NoticeKind.INCIDENT,
    wire.NOTICE_KIND_POLICY_CHANGE: NoticeKind.POLICY_CHANGE,
    wire.NOTICE_KIND_SHUTDOWN: NoticeKind.SHUTDOWN,
    wire.NOTICE_KIND_OTHER: NoticeKind.OTHER,
}
_KINDS_TO_WIRE = {kind: number for number, kind in _KINDS.items()}
_CHANNELS = {
    wire.DELIVERY_CHANNEL_WEBHOOK: Channel.WEBHOOK,
    wire.DELIVERY_CHANNEL_EMAIL: Channel.EMAIL,
}
_STATUSES = {
    wire.DELIVERY_STATUS_PENDING: "pending",
    wire.DELIVERY_STATUS_SENT: "sent",
    wire.DELIVERY_STATUS_FAILED: "failed",
}
_CHANGES = {
    standing_wire.CHANGE_KIND_PURPOSE: ChangeKind.PURPOSE,
    standing_wire.CHANGE_KIND_MEANS: ChangeKind.MEANS,
    standing_wire.CHANGE_KIND_KIND_OF_DATA: ChangeKind.KIND_OF_DATA,
    standing_wire.CHANGE_KIND_OTHER: ChangeKind.OTHER,
}
_CHANGES_TO_WIRE = {kind: number for number, kind in _CHANGES.items()}
_PHASES = {
    standing_wire.SHUTDOWN_PHASE_ANNOUNCED: ShutdownPhase.ANNOUNCED,
    standing_wire.SHUTDOWN_PHASE_STOPPED: ShutdownPhase.STOPPED,
    standing_wire.SHUTDOWN_PHASE_ERASING: ShutdownPhase.ERASING,
}


class GrpcNotices:
    """The record of notices, and the outbox."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = NoticeServiceStub(channel)

    async def send(self, new: NewNotice) -> tuple[Notice, int]:
        """A notice, and to how many accounts it went."""
        request = wire.SendNoticeRequest(
            kind=_KINDS_TO_WIRE[new.kind],
            texts={
                language: wire.NoticeText(**asdict(text)) for language, text in new.texts.items()
            },
            audience=_audience(new.audience),
            sent_by=new.sent_by,
        )
        call = self._stub.SendNotice(request, timeout=_SEND_S, metadata=call_metadata())
        sent = await unary(call)
        return _notice(sent.notice), sent.recipients

    async def get(self, notice_id: str) -> SentNotice:
        """A notice, and how it reached people."""
        request = wire.GetNoticeRequest(notice_id=notice_id)
        call = self._stub.GetNotice(request, timeout=_SEND_S, metadata=call_metadata())
        found = await unary(call)
        read_at = {
            one.account_id: messages.optional_moment(one, "read_at") for one in found.recipients
        }
        return SentNotice(_notice(found.notice), read_at, tuple(map(_delivery, found.deliveries)))

    async def list(
        self, account_id: str, *, limit: int, cursor: str, unread_only: bool
    ) -> Page[ReceivedNotice]:
        """A page of what an account was told, newest first."""
        request = wire.ListReceivedNoticesRequest(
            account_id=account_id, limit=limit, cursor=cursor, unread_only=unread_only
        )
        call = self._stub.ListReceivedNotices(request, timeout=_QUICK_S, metadata=call_metadata())
        page = await unary(call)
        return Page(tuple(map(_received, page.notices)), page.next_cursor)

    async def mark_read(self, account_id: str, notice_id: str, *, read_by: str) -> ReceivedNotice:
        """Notes the first reading of a notice."""
        request = wire.MarkNoticeReadRequest(
            account_id=account_id, notice_id=notice_id, read_by=read_by
        )
        call = self._stub.MarkNoticeRead(request, timeout=_QUICK_S, metadata=call_metadata())
        return _received((await unary(call)).notice)

    async def set_webhook(self, account_id: str, url: str) -> None:
        """Where the account is told from now on; empty: nowhere."""
        request = wire.SetNoticeWebhookRequest(account_id=account_id, url=url)
        call = self._stub.SetNoticeWebhook(request, timeout=_QUICK_S, metadata=call_metadata())
        await unary(call)

    async def webhook(self, account_id: str) -> str:
        """Where the account is told; empty: nowhere."""
        request = wire.GetNoticeWebhookRequest(account_id=account_id)
        call = self._stub.GetNoticeWebhook(request, timeout=_QUICK_S, metadata=call_metadata())
        return (await unary(call)).url

    async def lease(self, *, limit: int, lease: timedelta) -> Sequence[LeasedDelivery]:
        """Deliveries that are due, nobody else's until the lease ends."""
        request = wire.LeaseDeliveriesRequest(limit=limit, lease=_duration(lease))
        call = self._stub.LeaseDeliveries(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_leased(one) for one in (await unary(call)).deliveries]

    async def finish(
        self, delivery_id: str, *, sent: bool, outcome: str, retry_after: timedelta | None = None
    ) -> None:
        """Notes how an attempt went."""
        request = wire.FinishDeliveryRequest(
            delivery_id=delivery_id,
            sent=sent,
            outcome=outcome,
            retry_after=_duration(retry_after) if retry_after is not None else None,
        )
        call = self._stub.FinishDelivery(request, timeout=_QUICK_S, metadata=call_metadata())
        await unary(call)


class GrpcStandings:
    """The standing of accounts, and what the operator sets."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = StandingServiceStub(channel)

    async def standing(self, account_id: str) -> Standing:
        """What stands between an account and the service."""
        request = standing_wire.GetStandingRequest(account_id=account_id)
        call = self._stub.GetStanding(request, timeout=_QUICK_S, metadata=call_metadata())
        found = await unary(call)
        shutdown = _shutdown(found.shutdown) if found.HasField("shutdown") else None
        return Standing(found.policy_to_accept, shutdown, found.lacks_guardian)

    async def privacy_policy(self, version: str) -> PrivacyPolicy:
        """A version; empty: the one in force."""
        request = standing_wire.GetPrivacyPolicyRequest(version=version)
        call = self._stub.GetPrivacyPolicy(request, timeout=_QUICK_S, metadata=call_metadata())
        return _policy((await unary(call)).policy)

    async def privacy_policies(self) -> Sequence[PrivacyPolicy]:
        """All versions without their texts, newest first."""
        request = standing_wire.ListPrivacyPoliciesRequest()
        call = self._stub.ListPrivacyPolicies(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_policy(one) for one in (await unary(call)).policies]

    async def accept(self, account_id: str, version: str, *, accepted_by: str) -> Acceptance:
        """Notes that an account accepts a version."""
        request = standing_wire.AcceptPrivacyPolicyRequest(
            account_id=account_id, version=version, accepted_by=accepted_by
        )
        call = self._stub.AcceptPrivacyPolicy(request, timeout=_QUICK_S, metadata=call_metadata())
        return _acceptance((await unary(call)).acceptance)

    async def acceptances(self, account_id: str) -> Sequence[Acceptance]:
        """What an account has accepted, newest first."""
        request = standing_wire.ListAcceptancesRequest(account_id=account_id)
        call = self._stub.ListAcceptances(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_acceptance(one) for one in (await unary(call)).acceptances]

    async def publish(self, new: NewPrivacyPolicy) -> PrivacyPolicy:
        """Publishes a version for good."""
        request = standing_wire.PublishPrivacyPolicyRequest(
            version=new.version,
            texts=new.texts,
            changes=[
                standing_wire.PolicyChange(kind=_CHANGES_TO_WIRE[c.kind], summaries=c.summaries)
                for c in new.changes
            ],
            material=new.material,
            effective_at=messages.moment_to_wire(new.effective_at),
            published_by=new.published_by,
        )
        call = self._stub.PublishPrivacyPolicy(request, timeout=_SEND_S, metadata=call_metadata())
        return _policy((await unary(call)).policy)

    async def plan_shutdown(
        self, *, stop_at: datetime, erase_at: datetime, planned_by: str
    ) -> Shutdown:
        """Sets the dates of the service's end."""
        request = standing_wire.PlanShutdownRequest(
            stop_at=messages.moment_to_wire(stop_at),
            erase_at=messages.moment_to_wire(erase_at),
            planned_by=planned_by,
        )
        call = self._stub.PlanShutdown(request, timeout=_SEND_S, metadata=call_metadata())
        return _shutdown((await unary(call)).shutdown)

    async def cancel_shutdown(self, *, cancelled_by: str) -> None:
        """Takes the end back."""
        request = standing_wire.CancelShutdownRequest(cancelled_by=cancelled_by)
        call = self._stub.CancelShutdown(request, timeout=_SEND_S, metadata=call_metadata())
        await unary(call)


def _duration(value: timedelta) -> Duration:
    message = Duration()
    message.FromTimedelta(value)
    return message


def _audience(audience: Audience) -> wire.Audience:
    since, until = audience.active_from, audience.active_until
    return wire.Audience(
        account_ids=audience.account_ids,
        active_from=messages.moment_to_wire(since),
        active_until=messages.moment_to_wire(until),
    )


def _notice(message: wire.Notice) -> Notice:
    texts = {
        language: NoticeText(
            title=text.title,
            situation=text.situation,
            impact=text.impact,
            measures=text.measures,
            remedies=text.remedies,
            contact=text.contact,
        )
        for language, text in message.texts.items()
    }
    return Notice(
        message.id, _KINDS[message.kind], texts, message.sent_by, messages.moment(message.sent_at)
    )


def _received(message: wire.ReceivedNotice) -> ReceivedNotice:
    read_at = messages.optional_moment(message, "read_at")
    return ReceivedNotice(_notice(message.notice), read_at, message.read_by)


def _delivery(message: wire.Delivery) -> Delivery:
    return Delivery(
        account_id=message.account_id,
        channel=_CHANNELS[message.channel],
        status=_STATUSES[message.status],
        attempts=message.attempts,
        outcome=message.outcome,
        finished_at=messages.optional_moment(message, "finished_at"),
    )


def _leased(message: wire.LeasedDelivery) -> LeasedDelivery:
    return LeasedDelivery(
        id=message.id,
        account_id=message.account_id,
        channel=_CHANNELS[message.channel],
        addresses=tuple(message.addresses),
        notice=_notice(message.notice),
        attempts=message.attempts,
        webhook_secret=message.webhook_secret,
    )


def _policy(message: standing_wire.PrivacyPolicy) -> PrivacyPolicy:
    changes = [PolicyChange(_CHANGES[c.kind], dict(c.summaries)) for c in message.changes]
    return PrivacyPolicy(
        version=message.version,
        texts=dict(message.texts),
        changes=tuple(changes),
        material=message.material,
        effective_at=messages.moment(message.effective_at),
        published_by=message.published_by,
        sha256=message.sha256,
        published_at=messages.moment(message.published_at),
    )


def _acceptance(message: standing_wire.Acceptance) -> Acceptance:
    return Acceptance(message.version, message.accepted_by, messages.moment(message.accepted_at))


def _shutdown(message: standing_wire.Shutdown) -> Shutdown:
    return Shutdown(
        _PHASES[message.phase],
        messages.moment(message.stop_at),
        messages.moment(message.erase_at),
        message.planned_by,
    )
