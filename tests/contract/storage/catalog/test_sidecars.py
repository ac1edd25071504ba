"""Manifests beside files: of their account alone, and gone with their video."""

from __future__ import annotations

from services.storage.provenance.sidecars import Sidecars
from tests.contract.storage.catalog.conftest import House


async def test_a_manifest_is_told_to_its_account_alone(house: House) -> None:
    account, stranger = await house.account(), await house.account()
    video, sidecars = await house.video(account.id), Sidecars(house.database)
    assert await house.provenance.manifest(account.id, video.id) == b""
    for manifest in (b"first", b"again"):
        await sidecars.keep(video.id, manifest)
        assert await house.provenance.manifest(account.id, video.id) == manifest
    assert await house.provenance.manifest(stranger.id, video.id) == b""


async def test_it_goes_with_its_video_and_none_comes_later(house: House) -> None:
    account = await house.account()
    video, sidecars = await house.video(account.id), Sidecars(house.database)
    await sidecars.keep(video.id, b"manifest")
    await house.videos.delete(account.id, video.id)
    assert await sidecars.get(account.id, video.id) == b""
    for video_id in (video.id, "vd_nobody"):
        await sidecars.keep(video_id, b"late")
    assert await sidecars.get(account.id, video.id) == b""
