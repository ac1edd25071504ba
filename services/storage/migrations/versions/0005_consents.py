"""Who allowed which use of which face."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("purposes", sa.JSON, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("attested_by", sa.Text, nullable=False),
        sa.Column("valid_from", _TIME, nullable=False),
        sa.Column("valid_until", _TIME),
        sa.Column("ended_at", _TIME),
        sa.Column("end_reason", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("erased", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_consents_account_id"),
    )
    op.create_index("ix_consents_account_id_id", "consents", ["account_id", "id"])
    op.create_index("ix_consents_valid_until", "consents", ["valid_until"])
    # Nullable: avatars that are older than the ledger, and replicas of the version before.
    op.add_column("avatars", sa.Column("consent_id", sa.Text))
    op.create_index("ix_avatars_consent_id", "avatars", ["consent_id"])
