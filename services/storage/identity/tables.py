"""The tables of who there is; every change needs a migration."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from services.storage.catalog.tables import Sealed, UtcTime, account_column, metadata, one_of
from services.storage.identity.records import AccountKind, Role

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("webhook_secret", Sealed, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("kind", one_of(AccountKind), nullable=False),
    # When it is erased; until then it may still be kept.
    Column("erases_at", UtcTime),
    Column("erased_at", UtcTime),
)

minor_holders = Table(
    "minor_holders",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    # The year of birth and the guardian, as JSON.
    Column("details", Sealed, nullable=False),
    Column("told_by", Text, nullable=False),
    Column("told_at", UtcTime, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("secret_sha256", Text, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("last_used_at", UtcTime),
    Column("revoked_at", UtcTime),
    Column("scopes", JSON, nullable=False),
    Column("expires_at", UtcTime),
    # The secret before the present one, and until when it is good.
    Column("rotated_sha256", Text, unique=True, index=True),
    Column("rotated_until", UtcTime),
    Column("created_by", Text, nullable=False),
    Index(None, "account_id", "id"),
)

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("phone_index", Text, nullable=False, unique=True),
    # Sealed under the person's own key.
    Column("phone", LargeBinary, nullable=False),
    Column("user_name", LargeBinary),
    Column("email", LargeBinary),
    Column("email_index", Text, index=True),
    Column("created_at", UtcTime, nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    # Not a foreign key: of those, accounts alone are referred to.
    Column("person_id", Text, primary_key=True, index=True),
    Column("role", one_of(Role), nullable=False),
    Column("joined_at", UtcTime, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("phone_index", Text, nullable=False, index=True),
    # Sealed under the account's key.
    Column("phone", LargeBinary, nullable=False),
    Column("role", one_of(Role), nullable=False),
    Column("invited_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    UniqueConstraint("account_id", "phone_index"),
)

codes = Table(
    "codes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("phone_index", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("code_hmac", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    # Since 1970; of two that are asked for at once, in whichever replicas, one is made.
    Column("minute", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False, index=True),
    Column("used_at", UtcTime),
    UniqueConstraint("phone_index", "minute"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("person_id", Text, nullable=False, index=True),
    Column("token_sha256", Text, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("last_used_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Index(None, "account_id", "id"),
)

deregistrations = Table(
    "deregistrations",
    metadata,
    Column("id", Text, primary_key=True),
    account_column(),
    Column("requested_by", Text, nullable=False),
    # Under the account's key: it is gone with the account.
    Column("reason", Sealed, nullable=False),
    Column("receipt_sha256", Text, nullable=False, unique=True),
    Column("requested_at", UtcTime, nullable=False),
    Column("erases_at", UtcTime, nullable=False, index=True),
    Column("cancelled_at", UtcTime),
    Column("erased_at", UtcTime),
    # What was: rows by table, and the objects.
    Column("erased", JSON(none_as_null=True)),
    Index(None, "account_id", "id"),
)
