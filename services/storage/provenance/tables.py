"""The tables of provenance; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from services.storage.catalog.tables import UtcTime, account_column, metadata

unlabelled_agreements = Table(
    "unlabelled_agreements",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("version", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("accepted_by", Text, nullable=False),
    Column("accepted_at", UtcTime, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("ended_at", UtcTime),
    Index(None, "account_id", "id"),
)

unlabelled_outputs = Table(
    "unlabelled_outputs",
    metadata,
    # A video or a stream. Not a foreign key: the record outlives it.
    Column("output_id", Text, primary_key=True),
    account_column(),
    Column("agreement_id", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "account_id", "output_id"),
)
