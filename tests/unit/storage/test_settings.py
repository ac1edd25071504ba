"""What the storage service can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.storage.settings import StorageSettings


def settings(**values: Any) -> StorageSettings:
    s3 = {"s3_endpoint": "127.0.0.1:9000", "s3_access_key": "ada", "s3_secret_key": "s3cret"}
    return StorageSettings.model_validate(s3 | values)


def test_without_a_url_the_catalog_lies_below_home() -> None:
    database = settings(home=Path("/srv/vultus")).database
    assert str(database) == "sqlite+aiosqlite:////srv/vultus/data/catalog.sqlite"


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:////srv/catalog.sqlite", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////srv/catalog.sqlite", "sqlite+aiosqlite"),
        ("postgres://ada:x@db/catalog", "postgresql+asyncpg"),
        ("postgresql://ada:x@db:5432/catalog?ssl=require", "postgresql+asyncpg"),
        ("postgresql+asyncpg://ada:x@db/catalog", "postgresql+asyncpg"),
    ],
)
def test_usual_urls_get_the_driver_that_is_there(url: str, driver: str) -> None:
    assert settings(database_url=url).database.drivername == driver


@pytest.mark.parametrize(
    "url",
    [
        "",
        "catalog.sqlite",
        "mysql://db/catalog",
        "postgresql://db",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_other_urls_are_refused_without_being_told(url: str) -> None:
    with pytest.raises(ValidationError, match="database"):
        settings(database_url=url)


def test_secrets_are_not_printed() -> None:
    printed = repr(settings(database_url="postgresql://ada:pa55word@db/catalog"))
    assert "s3cret" not in printed
    assert "pa55word" not in printed


@pytest.mark.parametrize("prefix", ["Vultus-", "vultus.", "-", "x" * 50])
def test_bucket_prefixes_keep_to_the_letters_of_s3(prefix: str) -> None:
    with pytest.raises(ValidationError):
        settings(s3_bucket_prefix=prefix)
