"""Manifests beside videos that can't hold them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "sidecar_manifests",
        sa.Column("video_id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("manifest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("video_id", name="pk_sidecar_manifests"),
        sa.ForeignKeyConstraint(
            ["video_id"], ["videos.id"], name="fk_sidecar_manifests_video_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_sidecar_manifests_account_id"
        ),
    )
    op.create_index(
        "ix_sidecar_manifests_account_id_video_id", "sidecar_manifests", ["account_id", "video_id"]
    )
