"""The ledger of consents, and what ends with one: followed into every table and object."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from services.common.errors import (
    AssetNotFound,
    AvatarNotFound,
    ConsentNotFound,
    ConsentRequired,
    InvalidInput,
    StateConflict,
    Unavailable,
    VideoNotFound,
)
from services.gateway.consents import Attested, Consent, NewConsent
from services.gateway.media import ObjectRef
from services.gateway.records import (
    Avatar,
    AvatarPack,
    AvatarStatus,
    NewVideo,
    StreamSpec,
    StreamStatus,
    Video,
    VideoResult,
    VideoSpec,
    VideoStatus,
)
from services.storage.catalog.tables import assets, avatars
from services.storage.refs import ObjectRef as Stored
from tests.contract.storage.catalog.conftest import House

NEW = NewConsent("employee 4711", ("avatar",), "Signed our release form.", "key_1")


async def shown(house: House, consent: Consent, *, asset_id: str = "") -> Avatar:
    """A ready avatar under a consent."""
    asset_id = asset_id or (await house.asset(consent.account_id)).id
    avatar = await house.avatars.create(
        consent.account_id, name="Ada", asset_id=asset_id, owns_asset=False, consent=consent.id
    )
    house.objects.kept |= {Stored(ref.bucket, ref.key) for ref in (avatar.pack, avatar.preview)}
    pack = AvatarPack(512, 640)
    return await house.avatars.finish(consent.account_id, avatar.id, AvatarStatus.READY, pack=pack)


async def queued(house: House, avatar: Avatar) -> Video:
    spec = VideoSpec(avatar.id, "Good day.", None, "vo_en_heart", 1.0, 0, 0, 25, True)
    return await house.videos.create(avatar.account_id, NewVideo(spec))


async def finished(house: House, avatar: Avatar) -> Video:
    video = await queued(house, avatar)
    stem = f"{video.account_id}/{video.id}"
    content, words = f"{stem}.mp4", f"{stem}.words.json"
    house.objects.kept |= {Stored("videos", content), Stored("videos", words)}
    await house.videos.lease(video.account_id, video.id, holder="wk", lease_s=30)
    places = ObjectRef("videos", content), ObjectRef("videos", words)
    return await house.videos.update(
        video.account_id,
        video.id,
        holder="wk",
        status=VideoStatus.SUCCEEDED,
        progress=1.0,
        result=VideoResult(*places, 2.0, 512, 640, 9),
    )


async def withdraw(house: House, consent: Consent, *, erase_videos: bool = False) -> Consent:
    return await house.consents.withdraw(
        consent.account_id, consent.id, note="asked by letter", erase_videos=erase_videos
    )


async def test_a_consent_is_kept_word_for_word(house: House) -> None:
    account, other = await house.account(), await house.account()
    until = datetime(2100, 1, 1, tzinfo=UTC)
    made = await house.consents.create(
        account.id,
        NewConsent("员工 4711", ("avatar",), "Signed.", "key_1", valid_until=until),
    )
    assert (made.subject, made.purposes, made.statement) == ("员工 4711", ("avatar",), "Signed.")
    assert (made.valid_until, made.ended_at, made.erased) == (until, None, None)
    assert await house.consents.get(account.id, made.id) == made
    assert (await house.consents.list(account.id, limit=10, cursor="")).items == (made,)
    with pytest.raises(ConsentNotFound):
        await house.consents.get(other.id, made.id)
    with pytest.raises(ConsentNotFound):
        await house.consents.withdraw(other.id, made.id, note="", erase_videos=True)


@pytest.mark.parametrize(
    "new",
    [
        NewConsent(" ", ("avatar",), "Signed.", "key_1"),
        NewConsent("x" * 201, ("avatar",), "Signed.", "key_1"),
        NewConsent("Ada", (), "Signed.", "key_1"),
        NewConsent("Ada", ("advertising",), "Signed.", "key_1"),
        NewConsent("Ada", ("avatar",), "", "key_1"),
        NewConsent(
            "Ada", ("avatar",), "Signed.", "k", valid_until=datetime(2020, 1, 1, tzinfo=UTC)
        ),
    ],
)
async def test_consents_that_say_nothing_are_refused(house: House, new: NewConsent) -> None:
    account = await house.account()
    with pytest.raises(InvalidInput):
        await house.consents.create(account.id, new)


async def test_an_avatar_that_comes_with_an_attestation_has_a_consent_of_its_own(
    house: House,
) -> None:
    account = await house.account()
    asset = await house.asset(account.id)
    avatar = await house.avatars.create(
        account.id, name="Ada", asset_id=asset.id, owns_asset=True, consent=Attested("key_7")
    )
    consent = await house.consents.get(account.id, avatar.consent_id)
    assert (consent.subject, consent.attested_by) == ("Ada", "key_7")
    assert "subject_authorised" in consent.statement


async def test_no_avatar_without_a_consent_that_holds(house: House) -> None:
    account, other = await house.account(), await house.account()
    asset = await house.asset(account.id)
    ended, foreign = [await house.consents.create(one.id, NEW) for one in (account, other)]
    await withdraw(house, ended)
    short = await house.consents.create(
        account.id,
        NewConsent("A", ("avatar",), "S", "k", datetime.now(UTC) + timedelta(hours=1)),
    )
    house.clock.advance(hours=2)
    for consent, error in (
        (ended, ConsentRequired),
        (short, ConsentRequired),
        (foreign, ConsentNotFound),
    ):
        with pytest.raises(error):
            await house.avatars.create(
                account.id, name="A", asset_id=asset.id, owns_asset=False, consent=consent.id
            )
    async with house.database.read() as tx:
        assert await tx.all(select(avatars)) == []


async def test_with_a_consent_goes_all_use_of_it_and_nothing_else(house: House) -> None:
    account = await house.account()
    consent = await house.consents.create(account.id, NEW)
    avatar, done = await shown(house, consent), None
    done, waiting, running = (
        await finished(house, avatar),
        await queued(house, avatar),
        await queued(house, avatar),
    )
    await house.videos.lease(account.id, running.id, holder="wk", lease_s=30)
    spec = StreamSpec(avatar.id, "", 320, 400, 25, 900, 86_400, record=False)
    stream = await house.streams.create(account.id, spec)
    kept = await house.avatar(account.id)
    kept_video = await house.videos.create(account.id, NewVideo(await _spec(kept)))
    portrait = (avatar.portrait.bucket, avatar.portrait.key)

    ended = await withdraw(house, consent)
    assert (ended.end_reason, ended.note) == ("withdrawn", "asked by letter")
    assert ended.erased is not None
    assert ended.erased.avatar_ids == (avatar.id,)
    assert set(ended.erased.video_ids) == {waiting.id, running.id}
    assert ended.erased.stream_ids == (stream.id,)
    assert portrait in {(ref.bucket, ref.key) for ref in ended.erased.objects}

    with pytest.raises(AvatarNotFound):
        await house.avatars.get(account.id, avatar.id)
    for video in (waiting, running):
        assert (await house.videos.get(account.id, video.id)).status is VideoStatus.CANCELLED
    with pytest.raises(StateConflict):
        await house.videos.update(
            account.id, running.id, holder="wk", status=VideoStatus.RENDERING, progress=0.5
        )
    told = await house.streams.get(account.id, stream.id)
    assert (told.status, told.reason) == (StreamStatus.ENDED, "consent_withdrawn")
    await house.erasures.work_off()
    assert not house.objects.kept & {Stored(ref.bucket, ref.key) for ref in ended.erased.objects}

    assert (await house.videos.get(account.id, done.id)).status is VideoStatus.SUCCEEDED
    assert Stored("videos", f"{account.id}/{done.id}.mp4") in house.objects.kept
    assert (await house.avatars.get(account.id, kept.id)).status is AvatarStatus.READY
    assert not (await house.videos.get(account.id, kept_video.id)).ended
    assert await withdraw(house, consent) == ended


async def _spec(avatar: Avatar) -> VideoSpec:
    return VideoSpec(avatar.id, "Good day.", None, "vo_en_heart", 1.0, 0, 0, 25, True)


async def test_finished_videos_go_too_when_that_is_wanted(house: House) -> None:
    account = await house.account()
    consent = await house.consents.create(account.id, NEW)
    avatar = await shown(house, consent)
    done = await finished(house, avatar)
    ended = await withdraw(house, consent, erase_videos=True)
    assert ended.erased is not None
    assert ended.erased.video_ids == (done.id,)
    await house.erasures.work_off()
    assert not house.objects.kept
    assert (await house.videos.get(account.id, done.id)).deleted_at is not None
    page = await house.videos.list(account.id, limit=10, cursor="")
    assert page.items == ()


async def test_a_picture_that_another_consent_needs_stays(house: House) -> None:
    account = await house.account()
    asset = await house.asset(account.id)
    first, second = [await house.consents.create(account.id, NEW) for _ in range(2)]
    await shown(house, first, asset_id=asset.id)
    await shown(house, second, asset_id=asset.id)
    await withdraw(house, first)
    assert (await house.assets.get(account.id, asset.id)).id == asset.id
    await withdraw(house, second)
    with pytest.raises(AssetNotFound):
        await house.assets.get(account.id, asset.id)
    async with house.database.read() as tx:
        assert await tx.all(select(assets)) == []


async def test_a_consent_that_runs_out_ends_as_if_it_were_withdrawn(house: House) -> None:
    account = await house.account()
    until = datetime.now(UTC) + timedelta(hours=1)
    consent = await house.consents.create(
        account.id, NewConsent("Ada", ("avatar",), "Signed.", "k", until)
    )
    avatar = await shown(house, consent)
    await house.withdrawals.expire()
    assert (await house.avatars.get(account.id, avatar.id)).status is AvatarStatus.READY
    house.clock.advance(hours=2)
    await house.withdrawals.expire()
    with pytest.raises(AvatarNotFound):
        await house.avatars.get(account.id, avatar.id)
    ended = await house.consents.get(account.id, consent.id)
    assert ended.end_reason == "expired"


async def test_replicas_that_look_at_once_end_a_consent_once(house: House) -> None:
    account = await house.account()
    until = datetime.now(UTC) + timedelta(hours=1)
    new = NewConsent("Ada", ("avatar",), "Signed.", "k", until)
    consent = await house.consents.create(account.id, new)
    avatar = await shown(house, consent)
    house.clock.advance(hours=2)
    await asyncio.gather(*(house.withdrawals.expire() for _ in range(4)))
    ended = await house.consents.get(account.id, consent.id)
    assert ended.erased is not None
    assert ended.erased.avatar_ids == (avatar.id,)


async def test_nothing_that_begins_at_that_moment_goes_on(house: House) -> None:
    account = await house.account()
    for _ in range(5):
        consent = await house.consents.create(account.id, NEW)
        avatar = await shown(house, consent)
        spec = StreamSpec(avatar.id, "", 320, 400, 25, 900, 86_400, record=False)
        begun = (house.streams.create(account.id, spec) for _ in range(3))
        made = await asyncio.gather(
            *begun, queued(house, avatar), withdraw(house, consent), return_exceptions=True
        )
        assert all(isinstance(one, AvatarNotFound) for one in made if isinstance(one, Exception))
        assert not [one for one in await house.streams.unended() if not one.ended]
        page = await house.videos.list(account.id, limit=100, cursor="")
        assert all(video.ended for video in page.items)


async def test_what_is_certified_is_gone_and_the_signature_proves_it(house: House) -> None:
    account = await house.account()
    consent = await house.consents.create(account.id, NEW)
    avatar = await shown(house, consent)
    with pytest.raises(StateConflict):
        await house.consents.certify(account.id, consent.id)
    house.objects.down = True
    await withdraw(house, consent)
    await house.erasures.work_off()
    with pytest.raises(Unavailable):
        await house.consents.certify(account.id, consent.id)
    house.objects.down = False
    house.clock.advance(minutes=1)
    await house.erasures.work_off()
    made = await house.consents.certify(account.id, consent.id)
    statement = json.loads(made.statement)
    assert (statement["type"], statement["consent_id"]) == ("erasure", consent.id)
    assert statement["avatars"] == [avatar.id]
    assert f"{avatar.pack.bucket}/{avatar.pack.key}" in statement["objects"]
    key = Ed25519PublicKey.from_public_bytes(made.public_key)
    key.verify(made.signature, made.statement)
    with pytest.raises(InvalidSignature):
        key.verify(made.signature, made.statement.replace(b"erasure", b"nothing"))


async def test_a_video_of_an_ended_consent_can_not_be_ordered(house: House) -> None:
    account = await house.account()
    consent = await house.consents.create(account.id, NEW)
    avatar = await shown(house, consent)
    await withdraw(house, consent)
    with pytest.raises((AvatarNotFound, VideoNotFound)):
        await queued(house, avatar)
