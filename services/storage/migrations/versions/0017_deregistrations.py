"""The ends of accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("accounts", sa.Column("erases_at", _TIME))
    op.add_column("accounts", sa.Column("erased_at", _TIME))
    op.create_table(
        "deregistrations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("receipt_sha256", sa.Text, nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("erases_at", _TIME, nullable=False),
        sa.Column("cancelled_at", _TIME),
        sa.Column("erased_at", _TIME),
        sa.Column("erased", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_deregistrations"),
        sa.UniqueConstraint("receipt_sha256", name="uq_deregistrations_receipt_sha256"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_deregistrations_account_id"
        ),
    )
    op.create_index("ix_deregistrations_erases_at", "deregistrations", ["erases_at"])
    op.create_index("ix_deregistrations_account_id_id", "deregistrations", ["account_id", "id"])
