"""Agreements for pictures without the visible mark, and what was made under them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "unlabelled_agreements",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("accepted_by", sa.Text, nullable=False),
        sa.Column("accepted_at", _TIME, nullable=False),
        sa.Column("ended_by", sa.Text, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_unlabelled_agreements"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_unlabelled_agreements_account_id"
        ),
    )
    op.create_index(
        "ix_unlabelled_agreements_account_id_id", "unlabelled_agreements", ["account_id", "id"]
    )
    op.create_table(
        "unlabelled_outputs",
        sa.Column("output_id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("agreement_id", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("output_id", name="pk_unlabelled_outputs"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_unlabelled_outputs_account_id"
        ),
    )
    op.create_index(
        "ix_unlabelled_outputs_account_id_output_id",
        "unlabelled_outputs",
        ["account_id", "output_id"],
    )
