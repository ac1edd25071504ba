"""The people behind faces, and minors among them: followed into every table and object."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from services.common.errors import (
    AvatarNotFound,
    ConsentRequired,
    GuardianConsentRequired,
    InvalidInput,
    StateConflict,
    SubjectNotFound,
)
from services.gateway.audit.records import Filter
from services.gateway.consents import Attested, NewConsent
from services.gateway.notices import NoticeKind
from services.gateway.subjects import Details, Guardian
from services.storage.catalog.consents import VOICE, Consents, require_consent
from services.storage.catalog.tables import consents, metadata
from services.storage.subjects.tables import subjects
from tests.contract.storage.catalog.conftest import House
from tests.contract.storage.catalog.test_consents import finished, shown, withdraw

MOTHER = Guardian("Anne Lovelace", "mother", "Signed the form for minors.")


async def test_a_subject_is_kept_and_corrected(house: House) -> None:
    account, other = await house.account(), await house.account()
    told = Details("员工 4711", "user-1", birth_year=1980)
    made = await house.subjects.create(account.id, told)
    assert (made.details, made.found_by, made.erased_at) == (told, "", None)
    assert await house.subjects.get(account.id, made.id) == made
    second = await house.subjects.create(account.id, Details("Bea", "user-2"))
    page = await house.subjects.list(account.id, reference="", limit=10, cursor="")
    assert page.items == (second, made)
    page = await house.subjects.list(account.id, reference="user-1", limit=10, cursor="")
    assert page.items == (made,)
    changed = replace(told, name="Ada", birth_year=None)
    assert (await house.subjects.update(account.id, made.id, changed)).details == changed
    for taken in (
        house.subjects.create(account.id, Details("Cid", "user-1")),
        house.subjects.update(account.id, second.id, Details("Bea", "user-1")),
    ):
        with pytest.raises(StateConflict):
            await taken
    assert (await house.subjects.create(other.id, Details("Cid", "user-1"))).details.reference
    for foreign in (
        house.subjects.get(other.id, made.id),
        house.subjects.update(other.id, made.id, changed),
        house.subjects.report_minor(other.id, made.id, found_by="key_2", reason="Young."),
        house.consents.create(other.id, NewConsent("", ("avatar",), "S", "k", None, made.id)),
    ):
        with pytest.raises(SubjectNotFound):
            await foreign


@pytest.mark.parametrize(
    "details",
    [
        Details(" "),
        Details("x" * 201),
        Details("Ada", "x" * 201),
        Details("Ada", birth_year=1800),
        Details("Ada", birth_year=9999),
        Details("Ada", guardian=Guardian("", "mother", "Signed.")),
        Details("Ada", guardian=Guardian("Anne", "mother", "x" * 2001)),
    ],
)
async def test_subjects_that_can_not_be_are_refused(house: House, details: Details) -> None:
    account = await house.account()
    with pytest.raises(InvalidInput):
        await house.subjects.create(account.id, details)


async def test_a_name_is_one_subject_however_many_ask_at_once(house: House) -> None:
    account = await house.account()
    new = NewConsent("Ada", ("avatar", "voice"), "Signed.", "key_1", given_by="representative")
    made = await asyncio.gather(*(house.consents.create(account.id, new) for _ in range(4)))
    (subject_id,) = {one.subject_id for one in made}
    assert (made[0].purposes, made[0].given_by) == (("avatar", "voice"), "representative")
    assert (made[0].evidence, made[0].checks) == ("attestation", ())
    other = await house.consents.create(account.id, replace(new, subject="Bea"))
    page = await house.consents.list(account.id, subject_id=subject_id, limit=10, cursor="")
    assert {one.id for one in page.items} == {one.id for one in made}
    page = await house.consents.list(account.id, limit=10, cursor="")
    assert page.items[0] == other
    with pytest.raises(InvalidInput):
        await house.consents.create(account.id, replace(new, given_by="a friend"))


async def test_avatars_of_one_name_need_not_show_one_person(house: House) -> None:
    account = await house.account()
    subject_ids = set()
    for _ in range(2):
        asset = await house.asset(account.id)
        avatar = await house.avatars.create(
            account.id, name="Me", asset_id=asset.id, owns_asset=True, consent=Attested("key_1")
        )
        subject_ids.add((await house.consents.get(account.id, avatar.consent_id)).subject_id)
    assert len(subject_ids) == 2


async def test_a_voice_needs_a_consent_that_is_for_voices(house: House) -> None:
    account = await house.account()
    face, voice = [
        await house.consents.create(account.id, NewConsent("Ada", (what,), "Signed.", "k"))
        for what in ("avatar", "voice")
    ]
    asset = await house.asset(account.id)
    with pytest.raises(ConsentRequired):
        await house.avatars.create(
            account.id, name="Ada", asset_id=asset.id, owns_asset=False, consent=voice.id
        )
    async with house.database.write() as tx:
        assert (await require_consent(tx, account.id, voice.id, VOICE)).id == voice.id
        with pytest.raises(ConsentRequired):
            await require_consent(tx, account.id, face.id, VOICE)
    await withdraw(house, voice)
    async with house.database.write() as tx:
        with pytest.raises(ConsentRequired):
            await require_consent(tx, account.id, voice.id, VOICE)


async def test_for_a_minor_a_guardian_consents(house: House) -> None:
    account = await house.account()
    born = (await _year(house)) - 15
    child = await house.subjects.create(account.id, Details("Ada", birth_year=born))
    assert child.details.minor
    new = NewConsent("", ("avatar",), "Signed.", "key_1", None, child.id)
    for given_by in ("subject", "guardian"):
        with pytest.raises(GuardianConsentRequired):
            await house.consents.create(account.id, replace(new, given_by=given_by))
    await house.subjects.update(account.id, child.id, replace(child.details, guardian=MOTHER))
    with pytest.raises(GuardianConsentRequired):
        await house.consents.create(account.id, new)
    consent = await house.consents.create(account.id, replace(new, given_by="guardian"))
    avatar = await shown(house, consent)
    found = await house.subjects.report_minor(
        account.id, child.id, found_by="key_2", reason="Looks young."
    )
    assert (found.erased_at, found.found_by) == (None, "key_2")
    assert (await house.avatars.get(account.id, avatar.id)).consent_id == consent.id
    with pytest.raises(StateConflict):
        await house.subjects.update(account.id, child.id, Details("Ada", minor=True))


async def _year(house: House) -> int:
    async with house.database.read() as tx:
        return (await tx.now()).year


async def test_of_a_minor_without_a_guardian_nothing_is_left_but_the_record(house: House) -> None:
    account = await house.account()
    subject = await house.subjects.create(account.id, Details("Ada Lovelace", "user-1"))
    new = NewConsent("", ("avatar",), "Ada signed.", "key_1", None, subject.id)
    ended, holding = [await house.consents.create(account.id, new) for _ in range(2)]
    before = await shown(house, ended)
    old_video = await finished(house, before)
    await withdraw(house, ended)
    await house.erasures.work_off()
    avatar = await shown(house, holding)
    video = await finished(house, avatar)
    assert house.objects.kept

    found = await house.subjects.report_minor(
        account.id, subject.id, found_by="key_2", reason="Her mother wrote."
    )
    assert found.erased_at is not None
    assert found.details == Details("", minor=True)
    assert (found.found_by, found.found_reason) == ("key_2", "Her mother wrote.")
    await house.erasures.work_off()
    assert not house.objects.kept
    with pytest.raises(AvatarNotFound):
        await house.avatars.get(account.id, avatar.id)
    for gone in (old_video, video):
        assert (await house.videos.get(account.id, gone.id)).deleted_at is not None
    first, second = [await house.consents.get(account.id, one.id) for one in (ended, holding)]
    assert (first.end_reason, second.end_reason) == ("withdrawn", "minor_found")
    assert {first.subject, first.statement, second.subject, second.statement} == {""}
    assert first.erased is not None
    assert old_video.id in first.erased.video_ids
    made = await house.consents.certify(account.id, holding.id)
    assert b"Ada" not in made.statement
    assert avatar.id.encode() in made.statement
    again = await house.subjects.report_minor(
        account.id, subject.id, found_by="key_9", reason="Again."
    )
    assert again == found
    with pytest.raises(GuardianConsentRequired):
        await house.consents.create(account.id, new)


@pytest.mark.parametrize("guardian", [None, MOTHER])
async def test_what_an_operator_finds_is_noted_and_told(
    house: House, guardian: Guardian | None
) -> None:
    account, other = await house.account(), await house.account()
    subject = await house.subjects.create(account.id, Details("Ada", guardian=guardian))
    with pytest.raises(SubjectNotFound):
        await house.subjects.report_minor(
            other.id, subject.id, found_by="operator:bea", reason="She is fifteen."
        )
    found = await house.subjects.report_minor(
        account.id, subject.id, found_by="operator:bea", reason="She is fifteen."
    )
    assert (found.found_by, found.erased_at is None) == ("operator:bea", guardian is not None)
    page = await house.audit.list(account.id, Filter(), limit=10, cursor="")
    told = [(one.actor, one.action, one.target) for one in page.items]
    assert told == [("operator:bea", "report_minor", subject.id)]
    assert "fifteen" not in str(page)
    for whose, count in ((account, 1), (other, 0)):
        notices = await house.notices.list(whose.id, limit=9, cursor="", unread_only=True)
        assert len(notices.items) == count
        for one in notices.items:
            assert one.notice.kind is NoticeKind.OTHER
            assert all(subject.id in text.situation for text in one.notice.texts.values())


async def test_no_table_holds_what_people_are_called(house: House) -> None:
    account = await house.account()
    told = Details("Ada Lovelace", "user-77", guardian=replace(MOTHER, name="Anne Byron"))
    subject = await house.subjects.create(account.id, told)
    new = NewConsent("", ("avatar",), "A form of paper.", "key_1", None, subject.id)
    consent = await house.consents.create(account.id, new)
    await withdraw(house, consent)
    assert (await house.consents.get(account.id, consent.id)).note == "asked by letter"
    rows: list[Any] = []
    async with house.database.read() as tx:
        for table in metadata.sorted_tables:
            rows += await tx.all(select("*").select_from(table))
    held = repr(rows)
    for secret in ("Lovelace", "user-77", "Byron", "form of paper", "asked by letter"):
        assert secret not in held


async def test_what_older_versions_recorded_is_given_a_subject(house: House) -> None:
    account = await house.account()
    consent = await house.consents.create(account.id, NewConsent("X", ("avatar",), "Y", "k"))
    older_id = "cn_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"
    async with house.database.write() as tx:
        row = await tx.one(select(consents).where(consents.c.id == consent.id))
        older = row._asdict() | {"id": older_id, "subject": "", "subject_id": None}
        await tx.execute(insert(consents).values(older))
        plain = "UPDATE consents SET subject = 'Ada', statement = 'Signed.' WHERE id = :id"
        await tx.execute(text(plain).bindparams(id=older_id))
    before = await house.consents.get(account.id, older_id)
    assert (before.subject, before.subject_id, before.statement) == ("Ada", "", "Signed.")
    await Consents(house.database).name_subjects()
    after = await house.consents.get(account.id, older_id)
    assert after == replace(before, subject_id=after.subject_id)
    async with house.database.read() as tx:
        kept = await tx.all(text("SELECT subject, statement FROM consents"))
        assert "Signed." not in repr(kept)
        assert "Ada" not in repr(kept)
        assert len(await tx.all(select(subjects))) == 2
