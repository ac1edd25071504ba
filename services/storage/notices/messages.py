"""Notices, privacy policies and the service's end, to wire messages and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from vultus.storage.v1 import notice_service_pb2 as wire
from vultus.storage.v1 import standing_service_pb2 as standing_wire

from services.common.errors import InvalidInput
from services.storage.catalog.messages import time_to_wire
from services.storage.notices.records import (
    Acceptance,
    Audience,
    ChangeKind,
    Channel,
    Delivery,
    DeliveryStatus,
    LeasedDelivery,
    Notice,
    NoticeKind,
    NoticeText,
    PolicyChange,
    PrivacyPolicy,
    ReceivedNotice,
    Recipient,
    Shutdown,
    ShutdownPhase,
)

_KINDS = {
    wire.NOTICE_KIND_INCIDENT: NoticeKind.INCIDENT,
    wire.NOTICE_KIND_POLICY_CHANGE: NoticeKind.POLICY_CHANGE,
    wire.NOTICE_KIND_SHUTDOWN: NoticeKind.SHUTDOWN,
    wire.NOTICE_KIND_OTHER: NoticeKind.OTHER,
}
_KINDS_TO_WIRE = {kind: number for number, kind in _KINDS.items()}
_CHANNELS_TO_WIRE = {
    Channel.WEBHOOK: wire.DELIVERY_CHANNEL_WEBHOOK,
    Channel.EMAIL: wire.DELIVERY_CHANNEL_EMAIL,
}
_STATUSES_TO_WIRE = {
    DeliveryStatus.PENDING: wire.DELIVERY_STATUS_PENDING,
    DeliveryStatus.SENT: wire.DELIVERY_STATUS_SENT,
    DeliveryStatus.FAILED: wire.DELIVERY_STATUS_FAILED,
}
_CHANGES = {
    standing_wire.CHANGE_KIND_PURPOSE: ChangeKind.PURPOSE,
    standing_wire.CHANGE_KIND_MEANS: ChangeKind.MEANS,
    standing_wire.CHANGE_KIND_KIND_OF_DATA: ChangeKind.KIND_OF_DATA,
    standing_wire.CHANGE_KIND_OTHER: ChangeKind.OTHER,
}
_CHANGES_TO_WIRE = {kind: number for number, kind in _CHANGES.items()}
_PHASES_TO_WIRE = {
    ShutdownPhase.ANNOUNCED: standing_wire.SHUTDOWN_PHASE_ANNOUNCED,
    ShutdownPhase.STOPPED: standing_wire.SHUTDOWN_PHASE_STOPPED,
    ShutdownPhase.ERASING: standing_wire.SHUTDOWN_PHASE_ERASING,
}


def moment(message: Timestamp) -> datetime:
    """A point in time."""
    return message.ToDatetime(tzinfo=UTC)


def optional_moment(message: Message, field: str) -> datetime | None:
    """A point in time that may be missing."""
    return moment(getattr(message, field)) if message.HasField(field) else None


def notice_kind(number: wire.NoticeKind.ValueType) -> NoticeKind:
    """What a notice is about. Raises InvalidInput."""
    if number not in _KINDS:
        raise InvalidInput("a notice is of a kind")
    return _KINDS[number]


def notice_texts(texts: Mapping[str, wire.NoticeText]) -> dict[str, NoticeText]:
    """A notice in its languages."""
    return {
        language: NoticeText(
            title=text.title,
            situation=text.situation,
            impact=text.impact,
            measures=text.measures,
            remedies=text.remedies,
            contact=text.contact,
        )
        for language, text in texts.items()
    }


def audience(message: wire.Audience) -> Audience:
    """Whom a notice is for."""
    return Audience(
        tuple(message.account_ids),
        optional_moment(message, "active_from"),
        optional_moment(message, "active_until"),
    )


def notice_to_wire(notice: Notice) -> wire.Notice:
    """A notice."""
    return wire.Notice(
        id=notice.id,
        kind=_KINDS_TO_WIRE[notice.kind],
        texts={
            language: wire.NoticeText(**asdict(text)) for language, text in notice.texts.items()
        },
        sent_by=notice.sent_by,
        sent_at=time_to_wire(notice.sent_at),
    )


def received_to_wire(received: ReceivedNotice) -> wire.ReceivedNotice:
    """A notice as an account has it."""
    return wire.ReceivedNotice(
        notice=notice_to_wire(received.notice),
        read_at=time_to_wire(received.read_at),
        read_by=received.read_by,
    )


def recipient_to_wire(recipient: Recipient) -> wire.Recipient:
    """An account that a notice was for."""
    return wire.Recipient(account_id=recipient.account_id, read_at=time_to_wire(recipient.read_at))


def delivery_to_wire(delivery: Delivery) -> wire.Delivery:
    """How a notice went to one account."""
    return wire.Delivery(
        account_id=delivery.account_id,
        channel=_CHANNELS_TO_WIRE[delivery.channel],
        status=_STATUSES_TO_WIRE[delivery.status],
        attempts=delivery.attempts,
        outcome=delivery.outcome,
        finished_at=time_to_wire(delivery.finished_at),
    )


def leased_to_wire(leased: LeasedDelivery) -> wire.LeasedDelivery:
    """One delivery that is due."""
    return wire.LeasedDelivery(
        id=leased.id,
        account_id=leased.account_id,
        channel=_CHANNELS_TO_WIRE[leased.channel],
        addresses=leased.addresses,
        notice=notice_to_wire(leased.notice),
        attempts=leased.attempts,
        webhook_secret=leased.webhook_secret,
    )


def policy_change(message: standing_wire.PolicyChange) -> PolicyChange:
    """What one version changes. Raises InvalidInput."""
    if message.kind not in _CHANGES:
        raise InvalidInput("a change is of a kind")
    return PolicyChange(_CHANGES[message.kind], dict(message.summaries))


def policy_to_wire(policy: PrivacyPolicy) -> standing_wire.PrivacyPolicy:
    """One version of the privacy policy."""
    changes = [
        standing_wire.PolicyChange(kind=_CHANGES_TO_WIRE[change.kind], summaries=change.summaries)
        for change in policy.changes
    ]
    return standing_wire.PrivacyPolicy(
        version=policy.version,
        texts=policy.texts,
        sha256=policy.sha256,
        changes=changes,
        material=policy.material,
        effective_at=time_to_wire(policy.effective_at),
        published_at=time_to_wire(policy.published_at),
        published_by=policy.published_by,
    )


def acceptance_to_wire(acceptance: Acceptance) -> standing_wire.Acceptance:
    """That an account accepted a version."""
    return standing_wire.Acceptance(
        version=acceptance.version,
        accepted_by=acceptance.accepted_by,
        accepted_at=time_to_wire(acceptance.accepted_at),
    )


def shutdown_to_wire(shutdown: Shutdown) -> standing_wire.Shutdown:
    """The end of the service."""
    return standing_wire.Shutdown(
        phase=_PHASES_TO_WIRE[shutdown.phase],
        stop_at=time_to_wire(shutdown.stop_at),
        erase_at=time_to_wire(shutdown.erase_at),
        planned_by=shutdown.planned_by,
    )
