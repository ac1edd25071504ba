"""The tables of the catalog; every change needs a migration."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from services.storage.catalog.records import (
    AssetKind,
    AvatarStatus,
    Problem,
    ReviewKind,
    ReviewStatus,
    StreamStatus,
    VideoStatus,
)
from services.storage.refs import ObjectRef

_STATUS_LENGTH = 16
SEAL = "\x1f1:"
"""What sealed texts begin with: a character that no text of ours may hold, and the version."""


class UtcTime(TypeDecorator[datetime]):
    """A point in time, always with its zone, also where the database keeps none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """As the database takes it."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """As Python knows it."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Sealed(TypeDecorator[str]):
    """A text that only `Transaction.seal` makes and `Transaction.unseal` reads.

    Nothing else can be bound to it but nothing; rows from before there was encryption hold it in
    the clear.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """As the database takes it."""
        if value and not value.startswith(SEAL):
            raise TypeError("a text that is to be sealed was not")
        return value


class Ref(TypeDecorator[ObjectRef]):
    """Where an object lies, as `bucket/key`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: ObjectRef | None, dialect: Dialect) -> str | None:
        """As the database takes it."""
        return f"{value.bucket}/{value.key}" if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> ObjectRef | None:
        """As Python knows it."""
        return ObjectRef(*value.split("/", 1)) if value else None


class Trouble(TypeDecorator[Problem]):
    """Why something ended badly, as JSON."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Problem | None, dialect: Dialect) -> Any:
        """As the database takes it."""
        return asdict(value) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> Problem | None:
        """As Python knows it."""
        return Problem(**value | {"categories": tuple(value["categories"])}) if value else None


def one_of(kind: type[StrEnum]) -> Enum:
    """A column's type: one of these words."""
    return Enum(
        kind,
        native_enum=False,
        length=_STATUS_LENGTH,
        values_callable=lambda members: [member.value for member in members],
    )


def account_column() -> Column[Any]:
    """Whose the row is."""
    return Column("account_id", Text, ForeignKey("accounts.id"), nullable=False)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

assets = Table(
    "assets",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("kind", one_of(AssetKind), nullable=False),
    Column("content_type", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("duration_s", Float),
    Column("width", Integer),
    Column("height", Integer),
    Column("object", Ref, nullable=False),
    Column("picture", Ref),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "account_id", "id"),
)

avatars = Table(
    "avatars",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", one_of(AvatarStatus), nullable=False),
    Column("error", Trouble),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    # Not a foreign key: a ready avatar does without the upload that it was made from.
    Column("asset_id", Text, nullable=False),
    Column("owns_asset", Boolean, nullable=False),
    Column("portrait", Ref, nullable=False),
    Column("pack", Ref, nullable=False),
    Column("preview", Ref, nullable=False),
    Column("attested_at", UtcTime, nullable=False),
    # Not foreign keys: replicas of the version before know nothing of reviews and consents.
    Column("review_id", Text, index=True),
    Column("consent_id", Text, index=True),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "account_id", "id"),
    Index(None, "status", "id"),
)

videos = Table(
    "videos",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    # Not foreign keys: a video outlives what it was made from.
    Column("avatar_id", Text, nullable=False),
    Column("text", Sealed),
    Column("audio_asset_id", Text),
    Column("stream_id", Text),
    Column("voice_id", Text, nullable=False),
    Column("speed", Float, nullable=False),
    Column("asked_width", Integer, nullable=False),
    Column("asked_height", Integer, nullable=False),
    Column("fps", Integer, nullable=False),
    Column("subtitles", Boolean, nullable=False),
    Column("look", JSON),
    Column("review_id", Text, index=True),
    Column("status", one_of(VideoStatus), nullable=False),
    Column("progress", Float, nullable=False),
    Column("duration_s", Float),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size_bytes", BigInteger),
    Column("error", Trouble),
    Column("metadata", JSON, nullable=False),
    Column("webhook_url", Text, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("content", Ref),
    Column("words", Ref),
    Column("lease_holder", Text),
    Column("leased_until", UtcTime),
    Column("moved_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("deleted_at", UtcTime),
    Index(None, "account_id", "id"),
    Index(None, "status", "id"),
)

streams = Table(
    "streams",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    # Not a foreign key: the record of a stream outlives its avatar.
    Column("avatar_id", Text, nullable=False),
    Column("voice_id", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("fps", Integer, nullable=False),
    Column("idle_timeout_s", Integer, nullable=False),
    Column("max_duration_s", Integer, nullable=False),
    Column("record", Boolean, nullable=False),
    Column("look", JSON),
    Column("status", one_of(StreamStatus), nullable=False),
    Column("reason", Text, nullable=False),
    Column("recording_video_id", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("live_at", UtcTime),
    Column("ended_at", UtcTime),
    Index(None, "account_id", "id"),
    Index(None, "status", "id"),
)

consents = Table(
    "consents",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    # Empty where there is a subject.
    Column("subject", Sealed, nullable=False),
    Column("purposes", JSON, nullable=False),
    Column("statement", Sealed, nullable=False),
    Column("attested_by", Text, nullable=False),
    Column("valid_from", UtcTime, nullable=False),
    Column("valid_until", UtcTime, index=True),
    Column("ended_at", UtcTime),
    Column("end_reason", Text, nullable=False),
    Column("note", Sealed, nullable=False),
    Column("erased", JSON(none_as_null=True)),
    # Not a foreign key: replicas of the version before know nothing of subjects.
    Column("subject_id", Text, index=True),
    Column("given_by", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("checks", JSON, nullable=False),
    Column("policy_version", Text, nullable=False),
    # Of a verified consent: the film, and how the voice sounds.
    Column("recording", Ref),
    Column("speaker", Sealed, nullable=False),
    Index(None, "account_id", "id"),
)

policies = Table(
    "policies",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", JSON, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("kind", one_of(ReviewKind), nullable=False),
    Column("content_sha256", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("text", Sealed, nullable=False),
    # Not a foreign key: what was decided outlives the file.
    Column("asset_id", Text, nullable=False),
    Column("owns_asset", Boolean, nullable=False),
    Column("verdict", JSON, nullable=False),
    Column("status", one_of(ReviewStatus), nullable=False),
    Column("otherwise", one_of(ReviewStatus), nullable=False),
    Column("due_at", UtcTime, nullable=False, index=True),
    Column("decided_at", UtcTime),
    Column("for_training", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("account_id", "content_sha256"),
    Index(None, "account_id", "id"),
)

review_decisions = Table(
    "review_decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("review_id", Text, ForeignKey("reviews.id"), nullable=False, index=True),
    Column("status", one_of(ReviewStatus), nullable=False),
    Column("author", Text, nullable=False),
    Column("note", Sealed, nullable=False),
    Column("decided_at", UtcTime, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_sha256", Text, nullable=False),
    Column("status", Integer),
    Column("body", Sealed),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", Text, primary_key=True),
    Column("object", Ref, nullable=False, index=True),
    Column("due_at", UtcTime, nullable=False, index=True),
    Column("failures", Integer, nullable=False),
)
