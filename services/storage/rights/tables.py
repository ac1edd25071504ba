"""The tables of people's requests; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)

from services.storage.catalog.tables import Ref, Sealed, UtcTime, account_column, metadata, one_of
from services.storage.rights.records import About, RequestKind, RequestState

privacy_requests = Table(
    "privacy_requests",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("kind", one_of(RequestKind), nullable=False),
    Column("about", one_of(About), nullable=False),
    # Not a foreign key: what was asked outlives what it was asked about.
    Column("consent_id", Text, nullable=False),
    Column("details", Sealed, nullable=False),
    # JSON; empty once they are in their places.
    Column("corrections", Sealed, nullable=False),
    Column("identity_statement", Sealed, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("state", one_of(RequestState), nullable=False),
    Column("held", Boolean, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reminded", Text, nullable=False),
    Column("report", JSON(none_as_null=True)),
    Column("archive", Ref),
    Column("archive_size_bytes", BigInteger),
    Column("archive_sha256", Text),
    Column("archive_until", UtcTime),
    Column("resume_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("opened_at", UtcTime),
    Column("due_at", UtcTime),
    Column("ended_at", UtcTime),
    Index(None, "account_id", "id"),
    Index(None, "state", "due_at"),
)

privacy_request_steps = Table(
    "privacy_request_steps",
    metadata,
    Column("id", Text, primary_key=True),
    Column("request_id", Text, ForeignKey("privacy_requests.id"), nullable=False, index=True),
    Column("state", one_of(RequestState), nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False),
    # What was there before a correction.
    Column("before", Sealed, nullable=False),
    Column("at", UtcTime, nullable=False),
)

restrictions = Table(
    "restrictions",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    # Empty: all of the account.
    Column("consent_id", Text, primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
)
