"""The sweeper on a real object store: by hand, and what the store does by itself."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from minio import Minio
from minio.commonconfig import ENABLED
from minio.error import S3Error
from minio.versioningconfig import VersioningConfig
from structlog.testing import capture_logs

from services.storage.objects.lifecycle import set_lifecycle
from services.storage.retention.__main__ import DONE, USAGE, main
from tests.integration.storage.conftest import CREDENTIALS, SeaweedFs, Storage

IN_TWO_DAYS = (datetime.now(UTC) + timedelta(days=2)).isoformat()


@pytest.fixture
def by_hand(
    storage: Storage, seaweedfs: SeaweedFs, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    """The settings of the storage that runs."""
    for name, value in {
        "VULTUS_HOME": str(storage.spool.parent.parent),
        "VULTUS_STORAGE_S3_ENDPOINT": seaweedfs.endpoint,
        "VULTUS_STORAGE_S3_ACCESS_KEY": CREDENTIALS.access_key,
        "VULTUS_STORAGE_S3_SECRET_KEY": CREDENTIALS.secret_key,
        "VULTUS_STORAGE_S3_BUCKET_PREFIX": storage.prefix,
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def swept(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    assert await asyncio.to_thread(main, ["sweep", "--json", *words], out) == DONE
    told: dict[str, Any] = json.loads(out.getvalue())
    return told | {"items": {one["rule"]: one for one in told["items"]}}


async def test_strays_and_parts_are_seen_and_left_until_their_time(
    storage: Storage, by_hand: pytest.MonkeyPatch
) -> None:
    bucket = f"{storage.prefix}videos"
    stray = f"{storage.account_id}/vd_00000000000000000000000000.mp4"
    storage.s3.put_object(bucket, stray, io.BytesIO(b"stray"), 5)
    storage.s3._create_multipart_upload(bucket, f"{storage.account_id}/part", {})
    before = storage.stored()
    for words, found in (((), 0), (("--at", IN_TWO_DAYS), 1)):
        items = (await swept("--dry-run", *words))["items"]
        assert items["stray_objects"]["found"] == found
        assert items["broken_uploads"]["found"] == found
    told = await swept()
    assert not told["dry_run"]
    assert not [one for one in told["items"].values() if one["deleted"] or one["error"]]
    assert storage.stored() == before


async def test_a_sweep_ahead_of_its_time_is_refused(
    storage: Storage, by_hand: pytest.MonkeyPatch
) -> None:
    assert await asyncio.to_thread(main, ["sweep", "--at", IN_TWO_DAYS], io.StringIO()) == USAGE


async def test_the_report_is_a_table_for_people(
    storage: Storage, by_hand: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    assert await asyncio.to_thread(main, ["sweep", "--dry-run"], out) == DONE
    head, titles, *lines = out.getvalue().splitlines()
    assert head.startswith("dry run at ")
    assert titles.split() == ["rule", "found", "deleted", "oldest"]
    assert any(line.startswith("audit_entries") for line in lines)


def rules_of(client: Minio, bucket: str) -> set[str]:
    found = client.get_bucket_lifecycle(bucket)
    return {str(rule.rule_id) for rule in found.rules} if found else set()


async def test_the_store_is_told_what_to_take_away_and_an_operators_rules_stay(
    storage: Storage,
) -> None:
    bucket = f"{storage.prefix}videos"
    with capture_logs() as logs:
        set_lifecycle(storage.s3, bucket)
    refused = [one for one in logs if one["event"] == "s3.no_lifecycle"]
    assert rules_of(storage.s3, bucket) or refused
    storage.s3.put_object(bucket, f"{storage.account_id}/kept", io.BytesIO(b"kept"), 4)
    assert storage.s3.stat_object(bucket, f"{storage.account_id}/kept").size == 4


async def test_a_bucket_that_keeps_versions_is_told_of(storage: Storage) -> None:
    bucket = f"{storage.prefix}assets"
    try:
        storage.s3.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    except S3Error as error:
        pytest.skip(f"the store has no versions: {error.code}")
    with capture_logs() as logs:
        set_lifecycle(storage.s3, bucket)
    assert {"event": "s3.versions_kept", "bucket": bucket, "log_level": "warning"} in logs
