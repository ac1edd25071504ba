"""When operators opened media, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "operator_accesses",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("case", sa.Text, nullable=False),
        sa.Column("legal_paper", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("notice_at", _TIME, nullable=False),
        sa.Column("told_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_operator_accesses"),
    )
    op.create_index("ix_operator_accesses_account_id_id", "operator_accesses", ["account_id", "id"])
    op.create_index("ix_operator_accesses_notice_at", "operator_accesses", ["notice_at"])
