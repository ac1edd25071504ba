"""What is used, and how much of it may be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "usage_days",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "day", "kind", name="pk_usage_days"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_usage_days_account_id"),
    )
    op.create_table(
        "usage_entries",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_usage_entries"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_usage_entries_account_id"
        ),
    )
    op.create_index("ix_usage_entries_recorded_at", "usage_entries", ["recorded_at"])
    op.create_table(
        "quotas",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("most", sa.BigInteger),
        sa.PrimaryKeyConstraint("account_id", "name", name="pk_quotas"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_quotas_account_id"),
    )
