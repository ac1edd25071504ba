"""How faces and scenes of videos and streams are to look."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Nullable, so that replicas of the version before go on recording videos and streams.
    for table in ("videos", "streams"):
        op.add_column(table, sa.Column("look", sa.JSON))
