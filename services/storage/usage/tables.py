"""The tables of what is used; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Table, Text

from services.storage.catalog.tables import UtcTime, account_column, metadata, one_of
from services.storage.usage.records import QuotaName, UsageKind


def _owner() -> Column[str]:
    return Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True)


usage_days = Table(
    "usage_days",
    metadata,
    _owner(),
    Column("day", Date, primary_key=True),
    Column("kind", one_of(UsageKind), primary_key=True),
    Column("quantity", BigInteger, nullable=False),
)

# What has been counted, so that it is counted once, however often it is told.
usage_entries = Table(
    "usage_entries",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("recorded_at", UtcTime, nullable=False, index=True),
)

quotas = Table(
    "quotas",
    metadata,
    _owner(),
    Column("name", one_of(QuotaName), primary_key=True),
    # Null: the account has no such limit, whatever others have.
    Column("most", BigInteger),
)
