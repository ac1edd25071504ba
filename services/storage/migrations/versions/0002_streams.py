"""Live streams, and videos that are made of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "streams",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("avatar_id", sa.Text, nullable=False),
        sa.Column("voice_id", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("fps", sa.Integer, nullable=False),
        sa.Column("idle_timeout_s", sa.Integer, nullable=False),
        sa.Column("max_duration_s", sa.Integer, nullable=False),
        sa.Column("record", sa.Boolean, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recording_video_id", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("live_at", _TIME),
        sa.Column("ended_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_streams"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_streams_account_id"),
    )
    op.create_index("ix_streams_account_id_id", "streams", ["account_id", "id"])
    op.create_index("ix_streams_status_id", "streams", ["status", "id"])
    # Nullable, so that replicas of the version before go on recording videos.
    op.add_column("videos", sa.Column("stream_id", sa.Text))
