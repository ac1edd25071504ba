"""The tables of provenance; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

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


def _gone_with(column: str) -> ForeignKey:
    return ForeignKey(column, ondelete="CASCADE")


fingerprints = Table(
    "fingerprints",
    metadata,
    Column("video_id", Text, _gone_with("videos.id"), primary_key=True),
    account_column(),
    # Of its pictures: time in seconds, and 64 bits, hex.
    Column("shapes", JSON, nullable=False),
    Index(None, "account_id", "video_id"),
)

fingerprint_landmarks = Table(
    "fingerprint_landmarks",
    metadata,
    # Of its sound, and where in it.
    Column("value", Integer, primary_key=True, autoincrement=False),
    Column("video_id", Text, _gone_with("fingerprints.video_id"), primary_key=True, index=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
)

sidecar_manifests = Table(
    "sidecar_manifests",
    metadata,
    Column("video_id", Text, _gone_with("videos.id"), primary_key=True),
    account_column(),
    Column("manifest", LargeBinary, nullable=False),
    Index(None, "account_id", "video_id"),
)
