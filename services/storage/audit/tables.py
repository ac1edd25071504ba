"""The tables of the audit; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from services.storage.catalog.tables import UtcTime, metadata

# No foreign keys: chains outlive their accounts, and the operator's, "", is of none.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index(None, "account_id", "at"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("account_id", Text, primary_key=True),
    # The last entry's.
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    # Where the chain begins, once its oldest entries were deleted.
    Column("anchor", Text),
    Column("anchor_signature", LargeBinary),
    Column("anchor_seq", BigInteger, nullable=False),
    # How far it is signed.
    Column("checkpoint", Text),
    Column("checkpoint_signature", LargeBinary),
    Column("checkpoint_seq", BigInteger, nullable=False),
)

operator_accesses = Table(
    "operator_accesses",
    metadata,
    Column("id", Text, primary_key=True),
    # Not a foreign key: what an operator did outlives the account.
    Column("account_id", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("case", Text, nullable=False),
    Column("legal_paper", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("notice_at", UtcTime, nullable=False, index=True),
    Column("told_at", UtcTime),
    Index(None, "account_id", "id"),
)
