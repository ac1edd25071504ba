"""The tables of the sweeper; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Table, Text

from services.storage.catalog.tables import UtcTime, metadata

# One row: whose turn it is.
sweeper_turns = Table(
    "sweeper_turns",
    metadata,
    Column("name", Text, primary_key=True),
    Column("due_at", UtcTime, nullable=False),
    Column("holder", Text),
    Column("held_until", UtcTime),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("report", JSON, nullable=False),
)
