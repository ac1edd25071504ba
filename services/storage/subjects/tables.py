"""The tables of the people behind faces and voices; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, Text, UniqueConstraint

from services.storage.catalog.tables import Sealed, UtcTime, account_column, metadata

subjects = Table(
    "subjects",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    # Everything personal, as JSON; empty once the person is erased.
    Column("details", Sealed, nullable=False),
    Column("name_index", Text),
    Column("reference_index", Text),
    Column("minor", Boolean, nullable=False),
    # Whether a guardian has consented.
    Column("guarded", Boolean, nullable=False),
    # Who found a minor in them, and why, as JSON; empty: nobody did.
    Column("finding", Sealed, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("erased_at", UtcTime),
    UniqueConstraint("account_id", "reference_index"),
    Index(None, "account_id", "name_index"),
    Index(None, "account_id", "id"),
)
