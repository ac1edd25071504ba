"""The tables of the first version."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "accounts",
        _text("id"),
        _text("name"),
        _text("webhook_secret"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    _create_owned_table("api_keys", *_key_columns())
    _create_owned_table("assets", *_asset_columns())
    _create_owned_table("avatars", *_avatar_columns())
    _create_owned_table("videos", *_video_columns())
    for table in ("avatars", "videos"):
        op.create_index(f"ix_{table}_status_id", table, ["status", "id"])
    op.create_table(
        "idempotency_keys",
        _text("account_id"),
        _text("key"),
        _text("request_sha256"),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.Text),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key", name="pk_idempotency_keys"),
        _owner("idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])
    op.create_table(
        "erasures",
        _text("id"),
        _text("object"),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_erasures"),
    )
    for column in ("object", "due_at"):
        op.create_index(f"ix_erasures_{column}", "erasures", [column])


def _key_columns() -> tuple[sa.Column[Any] | sa.UniqueConstraint, ...]:
    return (
        _text("name"),
        _text("prefix"),
        _text("secret_sha256"),
        sa.Column("last_used_at", _TIME),
        sa.Column("revoked_at", _TIME),
        sa.UniqueConstraint("secret_sha256", name="uq_api_keys_secret_sha256"),
    )


def _asset_columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("kind", sa.String(16), nullable=False),
        _text("content_type"),
        _text("file_name"),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        _text("sha256"),
        sa.Column("duration_s", sa.Float),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        _text("object"),
        sa.Column("picture", sa.Text),
    )


def _avatar_columns() -> tuple[sa.Column[Any], ...]:
    return (
        _text("kind"),
        _text("name"),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        _text("asset_id"),
        sa.Column("owns_asset", sa.Boolean, nullable=False),
        _text("portrait"),
        _text("pack"),
        _text("preview"),
        sa.Column("attested_at", _TIME, nullable=False),
    )


def _video_columns() -> tuple[sa.Column[Any], ...]:
    return (
        _text("avatar_id"),
        sa.Column("text", sa.Text),
        sa.Column("audio_asset_id", sa.Text),
        _text("voice_id"),
        sa.Column("speed", sa.Float, nullable=False),
        sa.Column("asked_width", sa.Integer, nullable=False),
        sa.Column("asked_height", sa.Integer, nullable=False),
        sa.Column("fps", sa.Integer, nullable=False),
        sa.Column("subtitles", sa.Boolean, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("duration_s", sa.Float),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("error", sa.JSON),
        sa.Column("metadata", sa.JSON, nullable=False),
        _text("webhook_url"),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("content", sa.Text),
        sa.Column("words", sa.Text),
        sa.Column("lease_holder", sa.Text),
        sa.Column("leased_until", _TIME),
        sa.Column("moved_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("finished_at", _TIME),
        sa.Column("deleted_at", _TIME),
    )


def _create_owned_table(name: str, *parts: sa.Column[Any] | sa.UniqueConstraint) -> None:
    op.create_table(
        name,
        _text("id"),
        _text("account_id"),
        *parts,
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        _owner(name),
    )
    op.create_index(f"ix_{name}_account_id_id", name, ["account_id", "id"])


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False)


def _owner(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=f"fk_{table}_account_id")
