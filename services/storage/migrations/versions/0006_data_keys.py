"""The keys that personal data are encrypted with, one for each account and person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "data_keys",
        sa.Column("owner_id", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("erased_at", _TIME),
        sa.PrimaryKeyConstraint("owner_id", name="pk_data_keys"),
    )
