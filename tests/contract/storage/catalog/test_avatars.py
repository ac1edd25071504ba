"""The record of avatars."""

from __future__ import annotations

import asyncio

import pytest
from vultus.storage.v1 import catalog_service_pb2 as wire

from services.common.errors import (
    AssetNotFound,
    AvatarNotFound,
    InvalidInput,
    StateConflict,
    UnsupportedMedia,
)
from services.common.grpc_client import unary
from services.common.ids import is_id, new_id
from services.gateway.consents import Attested
from services.gateway.records import AvatarPack, AvatarStatus, Trouble
from services.storage.catalog.records import AssetKind
from services.storage.refs import ObjectRef
from tests.contract.storage.catalog.conftest import House

TROUBLE = Trouble("no_face", "no human face was found")


async def test_a_new_avatar_is_preparing_and_knows_its_places(house: House) -> None:
    account = await house.account()
    asset = await house.asset(account.id)
    avatar = await house.avatars.create(
        account.id, name="Ada", asset_id=asset.id, owns_asset=False, consent=Attested("key_1")
    )
    assert is_id(avatar.id, "av")
    assert (avatar.kind, avatar.name, avatar.status) == ("picture", "Ada", AvatarStatus.PREPARING)
    assert (avatar.width, avatar.height, avatar.error) == (0, 0, None)
    assert asset.picture is not None
    assert (avatar.portrait.bucket, avatar.portrait.key) == ("assets", asset.picture.key)
    for place in (avatar.pack, avatar.preview):
        assert place.bucket == "avatars"
        assert place.key.startswith(f"{account.id}/{avatar.id}")
    assert avatar.pack != avatar.preview
    assert await house.avatars.get(account.id, avatar.id) == avatar


async def test_the_attestation_is_recorded_with_its_time(house: House) -> None:
    account = await house.account()
    avatar = await house.preparing(account.id)
    request = wire.GetAvatarRequest(account_id=account.id, avatar_id=avatar.id)
    told = (await unary(house.stub.GetAvatar(request))).avatar
    assert told.attested_at == told.created_at
    assert told.asset_id


async def test_an_avatar_is_made_from_an_own_image_alone(house: House) -> None:
    account, other = await house.account(), await house.account()
    strange = await house.asset(other.id)
    sound = await house.asset(account.id, AssetKind.AUDIO)
    for asset_id, error in (
        (strange.id, AssetNotFound),
        (new_id("as"), AssetNotFound),
        (sound.id, UnsupportedMedia),
    ):
        with pytest.raises(error):
            await house.avatars.create(
                account.id,
                name="Ada",
                asset_id=asset_id,
                owns_asset=True,
                consent=Attested("key_1"),
            )
    assert (await house.avatars.list(account.id, limit=10, cursor="")).items == ()


async def test_a_ready_avatar_has_a_size(house: House) -> None:
    account = await house.account()
    avatar = await house.preparing(account.id)
    ready = await house.avatars.finish(
        account.id, avatar.id, AvatarStatus.READY, pack=AvatarPack(512, 640)
    )
    assert (ready.status, ready.width, ready.height) == (AvatarStatus.READY, 512, 640)
    assert await house.avatars.get(account.id, avatar.id) == ready


@pytest.mark.parametrize("status", [AvatarStatus.FAILED, AvatarStatus.REJECTED])
async def test_an_avatar_that_could_not_be_made_says_why(
    house: House, status: AvatarStatus
) -> None:
    account = await house.account()
    avatar = await house.preparing(account.id)
    trouble = Trouble("content_rejected", "refused", retryable=True, categories=("sexual", "x"))
    ended = await house.avatars.finish(account.id, avatar.id, status, error=trouble)
    assert (ended.status, ended.error) == (status, trouble)


async def test_an_avatar_is_finished_once(house: House) -> None:
    account = await house.account()
    avatar = await house.preparing(account.id)

    async def finish(status: AvatarStatus) -> AvatarStatus:
        ready = status is AvatarStatus.READY
        ended = await house.avatars.finish(
            account.id,
            avatar.id,
            status,
            error=None if ready else TROUBLE,
            pack=AvatarPack(1, 1) if ready else None,
        )
        return ended.status

    results = await asyncio.gather(
        *(finish(status) for status in [AvatarStatus.READY, AvatarStatus.FAILED] * 4),
        return_exceptions=True,
    )
    (won,) = [result for result in results if isinstance(result, AvatarStatus)]
    assert [type(result) for result in results].count(StateConflict) == 7
    assert (await house.avatars.get(account.id, avatar.id)).status is won


async def test_an_end_that_makes_no_sense_is_refused(house: House) -> None:
    account = await house.account()
    avatar = await house.preparing(account.id)
    senseless = (
        wire.FinishAvatarRequest(),
        wire.FinishAvatarRequest(status=wire.AVATAR_STATUS_PREPARING),
        wire.FinishAvatarRequest(status=wire.AVATAR_STATUS_READY),
        wire.FinishAvatarRequest(status=wire.AVATAR_STATUS_FAILED),
    )
    for request in senseless:
        request.account_id, request.avatar_id = account.id, avatar.id
        with pytest.raises(InvalidInput):
            await unary(house.stub.FinishAvatar(request))


async def test_another_accounts_avatar_is_not_found(house: House) -> None:
    account, other = await house.account(), await house.account()
    avatar = await house.preparing(account.id)
    with pytest.raises(AvatarNotFound):
        await house.avatars.get(other.id, avatar.id)
    with pytest.raises(AvatarNotFound):
        await house.avatars.finish(other.id, avatar.id, AvatarStatus.READY, pack=AvatarPack(1, 1))
    with pytest.raises(AvatarNotFound):
        await house.avatars.delete(other.id, avatar.id)
    assert await house.avatars.get(account.id, avatar.id) == avatar


async def test_erasing_takes_the_pack_the_preview_and_a_portrait_of_its_own(house: House) -> None:
    account = await house.account()
    avatar = await house.avatar(account.id, owns_asset=True)
    assert len(house.objects.kept) == 4
    await house.avatars.delete(account.id, avatar.id)
    await house.erasures.work_off()
    assert house.objects.kept == set()
    with pytest.raises(AvatarNotFound):
        await house.avatars.get(account.id, avatar.id)
    assert (await house.assets.list(account.id, limit=10, cursor="")).items == ()


async def test_erasing_leaves_a_portrait_that_was_uploaded_before(house: House) -> None:
    account = await house.account()
    avatar = await house.avatar(account.id)
    await house.avatars.delete(account.id, avatar.id)
    await house.erasures.work_off()
    (asset,) = (await house.assets.list(account.id, limit=10, cursor="")).items
    assert house.objects.kept == set(asset.objects)


async def test_an_avatar_outlives_its_asset(house: House) -> None:
    account = await house.account()
    avatar = await house.avatar(account.id, owns_asset=True)
    (asset,) = (await house.assets.list(account.id, limit=10, cursor="")).items
    await house.assets.delete(account.id, asset.id)
    assert (await house.avatars.get(account.id, avatar.id)).status is AvatarStatus.READY
    await house.avatars.delete(account.id, avatar.id)
    await house.erasures.work_off()
    assert house.objects.kept == set()


async def test_what_a_late_worker_writes_for_an_erased_avatar_goes_too(house: House) -> None:
    account = await house.account()
    avatar = await house.preparing(account.id)
    await house.avatars.delete(account.id, avatar.id)
    await house.erasures.work_off()
    places = {ObjectRef(ref.bucket, ref.key) for ref in (avatar.pack, avatar.preview)}
    house.objects.kept |= places
    house.clock.advance(hours=7)
    await house.erasures.work_off()
    assert not house.objects.kept & places
