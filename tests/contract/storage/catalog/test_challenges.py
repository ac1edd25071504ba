"""Challenges in the catalog: one consent, three tries, and no film that is left lying about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from services.common.errors import (
    AssetNotFound,
    ChallengeNotFound,
    GuardianConsentRequired,
    InvalidInput,
    StateConflict,
    SubjectNotFound,
    Unavailable,
    UnsupportedMedia,
)
from services.gateway.challenges import NOTHING_SEEN, Challenge, NewChallenge, Taken
from services.gateway.consents import Consent
from services.gateway.subjects import Details, Guardian
from services.storage.catalog.tables import consents
from services.storage.refs import ObjectRef
from services.storage.statements.phrases import LANGUAGES, WORDS, new_phrase
from services.storage.statements.tables import consent_challenges
from tests.contract.storage.catalog.conftest import House
from tests.fakes.challenges import FILM, found

NEW = NewChallenge("Ada", "", ("voice",), "subject", "key_1", "", None, "en")


async def film(content: bytes = FILM) -> AsyncIterator[bytes]:
    yield content


async def asked(house: House) -> Challenge:
    account = await house.account()
    return await house.challenges.create(account.id, NEW)


async def take(house: House, one: Challenge) -> Taken:
    return await house.challenges.take(one.account_id, one.id, film())


def place(taken: Taken) -> ObjectRef:
    """Where a film lies, as storage calls it."""
    return ObjectRef(taken.recording.bucket, taken.recording.key)


async def conclude(house: House, taken: Taken, *failed: str) -> tuple[Challenge, Consent | None]:
    one = taken.challenge
    return await house.challenges.conclude(one.account_id, one.id, taken.recording, found(*failed))


async def test_a_reading_that_is_enough_becomes_a_verified_consent(house: House) -> None:
    one = await asked(house)
    taken = await take(house, one)
    assert (taken.challenge.tries_left, taken.portrait) == (2, None)
    after, consent = await conclude(house, taken, "mouth")
    assert consent is not None
    assert (consent.evidence, consent.statement) == ("verified", one.phrase.text)
    assert {check.name: check.passed for check in consent.checks}["mouth"] is False
    assert (after.consent_id, after.checks) == (consent.id, ())
    assert await house.consents.get(one.account_id, consent.id) == consent
    assert place(taken) in house.objects.kept
    for again in (take(house, one), conclude(house, taken)):
        with pytest.raises(StateConflict):
            await again


async def test_a_withdrawal_erases_the_film_and_the_voice(house: House) -> None:
    one = await asked(house)
    taken = await take(house, one)
    _, consent = await conclude(house, taken)
    assert consent is not None
    rows = select(consents.c.recording, consents.c.speaker)
    async with house.database.read() as tx:
        kept = await tx.one(rows)
    assert kept.recording == place(taken)
    assert kept.speaker
    assert "0.5" not in kept.speaker
    ended = await house.consents.withdraw(one.account_id, consent.id, note="", erase_videos=False)
    assert ended.erased is not None
    assert taken.recording in ended.erased.objects
    async with house.database.read() as tx:
        assert tuple(await tx.one(rows)) == (None, "")
    await house.erasures.work_off()
    assert place(taken) not in house.objects.kept


@pytest.mark.parametrize("name", ["words", "sentence", "face", "person", "voice", "age"])
async def test_a_film_that_was_not_enough_is_erased(house: House, name: str) -> None:
    one = await asked(house)
    taken = await take(house, one)
    after, consent = await conclude(house, taken, name)
    assert consent is None
    assert [check.name for check in after.checks if not check.passed] == [name]
    await house.erasures.work_off()
    assert place(taken) not in house.objects.kept
    page = await house.consents.list(one.account_id, limit=10, cursor="")
    assert page.items == ()


async def test_three_films_may_be_sent(house: House) -> None:
    one = await asked(house)
    for left in (2, 1, 0):
        after, _ = await conclude(house, await take(house, one), "face")
        assert after.tries_left == left
    with pytest.raises(StateConflict):
        await take(house, one)


async def test_what_nobody_could_look_at_is_no_try(house: House) -> None:
    one = await asked(house)
    taken = await take(house, one)
    after, consent = await house.challenges.conclude(
        one.account_id, one.id, taken.recording, NOTHING_SEEN
    )
    assert (after.tries_left, consent) == (3, None)
    await house.erasures.work_off()
    assert place(taken) not in house.objects.kept


async def test_a_check_that_is_missing_is_not_enough(house: House) -> None:
    one = await asked(house)
    whole = found()
    for less in (
        replace(whole, checks=tuple(each for each in whole.checks if each.name != "face")),
        replace(whole, voice=()),
    ):
        taken = await take(house, one)
        _, consent = await house.challenges.conclude(one.account_id, one.id, taken.recording, less)
        assert consent is None


async def test_a_later_film_takes_the_place_of_one_that_nobody_concluded(house: House) -> None:
    one = await asked(house)
    first, second = await take(house, one), await take(house, one)
    with pytest.raises(StateConflict):
        await conclude(house, first)
    _, consent = await conclude(house, second)
    assert consent is not None
    await house.erasures.work_off()
    assert place(first) not in house.objects.kept
    assert place(second) in house.objects.kept


async def test_two_at_once_get_one_consent(house: House) -> None:
    one = await asked(house)
    taken = await take(house, one)
    both = await asyncio.gather(
        conclude(house, taken), conclude(house, taken), return_exceptions=True
    )
    assert sum(isinstance(each, StateConflict) for each in both) == 1
    page = await house.consents.list(one.account_id, limit=10, cursor="")
    assert len(page.items) == 1


async def test_a_phrase_has_its_time(house: House) -> None:
    one = await asked(house)
    house.clock.advance(minutes=31)
    with pytest.raises(StateConflict):
        await take(house, one)
    assert (await house.challenges.get(one.account_id, one.id)).consent_id == ""


async def test_nothing_is_left_of_a_film_that_could_not_be_stored(house: House) -> None:
    one = await asked(house)
    with pytest.raises(UnsupportedMedia):
        await house.challenges.take(one.account_id, one.id, film(b"no film at all"))
    house.objects.down = True
    with pytest.raises(Unavailable):
        await take(house, one)
    house.objects.down = False
    assert (await house.challenges.get(one.account_id, one.id)).tries_left == 3
    assert not house.objects.kept


async def test_the_face_has_to_be_the_portrait_s(house: House) -> None:
    account = await house.account()
    asset = await house.asset(account.id)
    with pytest.raises(InvalidInput):
        await house.challenges.create(account.id, replace(NEW, purposes=("avatar",)))
    new = replace(NEW, purposes=("avatar",), asset_id=asset.id)
    one = await house.challenges.create(account.id, new)
    taken = await take(house, one)
    assert asset.picture is not None
    assert taken.portrait is not None
    assert taken.portrait.key == asset.picture.key
    _, consent = await conclude(house, taken, "portrait")
    assert consent is None
    await house.assets.delete(account.id, asset.id)
    with pytest.raises(AssetNotFound):
        await take(house, one)


async def test_of_a_minor_the_guardian_consents(house: House) -> None:
    account = await house.account()
    mother = Guardian("Anne", "mother", "Signed.")
    alone = await house.subjects.create(account.id, Details("Bea", minor=True))
    guarded = await house.subjects.create(account.id, Details("Cid", minor=True, guardian=mother))
    new = replace(NEW, subject="", given_by="guardian")
    with pytest.raises(GuardianConsentRequired):
        await house.challenges.create(account.id, replace(new, subject_id=alone.id))
    one = await house.challenges.create(account.id, replace(new, subject_id=guarded.id))
    _, consent = await conclude(house, await take(house, one), "age")
    assert consent is not None
    assert consent.given_by == "guardian"


async def test_with_a_minor_who_is_found_goes_what_they_were_to_read(house: House) -> None:
    one = await asked(house)
    taken = await take(house, one)
    await house.subjects.report_minor(
        one.account_id, one.subject_id, found_by="key_1", reason="Young."
    )
    with pytest.raises(ChallengeNotFound):
        await conclude(house, taken)
    await house.erasures.work_off()
    assert place(taken) not in house.objects.kept
    async with house.database.read() as tx:
        assert await tx.all(select(consent_challenges)) == []


async def test_challenges_are_their_account_s_alone(house: House) -> None:
    one = await asked(house)
    other = await house.account()
    taken = await take(house, one)
    for foreign in (
        house.challenges.get(other.id, one.id),
        house.challenges.take(other.id, one.id, film()),
        house.challenges.conclude(other.id, one.id, taken.recording, found()),
    ):
        with pytest.raises(ChallengeNotFound):
            await foreign
    with pytest.raises(SubjectNotFound):
        await house.challenges.create(other.id, replace(NEW, subject="", subject_id=one.subject_id))


async def test_the_phrase_lies_sealed(house: House) -> None:
    one = await asked(house)
    async with house.database.read() as tx:
        kept = (await tx.one(select(consent_challenges.c.phrase))).phrase
    assert one.phrase.secret not in kept


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_phrases_are_alike(language: str) -> None:
    phrases = [new_phrase(language, ("avatar", "voice"), "Ada Ltd") for _ in range(50)]
    assert len({phrase.secret for phrase in phrases}) == 50
    for phrase in phrases:
        assert "Ada Ltd" in phrase.text
        assert "Ada Ltd" not in phrase.sentence
        assert len(phrase.secret.replace("，", ",").split(",")) == WORDS
    assert "x" * 41 not in new_phrase(language, ("voice",), "x" * 41).text
