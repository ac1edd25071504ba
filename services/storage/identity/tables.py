"""The tables of who there is; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, Table, Text

from services.storage.catalog.tables import UtcTime, account_column, metadata, one_of
from services.storage.identity.records import AccountKind

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("webhook_secret", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("kind", one_of(AccountKind), nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("secret_sha256", Text, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("last_used_at", UtcTime),
    Column("revoked_at", UtcTime),
    Column("scopes", JSON, nullable=False),
    Column("expires_at", UtcTime),
    # The secret before the present one, and until when it is good.
    Column("rotated_sha256", Text, unique=True, index=True),
    Column("rotated_until", UtcTime),
    Column("created_by", Text, nullable=False),
    Index(None, "account_id", "id"),
)
