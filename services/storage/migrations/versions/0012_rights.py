"""What people ask about their data, and what may not be used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "privacy_requests",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("about", sa.String(16), nullable=False),
        sa.Column("consent_id", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("corrections", sa.Text, nullable=False),
        sa.Column("identity_statement", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("reminded", sa.Text, nullable=False),
        sa.Column("report", sa.JSON),
        sa.Column("archive", sa.Text),
        sa.Column("archive_size_bytes", sa.BigInteger),
        sa.Column("archive_sha256", sa.Text),
        sa.Column("archive_until", _TIME),
        sa.Column("resume_at", _TIME),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("opened_at", _TIME),
        sa.Column("due_at", _TIME),
        sa.Column("ended_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_privacy_requests"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_privacy_requests_account_id"
        ),
    )
    op.create_index("ix_privacy_requests_account_id_id", "privacy_requests", ["account_id", "id"])
    op.create_index("ix_privacy_requests_state_due_at", "privacy_requests", ["state", "due_at"])
    _create_steps()
    _create_restrictions()


def _create_steps() -> None:
    op.create_table(
        "privacy_request_steps",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_privacy_request_steps"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["privacy_requests.id"], name="fk_privacy_request_steps_request_id"
        ),
    )
    op.create_index("ix_privacy_request_steps_request_id", "privacy_request_steps", ["request_id"])


def _create_restrictions() -> None:
    op.create_table(
        "restrictions",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("consent_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "consent_id", name="pk_restrictions"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_restrictions_account_id"),
    )
