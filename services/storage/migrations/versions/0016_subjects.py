"""The people behind faces and voices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "subjects",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("name_index", sa.Text),
        sa.Column("reference_index", sa.Text),
        sa.Column("minor", sa.Boolean, nullable=False),
        sa.Column("guarded", sa.Boolean, nullable=False),
        sa.Column("finding", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("erased_at", _TIME),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_subjects_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subjects"),
        sa.UniqueConstraint("account_id", "reference_index", name="uq_subjects_account_id"),
    )
    op.create_index("ix_subjects_account_id_id", "subjects", ["account_id", "id"])
    op.create_index("ix_subjects_account_id_name_index", "subjects", ["account_id", "name_index"])
    # The defaults: replicas of the version before go on recording consents.
    op.add_column("consents", sa.Column("subject_id", sa.Text))
    for name, default in (("given_by", "subject"), ("evidence", "attestation")):
        op.add_column("consents", sa.Column(name, sa.Text, nullable=False, server_default=default))
    op.add_column("consents", sa.Column("checks", sa.JSON, nullable=False, server_default="[]"))
    op.add_column(
        "consents", sa.Column("policy_version", sa.Text, nullable=False, server_default="")
    )
    op.add_column("consents", sa.Column("recording", sa.Text))
    op.add_column("consents", sa.Column("speaker", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_consents_subject_id", "consents", ["subject_id"])
