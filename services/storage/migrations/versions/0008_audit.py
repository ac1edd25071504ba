"""Who did what: the chains of the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TIME = sa.DateTime(timezone=True)
_TEXTS = (
    "actor",
    "actor_kind",
    "action",
    "target",
    "outcome",
    "reason",
    "request_id",
    "address",
    "previous_hash",
    "hash",
)


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        sa.PrimaryKeyConstraint("account_id", "seq", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_account_id_at", "audit_entries", ["account_id", "at"])
    op.create_table(
        "audit_heads",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("anchor", sa.Text),
        sa.Column("anchor_signature", sa.LargeBinary),
        sa.Column("anchor_seq", sa.BigInteger, nullable=False),
        sa.Column("checkpoint", sa.Text),
        sa.Column("checkpoint_signature", sa.LargeBinary),
        sa.Column("checkpoint_seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_audit_heads"),
    )
