"""The tables of notices, privacy policies and the service's end; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from services.storage.catalog.tables import Sealed, UtcTime, account_column, metadata, one_of
from services.storage.notices.records import Channel, DeliveryStatus, NoticeKind

notices = Table(
    "notices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", one_of(NoticeKind), nullable=False),
    Column("texts", JSON, nullable=False),
    Column("sent_by", Text, nullable=False),
    Column("sent_at", UtcTime, nullable=False),
)

notice_recipients = Table(
    "notice_recipients",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("notice_id", Text, ForeignKey("notices.id"), primary_key=True, index=True),
    Column("read_at", UtcTime),
    Column("read_by", Text, nullable=False),
)

notice_deliveries = Table(
    "notice_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("notice_id", Text, ForeignKey("notices.id"), nullable=False),
    account_column(),
    Column("channel", one_of(Channel), nullable=False),
    Column("status", one_of(DeliveryStatus), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    UniqueConstraint("notice_id", "account_id", "channel"),
    Index(None, "status", "due_at"),
    Index(None, "account_id", "id"),
)

notice_webhooks = Table(
    "notice_webhooks",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    # Addresses bear secrets.
    Column("url", Sealed, nullable=False),
)

privacy_policies = Table(
    "privacy_policies",
    metadata,
    Column("version", Text, primary_key=True),
    Column("texts", JSON, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("material", Boolean, nullable=False),
    Column("effective_at", UtcTime, nullable=False, unique=True),
    Column("published_at", UtcTime, nullable=False),
    Column("published_by", Text, nullable=False),
)

policy_acceptances = Table(
    "policy_acceptances",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("version", Text, ForeignKey("privacy_policies.version"), primary_key=True),
    Column("accepted_by", Text, nullable=False),
    Column("accepted_at", UtcTime, nullable=False),
)

shutdowns = Table(
    "shutdowns",
    metadata,
    # One row at most: the service ends once.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("stop_at", UtcTime, nullable=False),
    Column("erase_at", UtcTime, nullable=False),
    Column("planned_by", Text, nullable=False),
    Column("stopped_at", UtcTime),
    Column("erasing_at", UtcTime),
)
