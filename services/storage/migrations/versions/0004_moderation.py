"""How accounts want their content judged, and what people decided about single contents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _policies()
    _reviews()
    _decisions()
    # Nullable, so that replicas of the version before go on recording videos and avatars.
    for table in ("videos", "avatars"):
        op.add_column(table, sa.Column("review_id", sa.Text))
        op.create_index(f"ix_{table}_review_id", table, ["review_id"])


def _policies() -> None:
    op.create_table(
        "policies",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "version", name="pk_policies"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_policies_account_id"),
    )


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("content_sha256", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("asset_id", sa.Text, nullable=False),
        sa.Column("owns_asset", sa.Boolean, nullable=False),
        sa.Column("verdict", sa.JSON, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("otherwise", sa.String(16), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME),
        sa.Column("for_training", sa.Boolean, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_reviews_account_id"),
        sa.UniqueConstraint("account_id", "content_sha256", name="uq_reviews_account_id"),
    )
    op.create_index("ix_reviews_account_id_id", "reviews", ["account_id", "id"])
    op.create_index("ix_reviews_due_at", "reviews", ["due_at"])


def _decisions() -> None:
    op.create_table(
        "review_decisions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("review_id", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("decided_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_review_decisions"),
        sa.ForeignKeyConstraint(
            ["review_id"], ["reviews.id"], name="fk_review_decisions_review_id"
        ),
    )
    op.create_index("ix_review_decisions_review_id", "review_decisions", ["review_id"])
