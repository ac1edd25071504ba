from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from services.common.errors import (
    AccountNotFound,
    AssetNotFound,
    AudioSilent,
    AudioUndecodable,
    DomainError,
    ImageTooLarge,
    ImageUndecodable,
    PayloadTooLarge,
    Unavailable,
    UnsupportedMedia,
)
from services.common.ids import new_id
from services.gateway.clients.storage import GrpcAssets, GrpcObjects
from services.gateway.records import Asset
from services.storage.assets.examiner import Examiner, MediaLimits
from tests.fakes.media_files import noise, picture_file, sound_file
from tests.integration.storage.conftest import SeaweedFs, Serve, Storage
from tests.unit.storage.assets.test_picture import png_that_claims

BLOCK = 100_000
PORTRAIT = picture_file(Image.new("RGB", (60, 40), "teal"), "JPEG")
SPEECH = sound_file(noise(3, 8_000), 8_000, "wav", "pcm_s16le")
SILENCE = sound_file(np.zeros((16_000, 1), np.int16), 16_000, "wav", "pcm_s16le")


async def blocks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), BLOCK):
        yield data[start : start + BLOCK]


async def upload(
    storage: Storage, data: bytes, name: str = "me.jpg", kinds: tuple[str, ...] = ()
) -> Asset:
    return await GrpcAssets(storage.channel).upload(
        storage.account_id, file_name=name, accept_kinds=kinds, data=blocks(data)
    )


async def test_a_picture_is_kept_as_sent_and_as_others_read_it(storage: Storage) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture_file(Image.new("RGB", (60, 40), "teal"), "JPEG", exif=exif)

    asset = await upload(storage, data, "../../x\0/Ada.jpg")

    assert (asset.kind, asset.content_type, asset.file_name) == ("image", "image/jpeg", "Ada.jpg")
    assert (asset.width, asset.height, asset.duration_s) == (40, 60, None)
    assert (asset.size_bytes, asset.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    objects = GrpcObjects(storage.channel)
    info, read = await objects.open(asset.object)
    assert info.content_type == "image/jpeg"
    assert b"".join([block async for block in read]) == data
    assert asset.picture
    info, read = await objects.open(asset.picture)
    assert info.content_type == "image/png"
    with Image.open(io.BytesIO(b"".join([block async for block in read]))) as picture:
        assert (picture.size, picture.mode, dict(picture.getexif())) == ((40, 60), "RGB", {})
    assert asset.object.key.startswith(f"{storage.account_id}/{asset.id}/")
    assert await GrpcAssets(storage.channel).get(storage.account_id, asset.id) == asset
    assert not list(storage.spool.iterdir())


async def test_a_recording_is_measured(storage: Storage) -> None:
    asset = await upload(storage, SPEECH, "speech.txt", ("audio",))
    assert (asset.kind, asset.content_type, asset.duration_s) == ("audio", "audio/wav", 3.0)
    assert (asset.width, asset.height, asset.picture) == (None, None, None)


@pytest.mark.parametrize(
    ("data", "kinds", "expected"),
    [
        (b"", (), UnsupportedMedia),
        (b"no picture", ("image",), UnsupportedMedia),
        (b"<html><script>alert(1)</script></html>", (), UnsupportedMedia),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", (), UnsupportedMedia),
        (PORTRAIT, ("audio",), UnsupportedMedia),
        (SPEECH, ("image",), UnsupportedMedia),
        (PORTRAIT[:300], (), ImageUndecodable),
        (png_that_claims(10_000, 10_000), (), ImageTooLarge),
        (PORTRAIT + bytes(20_000_000), (), PayloadTooLarge),
        (SPEECH + bytes(100_000_000), (), PayloadTooLarge),
        (SILENCE, (), AudioSilent),
        (SPEECH[:5000], (), AudioUndecodable),
        (b"ID3" + bytes(5000), (), AudioUndecodable),
    ],
)
async def test_what_can_not_be_used_is_refused_and_leaves_nothing(
    storage: Storage, data: bytes, kinds: tuple[str, ...], expected: type[DomainError]
) -> None:
    with pytest.raises(expected) as caught:
        await upload(storage, data, kinds=kinds)
    assert type(caught.value) is expected
    assert storage.stored() == set()
    assert not list(storage.spool.iterdir())
    page = await GrpcAssets(storage.channel).list(storage.account_id, limit=10, cursor="")
    assert page.items == ()


async def test_an_account_that_is_not_there_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(AccountNotFound):
        await GrpcAssets(storage.channel).upload(
            new_id("ac"), file_name="a", accept_kinds=(), data=blocks(PORTRAIT)
        )
    assert storage.stored() == set()


async def test_assets_are_listed_newest_first_and_erased_with_their_objects(
    storage: Storage,
) -> None:
    assets = GrpcAssets(storage.channel)
    first, second = await upload(storage, PORTRAIT), await upload(storage, SPEECH)
    page = await assets.list(storage.account_id, limit=10, cursor="")
    assert [asset.id for asset in page.items] == [second.id, first.id]

    await assets.delete(storage.account_id, first.id)

    with pytest.raises(AssetNotFound):
        await assets.get(storage.account_id, first.id)
    with pytest.raises(AssetNotFound):
        await assets.get(new_id("ac"), second.id)
    kept = {f"assets/{second.object.key}"}
    while storage.stored() != kept:
        await assets.get(storage.account_id, second.id)


async def test_an_upload_without_an_object_store_leaves_nothing(
    mortal_seaweedfs: SeaweedFs, serve_storage: Serve
) -> None:
    await asyncio.to_thread(mortal_seaweedfs.start)
    async with serve_storage(mortal_seaweedfs) as storage:
        mortal_seaweedfs.kill()
        with pytest.raises(Unavailable):
            await upload(storage, PORTRAIT)
        page = await GrpcAssets(storage.channel).list(storage.account_id, limit=10, cursor="")
        assert page.items == ()
        assert not list(storage.spool.iterdir())


async def test_a_file_that_takes_too_long_to_read_is_given_up(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(PORTRAIT)
    examiner = Examiner(MediaLimits(), parallel=1, timeout_s=0)
    with pytest.raises(ImageUndecodable):
        await examiner.picture(source, "JPEG", tmp_path / "picture.png")


async def test_a_file_that_breaks_its_reader_breaks_nothing_else(tmp_path: Path) -> None:
    examiner = Examiner(MediaLimits(), parallel=1, timeout_s=60)
    with pytest.raises(AudioUndecodable):
        # A reader that does not exist ends the process with a trace.
        await examiner.sound(tmp_path / "nothing", "no such reader")
    source = tmp_path / "source"
    source.write_bytes(SPEECH)
    assert (await examiner.sound(source, "wav")).duration_s == 3
