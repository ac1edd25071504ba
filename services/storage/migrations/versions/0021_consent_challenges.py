"""Challenges: what a person reads on camera to consent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "consent_challenges",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("purposes", sa.JSON, nullable=False),
        sa.Column("given_by", sa.Text, nullable=False),
        sa.Column("attested_by", sa.Text, nullable=False),
        sa.Column("asset_id", sa.Text, nullable=False),
        sa.Column("valid_until", _TIME),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("phrase", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("recording", sa.Text),
        sa.Column("checks", sa.JSON, nullable=False),
        sa.Column("consent_id", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consent_challenges"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_consent_challenges_account_id"
        ),
    )
    for columns in (["subject_id"], ["expires_at"], ["account_id", "id"]):
        name = f"ix_consent_challenges_{'_'.join(columns)}"
        op.create_index(name, "consent_challenges", columns)
