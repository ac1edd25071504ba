"""Whose turn it is to sweep, and what sweeps took away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "sweeper_turns",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("held_until", _TIME),
        sa.PrimaryKeyConstraint("name", name="pk_sweeper_turns"),
    )
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sweeps"),
    )
    op.create_index("ix_sweeps_at", "sweeps", ["at"])
