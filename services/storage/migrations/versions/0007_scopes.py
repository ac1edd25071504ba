"""What kinds of accounts there are, and what a key may do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    # The defaults: keys that were made before may do what they could, and replicas of the version
    # before go on making such.
    op.add_column(
        "accounts", sa.Column("kind", sa.String(16), nullable=False, server_default="enterprise")
    )
    op.add_column("api_keys", sa.Column("scopes", sa.JSON, nullable=False, server_default='["*"]'))
    op.add_column("api_keys", sa.Column("expires_at", _TIME))
    op.add_column("api_keys", sa.Column("rotated_sha256", sa.Text))
    op.add_column("api_keys", sa.Column("rotated_until", _TIME))
    op.add_column(
        "api_keys", sa.Column("created_by", sa.Text, nullable=False, server_default="operator")
    )
    op.create_index("ix_api_keys_rotated_sha256", "api_keys", ["rotated_sha256"], unique=True)
