"""Fingerprints of videos, so that copies are known again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "fingerprints",
        sa.Column("video_id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("shapes", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("video_id", name="pk_fingerprints"),
        sa.ForeignKeyConstraint(
            ["video_id"], ["videos.id"], name="fk_fingerprints_video_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_fingerprints_account_id"),
    )
    op.create_index(
        "ix_fingerprints_account_id_video_id", "fingerprints", ["account_id", "video_id"]
    )
    op.create_table(
        "fingerprint_landmarks",
        sa.Column("value", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("video_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("value", "video_id", "position", name="pk_fingerprint_landmarks"),
        sa.ForeignKeyConstraint(
            ["video_id"],
            ["fingerprints.video_id"],
            name="fk_fingerprint_landmarks_video_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_fingerprint_landmarks_video_id", "fingerprint_landmarks", ["video_id"])
