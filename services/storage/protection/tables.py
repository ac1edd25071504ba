"""The table of data keys; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, Table, Text

from services.storage.catalog.tables import UtcTime, metadata

data_keys = Table(
    "data_keys",
    metadata,
    # Not a foreign key: accounts and people own keys, and an erased key outlives its owner.
    Column("owner_id", Text, primary_key=True),
    Column("wrapped", LargeBinary),
    Column("created_at", UtcTime, nullable=False),
    Column("erased_at", UtcTime),
)
