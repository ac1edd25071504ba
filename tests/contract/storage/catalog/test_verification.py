"""Whether a file was made here: by its manifest, its label, not by what anybody can write."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import av
import numpy as np
import pytest

from services.common.errors import PayloadTooLarge, UnsupportedMedia
from services.gateway.provenance import Label, Verified
from services.storage.recording.label import label_of
from services.storage.recording.media import RecordingFormat
from services.storage.recording.muxer import Muxer
from services.storage.refs import ObjectRef
from tests.contract.storage.catalog.conftest import MAX_VERIFIED_BYTES, PRODUCER, House, seal
from tests.fakes.media_files import noise
from tests.unit.storage.recording.test_muxer import HEIGHT, WIDTH, pictures, sounds

NOTHING = Verified(False, None, None, "", None)


def film(path: Path, video_id: str, producer: str = PRODUCER) -> Path:
    """A film with its label."""
    label = label_of(ObjectRef("videos", f"ac_1/{video_id}.mp4"), producer)
    muxer = Muxer(path, RecordingFormat(WIDTH, HEIGHT, 25, 24_000), label)
    for picture, sound in zip(pictures(10), sounds(noise(0.4, 24_000), 24_000), strict=True):
        muxer.add_frame(picture)
        muxer.add_sound(sound)
    muxer.finish()
    return path


def signed(path: Path, video_id: str) -> Path:
    """The same, with its manifest."""
    target = path.with_name("signed.mp4")
    seal().sign(film(path, video_id), target, video_id)
    return target


def without_metadata(source: Path, target: Path) -> Path:
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        streams = {one.index: new.add_stream_from_template(one) for one in old.streams}
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                new.mux(packet)
    return target


async def verify(house: House, account_id: str, content: bytes) -> Verified:
    async def blocks() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(content), 10_000):
            yield content[start : start + 10_000]

    return await house.provenance.verify(account_id, blocks())


async def test_a_whole_manifest_of_ours_is_proof_and_ones_own_video_is_named(
    house: House, tmp_path: Path
) -> None:
    account, stranger = await house.account(), await house.account()
    video = await house.video(account.id)
    content = signed(tmp_path / "v.mp4", video.id).read_bytes()
    mine = await verify(house, account.id, content)
    assert mine.made_here
    assert mine.manifest is not None
    assert (mine.manifest.title, mine.manifest.signer) == (video.id, PRODUCER)
    assert mine.manifest.ours
    assert mine.manifest.whole
    assert mine.label == Label(PRODUCER, video.id, ours=True)
    assert (mine.video_id, mine.created_at) == (video.id, video.created_at)
    theirs = await verify(house, stranger.id, content)
    assert theirs.made_here
    assert (theirs.video_id, theirs.created_at) == ("", None)


async def test_a_label_alone_is_a_claim_but_for_ones_own_videos(
    house: House, tmp_path: Path
) -> None:
    account, stranger = await house.account(), await house.account()
    video = await house.video(account.id)
    content = film(tmp_path / "v.mp4", video.id).read_bytes()
    claim = Label(PRODUCER, video.id, ours=True)
    assert await verify(house, account.id, content) == Verified(
        True, claim, None, video.id, video.created_at
    )
    # It might be forged, and must not tell whether there is such a video.
    assert await verify(house, stranger.id, content) == Verified(False, claim, None, "", None)
    nobodys = film(tmp_path / "w.mp4", "vd_nobody").read_bytes()
    assert not (await verify(house, account.id, nobodys)).made_here


async def test_the_label_of_another_maker_is_told_as_such(house: House, tmp_path: Path) -> None:
    account = await house.account()
    video = await house.video(account.id)
    content = film(tmp_path / "v.mp4", video.id, "somebody").read_bytes()
    told = await verify(house, account.id, content)
    assert told == Verified(False, Label("somebody", video.id, ours=False), None, "", None)


async def test_a_changed_file_is_no_longer_proved(house: House, tmp_path: Path) -> None:
    account = await house.account()
    content = bytearray(signed(tmp_path / "v.mp4", "vd_1").read_bytes())
    content[-100] ^= 1
    told = await verify(house, account.id, bytes(content))
    assert told.manifest is not None
    assert not told.manifest.whole
    assert not told.made_here


async def test_what_says_nothing_proves_nothing(house: House, tmp_path: Path) -> None:
    account = await house.account()
    stripped = without_metadata(film(tmp_path / "v.mp4", "vd_1"), tmp_path / "w.mp4")
    assert await verify(house, account.id, stripped.read_bytes()) == NOTHING
    broken = film(tmp_path / "x.mp4", "vd_1").read_bytes()[:200]
    assert await verify(house, account.id, broken) == NOTHING


async def test_only_media_of_a_known_kind_and_size_are_looked_at(house: House) -> None:
    account = await house.account()
    with pytest.raises(UnsupportedMedia):
        await verify(house, account.id, b"no film at all")
    large = np.zeros(MAX_VERIFIED_BYTES + 1, np.uint8).tobytes()
    with pytest.raises(PayloadTooLarge):
        await verify(house, account.id, large)
