"""What the operator tells accounts, what accounts accept, and the service's end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _notices()
    _deliveries()
    _policies()
    op.create_table(
        "shutdowns",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("stop_at", _TIME, nullable=False),
        sa.Column("erase_at", _TIME, nullable=False),
        sa.Column("planned_by", sa.Text, nullable=False),
        sa.Column("stopped_at", _TIME),
        sa.Column("erasing_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_shutdowns"),
    )


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("texts", sa.JSON, nullable=False),
        sa.Column("sent_by", sa.Text, nullable=False),
        sa.Column("sent_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_table(
        "notice_recipients",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("notice_id", sa.Text, nullable=False),
        sa.Column("read_at", _TIME),
        sa.Column("read_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "notice_id", name="pk_notice_recipients"),
        _account("notice_recipients"),
        _notice("notice_recipients"),
    )
    op.create_index("ix_notice_recipients_notice_id", "notice_recipients", ["notice_id"])
    op.create_table(
        "notice_webhooks",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_notice_webhooks"),
        _account("notice_webhooks"),
    )


def _deliveries() -> None:
    op.create_table(
        "notice_deliveries",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("notice_id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_notice_deliveries"),
        sa.UniqueConstraint(
            "notice_id", "account_id", "channel", name="uq_notice_deliveries_notice_id"
        ),
        _account("notice_deliveries"),
        _notice("notice_deliveries"),
    )
    for columns in (["status", "due_at"], ["account_id", "id"]):
        name = f"ix_notice_deliveries_{'_'.join(columns)}"
        op.create_index(name, "notice_deliveries", columns)


def _policies() -> None:
    op.create_table(
        "privacy_policies",
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("texts", sa.JSON, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("material", sa.Boolean, nullable=False),
        sa.Column("effective_at", _TIME, nullable=False),
        sa.Column("published_at", _TIME, nullable=False),
        sa.Column("published_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_privacy_policies"),
        sa.UniqueConstraint("effective_at", name="uq_privacy_policies_effective_at"),
    )
    op.create_table(
        "policy_acceptances",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("accepted_by", sa.Text, nullable=False),
        sa.Column("accepted_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "version", name="pk_policy_acceptances"),
        _account("policy_acceptances"),
        sa.ForeignKeyConstraint(
            ["version"], ["privacy_policies.version"], name="fk_policy_acceptances_version"
        ),
    )


def _account(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=f"fk_{table}_account_id")


def _notice(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=f"fk_{table}_notice_id")
