"""The table of challenges; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, Integer, Table, Text

from services.storage.catalog.tables import Ref, Sealed, UtcTime, account_column, metadata

consent_challenges = Table(
    "consent_challenges",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("subject_id", Text, nullable=False, index=True),
    Column("purposes", JSON, nullable=False),
    Column("given_by", Text, nullable=False),
    Column("attested_by", Text, nullable=False),
    # Whose face it has to be; empty: nobody's in particular.
    Column("asset_id", Text, nullable=False),
    Column("valid_until", UtcTime),
    Column("language", Text, nullable=False),
    # What is to be read, as JSON.
    Column("phrase", Sealed, nullable=False),
    Column("tries", Integer, nullable=False),
    # What is being checked now.
    Column("recording", Ref),
    # What was found last, until it was enough.
    Column("checks", JSON, nullable=False),
    # Empty: it is not met yet.
    Column("consent_id", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Index(None, "account_id", "id"),
)
