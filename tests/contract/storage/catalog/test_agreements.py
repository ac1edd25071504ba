"""Pictures without the mark: only under an agreement, and all of them on record."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from services.common.errors import AccountNotFound, AgreementRequired, StateConflict
from services.gateway.look import Look
from services.gateway.records import NewVideo, StreamSpec, Video
from services.storage.provenance.agreements import TEXT, VERSION
from services.storage.provenance.tables import unlabelled_agreements, unlabelled_outputs
from tests.contract.storage.catalog.conftest import House

UNMARKED = Look(unmarked=True)


async def unmarked(house: House, account_id: str) -> Video:
    return await house.videos.create(account_id, await house.new_video(account_id, look=UNMARKED))


async def accept(house: House, account_id: str) -> None:
    await house.provenance.accept_agreement(account_id, VERSION, actor_id="us_1")


async def outputs(house: House) -> list[tuple[str, str]]:
    async with house.database.read() as tx:
        rows = await tx.all(select(unlabelled_outputs).order_by(unlabelled_outputs.c.output_id))
    return [(row.account_id, row.output_id) for row in rows]


async def test_nothing_is_agreed_on_until_somebody_accepts_it(house: House) -> None:
    account = await house.account()
    asked = await house.provenance.agreement(account.id)
    assert (asked.version, asked.text) == (VERSION, TEXT)
    assert (asked.accepted_by, asked.accepted_at) == ("", None)
    accepted = await house.provenance.accept_agreement(account.id, VERSION, actor_id="us_1")
    assert accepted.accepted_by == "us_1"
    assert accepted.accepted_at is not None
    again = await house.provenance.accept_agreement(account.id, VERSION, actor_id="us_2")
    assert again == accepted == await house.provenance.agreement(account.id)


async def test_another_version_is_not_what_was_read(house: House) -> None:
    account = await house.account()
    with pytest.raises(StateConflict, match=VERSION):
        await house.provenance.accept_agreement(account.id, "1999-01", actor_id="us_1")
    with pytest.raises(AccountNotFound):
        await accept(house, "ac_nobody")
    with pytest.raises(AccountNotFound):
        await house.provenance.agreement("ac_nobody")


async def test_only_under_an_agreement_goes_anything_without_the_mark(house: House) -> None:
    account, other = await house.account(), await house.account()
    await accept(house, other.id)
    with pytest.raises(AgreementRequired):
        await unmarked(house, account.id)
    avatar = await house.avatar(account.id)
    spec = StreamSpec(avatar.id, "", 320, 400, 30, 900, 86_400, record=True, look=UNMARKED)
    with pytest.raises(AgreementRequired):
        await house.streams.create(account.id, spec)
    assert await outputs(house) == []

    await accept(house, account.id)
    video = await unmarked(house, account.id)
    assert video.spec.look.unmarked
    stream = await house.streams.create(account.id, spec)
    assert stream.spec.look.unmarked
    assert await outputs(house) == [(account.id, stream.id), (account.id, video.id)]

    await house.provenance.end_agreement(account.id, actor_id="us_1")
    with pytest.raises(AgreementRequired):
        await unmarked(house, account.id)
    with pytest.raises(AgreementRequired):
        await house.streams.create(account.id, spec)


async def test_a_recording_is_what_its_stream_was_permitted_to_be(house: House) -> None:
    account = await house.account()
    await accept(house, account.id)
    avatar = await house.avatar(account.id)
    spec = StreamSpec(avatar.id, "", 320, 400, 30, 900, 86_400, record=True, look=UNMARKED)
    stream = await house.streams.create(account.id, spec)
    await house.provenance.end_agreement(account.id, actor_id="us_1")
    new = await house.new_video(
        account.id, avatar_id=avatar.id, text=None, stream_id=stream.id, look=UNMARKED
    )
    video = await house.videos.create(account.id, NewVideo(replace(new.spec), {}, ""))
    assert video.spec.look.unmarked
    assert await outputs(house) == [(account.id, stream.id)]


async def test_what_was_accepted_and_made_stays_on_record(house: House) -> None:
    account = await house.account()
    await accept(house, account.id)
    video = await unmarked(house, account.id)
    await house.videos.delete(account.id, video.id)
    await house.provenance.end_agreement(account.id, actor_id="us_2")
    await house.provenance.end_agreement(account.id, actor_id="us_3")
    await accept(house, account.id)
    assert await outputs(house) == [(account.id, video.id)]
    async with house.database.read() as tx:
        rows = await tx.all(select(unlabelled_agreements).order_by(unlabelled_agreements.c.id))
    assert [(row.accepted_by, row.ended_by) for row in rows] == [("us_1", "us_2"), ("us_1", "")]
    assert {row.text for row in rows} == {TEXT}


async def test_a_text_of_before_has_to_be_accepted_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await house.account()
    await accept(house, account.id)
    monkeypatch.setattr("services.storage.provenance.agreements.VERSION", "2030-01")
    with pytest.raises(AgreementRequired):
        await unmarked(house, account.id)
    await house.provenance.accept_agreement(account.id, "2030-01", actor_id="us_1")
    assert (await unmarked(house, account.id)).spec.look.unmarked
