"""Archives of what is held: opened, and compared with what was stored."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import delete, insert, select

from services.common.errors import PrivacyRequestNotFound, StorageFull
from services.gateway.consents import NewConsent
from services.gateway.identity import AccountKind, NewApiKey
from services.gateway.records import StreamSpec
from services.gateway.rights import Archive, Decision, RequestKind, RequestState
from services.gateway.subjects import Guardian
from services.storage.audit.tables import operator_accesses
from services.storage.catalog.tables import erasures
from services.storage.refs import ObjectRef
from services.storage.retention.rules import Periods, rules_of
from services.storage.rights.holdings import HOLDINGS
from services.storage.rights.tables import privacy_request_steps, privacy_requests
from services.storage.tables import metadata
from tests.contract.storage.catalog.conftest import House
from tests.contract.storage.catalog.test_consents import NEW, finished, queued, shown
from tests.contract.storage.catalog.test_people import ADA, sign_up
from tests.contract.storage.catalog.test_privacy_requests import asked, of_account, of_subject

Json = dict[str, Any]
NOBODYS = {
    "alembic_version",
    "audit_heads",
    "codes",
    "data_keys",
    "erasures",
    "notices",
    "privacy_policies",
    "shutdowns",
    "sweeper_turns",
    "sweeps",
}
"""Tables with nothing of an account: what all are told, places of objects that go, keys, ends of
chains, hashes of codes that are good for minutes, and the service's own work."""


def place(archive: Archive) -> ObjectRef:
    return ObjectRef(archive.object.bucket, archive.object.key)


def opened(house: House, archive: Archive) -> tuple[ZipFile, Json]:
    """An archive whose every file is as its index says."""
    content = house.objects.content[place(archive)]
    assert hashlib.sha256(content).hexdigest() == archive.sha256
    assert len(content) == archive.size_bytes
    file = ZipFile(io.BytesIO(content))
    index: Json = json.loads(file.read("index.json"))
    assert index["schema_version"] == 1
    for listed in index["files"]:
        stored = file.read(listed["name"])
        assert len(stored) == listed["size_bytes"]
        assert hashlib.sha256(stored).hexdigest() == listed["sha256"]
    names = {listed["name"] for listed in index["files"]} | {"index.json"}
    assert names == set(file.namelist())
    return file, index


def records(file: ZipFile, noun: str) -> list[Json]:
    found: list[Json] = json.loads(file.read(f"{noun}.json"))
    return found


async def test_an_archive_holds_everything_of_an_account_and_nothing_of_others(
    house: House,
) -> None:
    account, other = await house.account(), await house.account()
    _, secret = await house.accounts.create_key(account.id, NewApiKey("mine", ("*",), "operator"))
    consent = await house.consents.create(account.id, NEW)
    face = await shown(house, consent)
    video = await finished(house, face)
    spec = StreamSpec(face.id, "vo_en_heart", 320, 400, 30, 900, 86_400, record=True)
    stream = await house.streams.create(account.id, spec)
    planted = NewConsent("planted stranger", ("avatar",), "planted statement", "key_planted")
    strangers = await house.consents.create(other.id, planted)
    foreign = await finished(house, await shown(house, strangers))
    done = await asked(house, account.id, of_account(RequestKind.EXPORT, details="All of it."))
    assert done.state is RequestState.FULFILLED
    assert done.archive is not None

    file, index = opened(house, done.archive)
    assert (index["account_id"], index["consents"]) == (account.id, None)
    assert {one.noun for one in HOLDINGS} == {
        name.removesuffix(".json")
        for name in file.namelist()
        if name.endswith(".json") and "/" not in name
    } - {"index"}
    async with house.database.read() as tx:
        for holding in HOLDINGS:
            told = records(file, holding.noun)
            if holding.noun.startswith(("privacy_request", "audit")):
                # Its own request moves on, and is noted, once it is written.
                continue
            table = holding.table
            which = table.c.id if holding.noun == "account" else table.c.get("account_id")
            if which is not None:
                rows = await tx.all(select(table).where(which == account.id))
                assert len(told) == len(rows), holding.noun
    [held] = records(file, "consents")
    [person] = records(file, "subjects")
    assert (held["subject_id"], held["statement"]) == (person["id"], NEW.statement)
    assert json.loads(person["details"])["name"] == NEW.subject
    assert [one["id"] for one in records(file, "streams")] == [stream.id]
    assert records(file, "privacy_requests")[0]["details"] == "All of it."
    assert video.content is not None
    assert video.words is not None
    for ref in (face.portrait, face.preview, video.content, video.words):
        stored = str(ObjectRef(ref.bucket, ref.key)).encode()
        assert file.read(f"media/{ref.bucket}/{ref.key.partition('/')[2]}") == stored
    everything = b"".join(file.read(name) for name in file.namelist())
    for secretive in (other.id, strangers.id, foreign.id, "planted", secret, "whsec_"):
        assert secretive.encode() not in everything


async def test_an_archive_of_a_person_holds_only_what_is_theirs(house: House) -> None:
    account = await house.account()
    hers = await house.consents.create(account.id, NEW)
    face = await shown(house, hers)
    video = await finished(house, face)
    his = await house.consents.create(
        account.id, NewConsent("employee 9", ("avatar",), "Signed.", "key_1")
    )
    other = await finished(house, await shown(house, his))
    done = await asked(house, account.id, of_subject(RequestKind.EXPORT, NEW.subject))
    assert done.archive is not None
    file, index = opened(house, done.archive)
    assert index["consents"] == [hers.id]
    assert [one["id"] for one in records(file, "consents")] == [hers.id]
    assert [one["id"] for one in records(file, "avatars")] == [face.id]
    assert [one["id"] for one in records(file, "videos")] == [video.id]
    [portrait] = records(file, "assets")
    assert face.portrait.key.startswith(f"{account.id}/{portrait['id']}")
    assert records(file, "account") == records(file, "api_keys") == []
    everything = b"".join(file.read(name) for name in file.namelist())
    assert not any(one.encode() in everything for one in (his.id, other.id, "employee 9"))


async def test_an_archive_tells_of_the_holders_guardian_and_of_the_accounts_end(
    house: House,
) -> None:
    owner, _ = await sign_up(house, kind=AccountKind.PERSONAL)
    account_id = owner.account_id
    guardian = Guardian("Anne Lovelace", "mother", "She signed.")
    await house.accounts.set_minor_holder(
        account_id, birth_year=None, guardian=guardian, told_by=owner.person_id
    )
    house.clock.advance(minutes=1)
    code = await house.people.make_code(ADA, "deregistration")
    await house.accounts.deregister(account_id, owner.person_id, code, reason="We are done.")
    made = await house.rights.create(account_id, of_account(RequestKind.EXPORT))
    await house.rights.decide(made.id, Decision.CONFIRM, note="called back")
    await house.fulfilment.work_off()
    done = await house.rights.get(account_id, made.id)
    assert done.archive is not None
    file, _ = opened(house, done.archive)
    [holder] = records(file, "minor_holder")
    assert json.loads(holder["details"])["guardian"]["name"] == guardian.name
    [end] = records(file, "deregistrations")
    assert end["reason"] == "We are done."
    assert "receipt_sha256" not in end


async def test_what_an_account_is_told_of_later_is_not_in_its_archive_before(
    house: House,
) -> None:
    account = await house.account()
    async with house.database.write() as tx:
        now = await tx.now()
        told = {
            "account_id": account.id,
            "target": "vd_1",
            "operator": "operator:ada",
            "reason": "a complaint",
            "case": "7",
            "legal_paper": "",
            "at": now,
            "notice_at": now,
        }
        later = {"notice_at": now + timedelta(days=30), "told_at": None}
        rows = [told | {"id": "oa_told", "told_at": now}, told | {"id": "oa_later"} | later]
        await tx.execute(insert(operator_accesses).values(rows))
    done = await asked(house, account.id, of_account(RequestKind.EXPORT))
    assert done.archive is not None
    file, _ = opened(house, done.archive)
    assert [one["id"] for one in records(file, "operator_accesses")] == ["oa_told"]


async def test_long_lists_are_whole(house: House) -> None:
    account = await house.account()
    face = await house.avatar(account.id)
    jobs = [await queued(house, face) for _ in range(201)]
    done = await asked(house, account.id, of_account(RequestKind.EXPORT))
    assert done.archive is not None
    file, _ = opened(house, done.archive)
    assert [one["id"] for one in records(file, "videos")] == [job.id for job in jobs]


async def test_objects_that_have_gone_are_named(house: House) -> None:
    account = await house.account()
    video = await finished(house, await house.avatar(account.id))
    assert video.content is not None
    house.objects.kept.discard(ObjectRef(video.content.bucket, video.content.key))
    done = await asked(house, account.id, of_account(RequestKind.EXPORT))
    assert done.archive is not None
    _, index = opened(house, done.archive)
    assert index["missing"] == [f"media/videos/{video.id}.mp4"]


async def test_an_archive_goes_when_its_time_is_over(house: House) -> None:
    account = await house.account()
    done = await asked(house, account.id, of_account(RequestKind.EXPORT))
    assert done.archive is not None
    assert done.ended_at is not None
    assert timedelta(0) <= done.archive.until - done.ended_at < timedelta(days=7, minutes=1)
    house.clock.advance(days=6, hours=23)
    await house.fulfilment.tend()
    await house.erasures.work_off()
    assert place(done.archive) in house.objects.kept
    house.clock.advance(hours=2)
    await house.fulfilment.tend()
    await house.erasures.work_off()
    assert place(done.archive) not in house.objects.kept
    assert (await house.rights.get(account.id, done.id)).archive is None
    async with house.database.read() as tx:
        assert not await tx.all(select(erasures))


async def test_an_export_waits_for_the_object_store_and_survives_its_process(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await house.account()
    await finished(house, await house.avatar(account.id))
    made = await house.rights.create(account.id, of_account(RequestKind.EXPORT))
    await house.rights.decide(made.id, Decision.CONFIRM, note="called back")
    house.objects.down = True
    await house.fulfilment.work_off()
    waiting = await house.rights.get(account.id, made.id)
    assert waiting.state is RequestState.IN_PROGRESS
    house.objects.down = False
    house.clock.advance(minutes=1)

    async def killed(*_: object) -> None:
        raise SystemError

    with monkeypatch.context() as patched:
        patched.setattr(house.objects, "write", killed)
        with pytest.raises(SystemError):
            await house.fulfilment.work_off()
    await house.fulfilment.work_off()
    assert (await house.rights.get(account.id, made.id)).state is RequestState.IN_PROGRESS
    house.clock.advance(minutes=3)
    await house.fulfilment.work_off()
    done = await house.rights.get(account.id, made.id)
    assert done.archive is not None
    opened(house, done.archive)


async def test_an_export_of_what_has_gone_meanwhile_is_let_go(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def erased(*_: object) -> None:
        async with house.database.write() as tx:
            await tx.execute(delete(privacy_request_steps))
            await tx.execute(delete(privacy_requests))

    account = await house.account()
    made = await house.rights.create(account.id, of_account(RequestKind.EXPORT))
    await house.rights.decide(made.id, Decision.CONFIRM, note="called back")
    monkeypatch.setattr(house.objects, "write", erased)
    await house.fulfilment.work_off()
    with pytest.raises(PrivacyRequestNotFound):
        await house.rights.get(account.id, made.id)


async def test_a_full_disk_delays_an_export(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise StorageFull("no room")

    account = await house.account()
    made = await house.rights.create(account.id, of_account(RequestKind.EXPORT))
    await house.rights.decide(made.id, Decision.CONFIRM, note="called back")
    with monkeypatch.context() as patched:
        patched.setattr(house.objects, "write", full)
        await house.fulfilment.work_off()
    async with house.database.read() as tx:
        row = await tx.one(select(privacy_requests))
        assert row.resume_at > await tx.now()
    house.clock.advance(minutes=1)
    await house.fulfilment.work_off()
    assert (await house.rights.get(account.id, made.id)).state is RequestState.FULFILLED


def test_every_table_with_people_in_it_is_told_of() -> None:
    told = {holding.table.name for holding in HOLDINGS}
    assert told | NOBODYS == set(metadata.tables) | {"alembic_version"}


def test_of_all_that_is_told_it_is_known_how_long_it_is_kept() -> None:
    assert {one.kept for one in HOLDINGS} <= {rule.name for rule in rules_of(Periods())}
