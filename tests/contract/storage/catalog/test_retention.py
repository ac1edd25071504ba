"""What was kept long enough goes, nothing younger does, whoever sweeps and whatever breaks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import JSON, Column, Enum, Table, insert, select, update

from services.common.errors import StateConflict, Unavailable
from services.common.ids import new_id
from services.gateway.records import StreamStatus, VideoStatus
from services.storage.audit.checkpoints import Checkpoints
from services.storage.audit.ledger import OPERATOR, note
from services.storage.audit.tables import audit_entries
from services.storage.audit.trail import Trail
from services.storage.catalog.certificates import Signer
from services.storage.catalog.tables import (
    Sealed,
    UtcTime,
    review_decisions,
    reviews,
    streams,
    videos,
)
from services.storage.identity.tables import api_keys, codes, invitations, sessions
from services.storage.objects.store import ObjectStore
from services.storage.refs import ObjectRef
from services.storage.retention.parts import Retention, retention_of
from services.storage.retention.rules import DAY, Periods
from services.storage.retention.tables import sweeper_turns, sweeps
from services.storage.usage.tables import usage_entries
from tests.contract.storage.catalog.conftest import House
from tests.contract.storage.catalog.test_videos import lease

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SIGNER = Signer(Ed25519PrivateKey.generate())
TABLES: dict[str, tuple[Table, Column[Any]]] = {
    "ended_streams": (streams, streams.c.ended_at),
    "erased_videos": (videos, videos.c.deleted_at),
    "reviews": (reviews, reviews.c.decided_at),
    "ended_keys": (api_keys, api_keys.c.revoked_at),
    "ended_sessions": (sessions, sessions.c.ended_at),
    "sweeps": (sweeps, sweeps.c.at),
    "sign_in_codes": (codes, codes.c.created_at),
    "invitations": (invitations, invitations.c.expires_at),
    "usage_entries": (usage_entries, usage_entries.c.recorded_at),
}


@dataclass
class AgedObjects:
    """An object store that tells when things were written."""

    kept: dict[ObjectRef, datetime] = field(default_factory=dict)
    uploads: list[datetime] = field(default_factory=list)
    down: bool = False

    async def aged(self, bucket: str, *, after: str) -> list[tuple[ObjectRef, datetime]]:
        if self.down:
            raise Unavailable("the object store does not answer")
        there = sorted((ref.key, at) for ref, at in self.kept.items() if ref.bucket == bucket)
        return [(ObjectRef(bucket, key), at) for key, at in there if key > after][:2]

    async def delete(self, refs: list[ObjectRef]) -> None:
        for ref in refs:
            del self.kept[ref]

    async def begun_uploads(self, bucket: str) -> list[datetime]:
        return self.uploads if bucket == "videos" else []

    async def abandon_uploads(self, bucket: str, before: datetime) -> int:
        old = [at for at in await self.begun_uploads(bucket) if at <= before]
        self.uploads = [at for at in self.uploads if at not in old]
        return len(old)


@dataclass
class Kept:
    """Retention in a house."""

    house: House
    store: AgedObjects

    def retention(self) -> Retention:
        """Of another replica each time."""
        return retention_of(
            self.house.database,
            Checkpoints(self.house.database, SIGNER),
            cast("ObjectStore", self.store),
            periods=Periods(),
            every_s=3_600,
        )

    async def now(self) -> datetime:
        async with self.house.database.read() as tx:
            return await tx.now()

    async def sweep(self) -> dict[str, int]:
        report = await self.retention().sweeper.sweep()
        assert [one.error for one in report.items if one.error] == []
        return {one.rule: one.deleted for one in report.items if one.deleted}


@pytest.fixture
def kept(house: House) -> Kept:
    return Kept(house, AgedObjects())


def a_row(table: Table, account_id: str, **values: Any) -> dict[str, Any]:
    """A row with something in every column that needs it."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.nullable or column.name in values:
            continue
        if column.name == "account_id":
            row[column.name] = account_id
        elif column in (reviews.c.asset_id, reviews.c.text):
            row[column.name] = ""
        elif isinstance(column.type, JSON):
            row[column.name] = {}
        else:
            row[column.name] = _some(column)
    return row | values


def _some(column: Column[Any]) -> Any:
    kind = column.type
    if isinstance(kind, Enum):
        return next(iter(kind.enum_class))  # type: ignore[arg-type]  # all of ours have one
    if isinstance(kind, UtcTime):
        return datetime.fromisoformat("2020-01-01T00:00:00Z")
    if isinstance(kind, Sealed):
        return ""
    if kind.python_type is str:
        return new_id("x")
    return new_id("x").encode() if kind.python_type is bytes else kind.python_type()


@pytest.mark.parametrize("rule", TABLES)
async def test_rows_go_when_their_time_is_over_and_not_a_minute_before(
    kept: Kept, rule: str
) -> None:
    account = await kept.house.account()
    table, since = TABLES[rule]
    times = {one.name: one.kept for one in kept.retention().rules}
    period = times[rule]
    assert period is not None
    now = await kept.now()
    ages = [period + 400 * DAY, period + MINUTE, period - MINUTE, -400 * DAY]
    async with kept.house.database.write() as tx:
        for number, age in enumerate(ages):
            values: dict[str, Any] = {"id": f"{rule}_{number}", since.name: now - age}
            if "phone_index" in table.c:
                values["phone_index"] = str(number)
            if "content_sha256" in table.c:
                values["content_sha256"] = str(number)
            await tx.execute(insert(table).values(a_row(table, account.id, **values)))
    assert (await kept.sweep())[rule] == 2

    async def left() -> list[str]:
        async with kept.house.database.read() as tx:
            rows = await tx.all(select(table.c.id).where(table.c.id.like(f"{rule}%")))
        return sorted(row.id for row in rows)

    assert await left() == [f"{rule}_2", f"{rule}_3"]
    kept.house.clock.ahead += 2 * MINUTE
    await kept.sweep()
    assert await left() == [f"{rule}_3"]


async def test_of_a_year_nothing_older_than_180_days_is_left_and_nothing_younger_goes(
    kept: Kept,
) -> None:
    """The clock is moved through a year, with a sweep when each is due."""
    began: list[datetime] = []
    account_id = (await kept.house.account()).id
    spec = (await kept.house.stream(account_id)).spec
    for step in range(24):
        stream = await kept.house.streams.create(account_id, spec)
        await kept.house.streams.move(account_id, stream.id, StreamStatus.ENDED, reason="deleted")
        async with kept.house.database.write() as tx:
            await note(tx, account_id, actor="key_1", action="streams.end", target=stream.id)
        began.append(await kept.now())
        kept.house.clock.ahead += timedelta(days=15, hours=step % 5)
        await kept.retention().sweeper.sweep_when_due()
        now = await kept.now()
        wanted = [at for at in began if now - at < 180 * DAY]
        async with kept.house.database.read() as tx:
            ended = await tx.all(select(streams.c.id).where(streams.c.ended_at.is_not(None)))
            mine = audit_entries.c.account_id == account_id
            noted = await tx.all(select(audit_entries.c.at).where(mine))
        assert len(ended) == len(noted) == len(wanted)
    verdict = await Trail(kept.house.database, (SIGNER.public_key,)).verify(account_id)
    assert not verdict.problem


async def test_what_has_not_ended_is_never_swept(kept: Kept) -> None:
    account = await kept.house.account()
    stream, video = await kept.house.stream(account.id), await kept.house.video(account.id)
    kept.house.clock.advance(days=4_000)
    await kept.sweep()
    assert (await kept.house.streams.get(account.id, stream.id)).status is StreamStatus.CREATED
    assert (await kept.house.videos.get(account.id, video.id)).status is VideoStatus.QUEUED
    assert (await kept.house.avatars.get(account.id, video.spec.avatar_id)).name


async def test_decisions_go_with_their_review_and_what_is_for_training_stays(kept: Kept) -> None:
    account = await kept.house.account()
    old = await kept.now() - 200 * DAY
    async with kept.house.database.write() as tx:
        for number, training in enumerate((False, True)):
            row = a_row(
                reviews, account.id, id=f"rv_{number}", decided_at=old,
                content_sha256=str(number), for_training=training,
            )  # fmt: skip
            await tx.execute(insert(reviews).values(row))
            decision = a_row(review_decisions, account.id, review_id=f"rv_{number}")
            await tx.execute(insert(review_decisions).values(decision))
    assert (await kept.sweep())["reviews"] == 1
    async with kept.house.database.read() as tx:
        left = await tx.all(select(review_decisions.c.review_id))
    assert [row.review_id for row in left] == ["rv_1"]


async def test_objects_that_no_record_names_go_after_a_day_and_no_others(kept: Kept) -> None:
    house = kept.house
    account = await house.account()
    avatar = await house.avatar(account.id)
    video, done = await house.video(account.id), await house.video(account.id)
    await lease(house, done)
    await house.videos.delete(account.id, done.id)
    stray = ObjectRef("videos", f"{account.id}/{new_id('vd')}.mp4")
    young = ObjectRef("assets", f"{account.id}/{new_id('as')}")
    erased = ObjectRef("videos", f"{account.id}/{done.id}.mp4")
    making = ObjectRef("videos", f"{account.id}/{video.id}.words.json")
    now = await kept.now()
    named = [ObjectRef(ref.bucket, ref.key) for ref in (avatar.pack, avatar.preview)]
    kept.store.kept = {
        **dict.fromkeys((*house.objects.kept, *named, stray, making, erased), now - 400 * DAY),
        young: now - 23 * HOUR,
    }
    safe = set(kept.store.kept) - {stray}
    # What is to go anyway is the outbox's.
    assert (await kept.sweep())["stray_objects"] == 1
    assert set(kept.store.kept) == safe


async def test_parts_of_broken_uploads_go_after_a_day(kept: Kept) -> None:
    now = await kept.now()
    kept.store.uploads = [now - 25 * HOUR, now - 23 * HOUR]
    assert (await kept.sweep())["broken_uploads"] == 1
    assert kept.store.uploads == [now - 23 * HOUR]


async def test_of_several_replicas_one_sweeps_and_only_once_in_an_interval(kept: Kept) -> None:
    async def sweep_when_due() -> int:
        replicas = [kept.retention().sweeper for _ in range(5)]
        told = await asyncio.gather(*(one.sweep_when_due() for one in replicas))
        return sum(report is not None for report in told)

    assert await sweep_when_due() == 1
    assert await sweep_when_due() == 0
    kept.house.clock.ahead += HOUR
    assert await sweep_when_due() == 1


async def test_another_goes_on_when_one_is_killed_while_it_sweeps(kept: Kept) -> None:
    await kept.sweep()
    kept.house.clock.ahead += HOUR
    now = await kept.now()
    async with kept.house.database.write() as tx:
        held = {"holder": "the dead", "held_until": now + 10 * MINUTE}
        await tx.execute(update(sweeper_turns).values(held))
    assert await kept.retention().sweeper.sweep_when_due() is None
    with pytest.raises(StateConflict):
        await kept.retention().sweeper.sweep()
    kept.house.clock.ahead += 11 * MINUTE
    assert await kept.retention().sweeper.sweep_when_due()


async def test_what_fails_is_told_and_the_rest_is_swept(kept: Kept) -> None:
    account = await kept.house.account()
    old = await kept.now() - 8 * DAY
    async with kept.house.database.write() as tx:
        entry = {"id": "old", "account_id": account.id, "recorded_at": old}
        await tx.execute(insert(usage_entries).values(entry))
    kept.store.down = True
    report = await kept.retention().sweeper.sweep()
    told = {one.rule: one for one in report.items}
    assert told["stray_objects"].error == "UNAVAILABLE"
    assert told["usage_entries"].deleted == 1


async def test_a_look_deletes_nothing_and_may_be_at_another_time(kept: Kept) -> None:
    account = await kept.house.account()
    async with kept.house.database.write() as tx:
        await note(tx, account.id, actor="key_1", action="videos.read", target="vd_1")
    sweeper = kept.retention().sweeper
    now = await kept.now()
    for ahead, found in ((DAY, 0), (181 * DAY, 1), (181 * DAY, 1)):
        told = {one.rule: one for one in (await sweeper.look(now + ahead)).items}
        assert (told["audit_entries"].found, told["audit_entries"].deleted) == (found, 0)
    with pytest.raises(ValueError, match="dry run"):
        await sweeper.sweep(now + DAY)
    assert await sweeper.last() is None


async def test_each_sweep_is_noted_with_its_counts(kept: Kept) -> None:
    kept.store.uploads = [await kept.now() - 2 * DAY]
    report = await kept.retention().sweeper.sweep()
    async with kept.house.database.read() as tx:
        entry = await tx.one(select(audit_entries).where(audit_entries.c.account_id == OPERATOR))
        row = await tx.one(select(sweeps))
    assert (entry.action, entry.reason) == ("retention.sweep", "broken_uploads=1")
    assert row.report == report.as_json()
    assert await kept.retention().sweeper.last() == row.at
