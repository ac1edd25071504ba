"""Copies that lost label and manifest are known again, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from services.storage.catalog.records import Problem, VideoStatus
from services.storage.catalog.videos import Move, Videos, end_videos
from services.storage.provenance.fingerprints import Fingerprints
from services.storage.provenance.tables import fingerprint_landmarks, fingerprints
from tests.contract.storage.catalog.conftest import House
from tests.contract.storage.catalog.test_verification import NOTHING, verify
from tests.fakes.films import film


async def made(house: House, account_id: str, path: Path) -> str:
    """A video that was recorded."""
    video = await house.video(account_id)
    await Fingerprints(house.database).keep(video.id, path, "mp4")
    return video.id


async def kept(house: House) -> int:
    """How many rows there are."""
    async with house.database.read() as tx:
        return sum(
            [len(await tx.all(select(one))) for one in (fingerprints, fingerprint_landmarks)]
        )


async def test_a_copy_is_known_again_and_named_to_its_owner_alone(
    house: House, tmp_path: Path
) -> None:
    account, stranger = await house.account(), await house.account()
    ours = film(tmp_path / "v.mp4", scene=1, speech=1, length_s=8)
    video_id = await made(house, account.id, ours)
    worse = film(tmp_path / "w.mp4", scene=1, speech=1, start_s=1.37, length_s=5, crf=20)
    told = await verify(house, account.id, worse.read_bytes())
    assert told.made_here
    assert told.video_id == video_id
    assert told.created_at == (await house.videos.get(account.id, video_id)).created_at
    assert (told.label, told.manifest) == (None, None)
    assert told.fingerprint is not None
    assert told.fingerprint.landmarks >= 8
    assert told.fingerprint.bits_apart <= 12
    theirs = await verify(house, stranger.id, worse.read_bytes())
    assert (theirs.made_here, theirs.fingerprint) == (True, told.fingerprint)
    assert (theirs.video_id, theirs.created_at) == ("", None)


async def test_ones_own_video_is_named_before_anothers(house: House, tmp_path: Path) -> None:
    account, stranger = await house.account(), await house.account()
    path = film(tmp_path / "v.mp4", scene=1, speech=1)
    both = {one.id: await made(house, one.id, path) for one in (account, stranger)}
    for account_id, video_id in both.items():
        assert (await verify(house, account_id, path.read_bytes())).video_id == video_id


@pytest.mark.parametrize(
    ("scene", "speech", "length_s"),
    [
        pytest.param(2, 1, 5, id="the same sound with other pictures"),
        pytest.param(1, 2, 5, id="the same avatar says something else"),
        pytest.param(2, 2, 5, id="another film"),
        pytest.param(1, 1, 0.4, id="too short to tell"),
    ],
)
async def test_pictures_and_sound_have_to_agree(
    house: House, tmp_path: Path, scene: int, speech: int, length_s: float
) -> None:
    account = await house.account()
    await made(house, account.id, film(tmp_path / "v.mp4", scene=1, speech=1))
    seen = film(tmp_path / "w.mp4", scene=scene, speech=speech, length_s=length_s)
    assert await verify(house, account.id, seen.read_bytes()) == NOTHING


async def test_recording_again_replaces_it(house: House, tmp_path: Path) -> None:
    account = await house.account()
    old, new = (film(tmp_path / f"{n}.mp4", scene=n, speech=n) for n in (1, 2))
    video_id = await made(house, account.id, old)
    await Fingerprints(house.database).keep(video_id, new, "mp4")
    assert await verify(house, account.id, old.read_bytes()) == NOTHING
    assert (await verify(house, account.id, new.read_bytes())).video_id == video_id


async def test_it_goes_with_its_video(house: House, tmp_path: Path) -> None:
    account = await house.account()
    path = film(tmp_path / "v.mp4", scene=1, speech=1)
    deleted = await made(house, account.id, path)
    await house.videos.delete(account.id, deleted)
    assert await kept(house) == 0
    cancelled = await made(house, account.id, path)
    await house.videos.cancel(account.id, cancelled)
    assert await kept(house) == 0
    ended = await house.videos.get(account.id, await made(house, account.id, path))
    async with house.database.write() as tx:
        faces = [ended.spec.avatar_id]
        await end_videos(tx, house.erasures, account.id, faces, finished_too=True)
    assert await kept(house) == 0
    assert await verify(house, account.id, path.read_bytes()) == NOTHING


async def test_a_job_that_fails_leaves_none(house: House, tmp_path: Path) -> None:
    account = await house.account()
    video_id = await made(house, account.id, film(tmp_path / "v.mp4", scene=1, speech=1))
    assert await kept(house) > 0
    await house.videos.lease(account.id, video_id, holder="w", lease_s=60)
    broke = Problem("INTERNAL", "it broke", retryable=False, categories=())
    failed = Move(VideoStatus.FAILED, 0.5, broke, None)
    await Videos(house.database, house.erasures).update(
        account.id, video_id, holder="w", move=failed
    )
    assert await kept(house) == 0


async def test_nothing_is_kept_of_what_has_ended_meanwhile_or_is_not_on_record(
    house: House, tmp_path: Path
) -> None:
    account = await house.account()
    path = film(tmp_path / "v.mp4", scene=1, speech=1)
    video = await house.video(account.id)
    await house.videos.delete(account.id, video.id)
    for video_id in (video.id, "vd_nobody"):
        await Fingerprints(house.database).keep(video_id, path, "mp4")
    assert await kept(house) == 0
