"""What the gateway relies on of the catalog holds for the fake and for the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy.engine import URL

from services.common.errors import (
    AccountNotFound,
    AssetNotFound,
    AvatarNotFound,
    AvatarNotReady,
    DomainError,
    InvalidInput,
    StateConflict,
    StreamNotFound,
    UnsupportedMedia,
    VideoNotFound,
)
from services.common.ids import new_id
from services.gateway.clients.peers import open_clients
from services.gateway.consents import Attested
from services.gateway.identity import Accounts, NewApiKey
from services.gateway.media import ObjectRef
from services.gateway.ports import Avatars, Idempotency, Streams, Videos
from services.gateway.records import (
    Answer,
    AvatarPack,
    AvatarStatus,
    NewVideo,
    StreamRecord,
    StreamSpec,
    StreamStatus,
    Trouble,
    Video,
    VideoResult,
    VideoSpec,
    VideoStatus,
)
from services.gateway.settings import GatewaySettings
from services.storage.catalog.records import AssetKind
from tests.contract.storage.catalog.conftest import House, open_house
from tests.fakes.servers import serve_stage
from tests.fakes.stage import Stage

TROUBLE = Trouble("no_face", "no face was found")


class Clock(Protocol):
    """What the catalog measures leases by."""

    def advance(self, **by: float) -> None: ...


class Shelf(Protocol):
    """Where uploads come from."""

    async def image(self) -> str: ...

    async def sound(self) -> str: ...


@dataclass
class Catalog:
    """The ports of one catalog, and an account in it."""

    accounts: Accounts
    avatars: Avatars
    videos: Videos
    streams: Streams
    idempotency: Idempotency
    clock: Clock
    shelf: Shelf
    account: str
    other: str

    async def preparing(self) -> str:
        asset_id = await self.shelf.image()
        made = await self.avatars.create(
            self.account, name="Ada", asset_id=asset_id, owns_asset=False, consent=Attested("key_1")
        )
        return made.id

    async def avatar(self) -> str:
        """A ready one."""
        avatar_id, pack = await self.preparing(), AvatarPack(512, 640)
        await self.avatars.finish(self.account, avatar_id, AvatarStatus.READY, pack=pack)
        return avatar_id

    async def video(self) -> Video:
        """A queued one."""
        return await self.videos.create(self.account, new_video(await self.avatar()))

    async def stream(self) -> StreamRecord:
        shown = StreamSpec(await self.avatar(), "", 0, 0, 25, 900, 86_400, record=True)
        return await self.streams.create(self.account, shown)

    async def update(self, video: Video, status: VideoStatus, **how: Any) -> Video:
        values: dict[str, Any] = {"holder": "wk_1", "progress": 0.5} | how
        return await self.videos.update(self.account, video.id, status=status, **values)

    async def lease(self, video: Video, holder: str = "wk_1") -> Video:
        return await self.videos.lease(self.account, video.id, holder=holder, lease_s=30)


@dataclass
class StageShelf:
    stage: Stage

    async def image(self) -> str:
        return await self._upload(b"IMG")

    async def sound(self) -> str:
        return await self._upload(b"SND")

    async def _upload(self, content: bytes) -> str:
        async def data() -> AsyncIterator[bytes]:
            yield content

        account_id = self.stage.account.id
        asset = await self.stage.assets.upload(
            account_id, file_name="a", accept_kinds=(), data=data()
        )
        return asset.id


@dataclass
class HouseShelf:
    house: House
    account_id: str

    async def image(self) -> str:
        return (await self.house.asset(self.account_id)).id

    async def sound(self) -> str:
        return (await self.house.asset(self.account_id, AssetKind.AUDIO)).id


@pytest.fixture(params=["fake", "fake over gRPC", "real"])
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Catalog]:
    async with AsyncExitStack() as stack:
        if request.param == "real":
            url = URL.create("sqlite+aiosqlite", database=str(tmp_path / "catalog.sqlite"))
            house = await stack.enter_async_context(open_house(url))
            account, other = (await house.account()).id, (await house.account()).id
            shelf = HouseShelf(house, account)
            yield catalog_of(house, house.clock, shelf, account, other)
            return
        stage = Stage()
        ports: Any = stage
        if request.param == "fake over gRPC":
            addresses = await stack.enter_async_context(serve_stage(stage))
            settings = GatewaySettings.model_validate(addresses.settings())
            ports = await stack.enter_async_context(open_clients(settings))
        stranger, _ = stage.stranger()
        yield catalog_of(ports, stage.clock, StageShelf(stage), stage.account.id, stranger.id)


def catalog_of(ports: Any, clock: Clock, shelf: Shelf, account: str, other: str) -> Catalog:
    return Catalog(
        accounts=ports.accounts,
        avatars=ports.avatars,
        videos=ports.videos,
        streams=ports.streams,
        idempotency=ports.idempotency,
        clock=clock,
        shelf=shelf,
        account=account,
        other=other,
    )


def new_video(avatar_id: str, **changes: Any) -> NewVideo:
    spec = VideoSpec(avatar_id, "Hello.", None, "vo_en_heart", 1.0, 320, 400, 25, True)
    return NewVideo(replace(spec, **changes), {"order": 7}, "https://example.com/")


def result_of(video: Video) -> VideoResult:
    stem = f"{video.account_id}/{video.id}"
    content, words = ObjectRef("videos", f"{stem}.mp4"), ObjectRef("videos", f"{stem}.words.json")
    return VideoResult(content, words, 2.5, 640, 800, 1000)


Make = Callable[[Catalog], Any]


@pytest.mark.parametrize(
    ("noun", "make"),
    [
        ("avatars", Catalog.preparing),
        ("videos", Catalog.video),
        ("streams", Catalog.stream),
    ],
)
async def test_lists_are_paged_newest_first(catalog: Catalog, noun: str, make: Make) -> None:
    for _ in range(5):
        await make(catalog)
    port, seen, cursor = getattr(catalog, noun), [], ""
    for expected in (2, 2, 1):
        page = await port.list(catalog.account, limit=2, cursor=cursor)
        assert len(page.items) == expected
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
    assert cursor == ""
    assert seen == sorted(set(seen), reverse=True)
    assert (await port.list(catalog.other, limit=2, cursor="")).items == ()
    for limit, made_up in ((0, ""), (101, ""), (2, "x")):
        with pytest.raises(InvalidInput):
            await port.list(catalog.account, limit=limit, cursor=made_up)


async def test_an_avatar_is_made_of_an_own_image(catalog: Catalog) -> None:
    image, sound = await catalog.shelf.image(), await catalog.shelf.sound()
    for account, asset_id, error in (
        (catalog.account, new_id("as"), AssetNotFound),
        (catalog.other, image, AssetNotFound),
        (catalog.account, sound, UnsupportedMedia),
    ):
        with pytest.raises(error):
            await catalog.avatars.create(
                account, name="A", asset_id=asset_id, owns_asset=True, consent=Attested("key_1")
            )


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (AvatarStatus.PREPARING, {"error": TROUBLE}),
        (AvatarStatus.READY, {}),
        (AvatarStatus.FAILED, {}),
        (AvatarStatus.REJECTED, {"pack": AvatarPack(512, 640)}),
    ],
)
async def test_the_end_of_preparing_says_what_came_of_it(
    catalog: Catalog, status: AvatarStatus, how: dict[str, Any]
) -> None:
    avatar_id = await catalog.preparing()
    with pytest.raises(InvalidInput):
        await catalog.avatars.finish(catalog.account, avatar_id, status, **how)


async def test_a_job_is_made_of_what_is_there(catalog: Catalog) -> None:
    avatar, preparing = await catalog.avatar(), await catalog.preparing()
    image, stream = await catalog.shelf.image(), await catalog.stream()

    async def refused(error: type[DomainError], account: str, avatar: str, **spec: Any) -> None:
        with pytest.raises(error):
            await catalog.videos.create(account, new_video(avatar, **spec))

    await refused(AvatarNotFound, catalog.account, new_id("av"))
    await refused(AvatarNotFound, catalog.other, avatar)
    await refused(AvatarNotReady, catalog.account, preparing)
    await refused(AssetNotFound, catalog.account, avatar, text=None, audio_asset_id=new_id("as"))
    await refused(UnsupportedMedia, catalog.account, avatar, text=None, audio_asset_id=image)
    await refused(StreamNotFound, catalog.account, avatar, text=None, stream_id=new_id("st"))
    await refused(StreamNotFound, catalog.other, avatar, text=None, stream_id=stream.id)
    await refused(InvalidInput, catalog.account, avatar, text=None, stream_id=stream.id)


async def test_a_queued_job_tells_its_place(catalog: Catalog) -> None:
    videos = [await catalog.video() for _ in range(3)]
    told = [await catalog.videos.get(catalog.account, video.id) for video in videos]
    assert sorted(video.queue_position for video in told if video.queue_position is not None) == [
        0,
        1,
        2,
    ]


@pytest.mark.parametrize("status", [VideoStatus.QUEUED, VideoStatus.RENDERING])
@pytest.mark.parametrize("lease_is_good", [True, False])
async def test_a_running_job_is_cancelled_at_once_when_its_lease_ran_out(
    catalog: Catalog, status: VideoStatus, lease_is_good: bool
) -> None:
    video = await catalog.video()
    await catalog.lease(video)
    if status is VideoStatus.RENDERING:
        await catalog.update(video, status)
    catalog.clock.advance(seconds=10 if lease_is_good else 31)
    asked = await catalog.videos.cancel(catalog.account, video.id)
    marked = status is VideoStatus.RENDERING and lease_is_good
    assert asked.status is (status if marked else VideoStatus.CANCELLED)
    assert asked.cancel_requested
    assert (asked.finished_at is None) == marked
    if not marked:
        with pytest.raises(StateConflict):
            await catalog.update(video, VideoStatus.RENDERING)


async def test_a_job_that_is_given_back_begins_anew(catalog: Catalog) -> None:
    video = await catalog.video()
    await catalog.lease(video)
    assert (await catalog.update(video, VideoStatus.RENDERING)).progress == 0.5
    assert (await catalog.update(video, VideoStatus.RENDERING, progress=0.25)).progress == 0.5
    again = await catalog.update(video, VideoStatus.QUEUED)
    assert (again.status, again.progress, again.attempts) == (VideoStatus.QUEUED, 0.0, 1)
    assert (await catalog.lease(video, "wk_2")).attempts == 2


async def test_a_cancelled_job_that_is_given_back_ends(catalog: Catalog) -> None:
    video = await catalog.video()
    await catalog.lease(video)
    await catalog.update(video, VideoStatus.RENDERING)
    await catalog.videos.cancel(catalog.account, video.id)
    back = await catalog.update(video, VideoStatus.QUEUED)
    assert back.status is VideoStatus.CANCELLED
    assert back.finished_at is not None
    with pytest.raises(StateConflict):
        await catalog.lease(video, "wk_2")


async def test_an_end_brings_its_result_or_its_error(catalog: Catalog) -> None:
    video = await catalog.video()
    result = result_of(video)
    await catalog.lease(video)
    for status, how in (
        (VideoStatus.SUCCEEDED, {}),
        (VideoStatus.SUCCEEDED, {"result": result, "error": TROUBLE}),
        (VideoStatus.FAILED, {}),
        (VideoStatus.REJECTED, {}),
        (VideoStatus.CANCELLED, {"error": TROUBLE}),
        (VideoStatus.RENDERING, {"result": result}),
        (VideoStatus.RENDERING, {"progress": 1.5}),
    ):
        with pytest.raises(InvalidInput):
            await catalog.update(video, status, **how)
    done = await catalog.update(video, VideoStatus.SUCCEEDED, result=result)
    assert (done.progress, done.width, done.content) == (1.0, 640, result.content)
    assert None not in (done.started_at, done.finished_at)


async def test_a_lease_names_its_holder_and_lasts(catalog: Catalog) -> None:
    video = await catalog.video()
    for holder, lease_s in (("", 30), ("wk_1", 0)):
        with pytest.raises(InvalidInput):
            await catalog.videos.lease(catalog.account, video.id, holder=holder, lease_s=lease_s)


async def test_a_lease_that_ran_out_is_its_holders_until_another_takes_it(
    catalog: Catalog,
) -> None:
    video = await catalog.video()
    await catalog.lease(video)
    with pytest.raises(StateConflict):
        await catalog.lease(video, "wk_2")
    catalog.clock.advance(seconds=31)
    await catalog.update(video, VideoStatus.RENDERING)
    assert (await catalog.lease(video, "wk_2")).attempts == 2
    with pytest.raises(StateConflict):
        await catalog.update(video, VideoStatus.RENDERING)


async def test_stranded_jobs_are_idle_and_held_by_nobody(catalog: Catalog) -> None:
    preparing, video = await catalog.preparing(), await catalog.video()
    held = await catalog.video()
    await catalog.lease(held)
    assert await stranded(catalog) == ([], [])
    catalog.clock.advance(seconds=20)
    assert await stranded(catalog) == ([video.id], [preparing])
    catalog.clock.advance(seconds=20)
    assert await stranded(catalog) == (sorted([video.id, held.id]), [preparing])
    (brief, _) = (await catalog.videos.stranded(idle_s=15)).videos
    assert (brief.spec.text, brief.metadata) == ("", {})


async def stranded(catalog: Catalog) -> tuple[list[str], list[str]]:
    found = await catalog.videos.stranded(idle_s=15)
    return sorted(video.id for video in found.videos), [avatar.id for avatar in found.avatars]


async def test_an_erased_video_is_a_tombstone(catalog: Catalog) -> None:
    video = await catalog.video()
    await catalog.lease(video)
    await catalog.videos.delete(catalog.account, video.id)
    await catalog.videos.delete(catalog.account, video.id)
    left = await catalog.videos.get(catalog.account, video.id)
    assert (left.status, left.spec.text, left.webhook_url) == (VideoStatus.CANCELLED, "", "")
    assert (left.metadata, left.content, left.words) == ({}, None, None)
    assert None not in (left.deleted_at, left.finished_at)
    assert (await catalog.videos.list(catalog.account, limit=5, cursor="")).items == ()
    with pytest.raises(StateConflict):
        await catalog.update(video, VideoStatus.RENDERING)


async def test_only_a_claimed_key_gets_an_answer_and_keeps_it(catalog: Catalog) -> None:
    keys, account = catalog.idempotency, catalog.account
    with pytest.raises(StateConflict):
        await keys.complete(account, "k", Answer(201, "{}"))
    assert await keys.begin(account, "k", "aa") is None
    await keys.complete(account, "k", Answer(201, "{}"))
    with pytest.raises(StateConflict):
        await keys.complete(account, "k", Answer(202, "{}"))
    await keys.abandon(account, "k")
    assert await keys.begin(account, "k", "aa") == Answer(201, "{}")


async def test_a_key_is_of_an_account_that_exists(catalog: Catalog) -> None:
    with pytest.raises(AccountNotFound):
        await catalog.accounts.create_key(new_id("ac"), NewApiKey("k", ("*",), "operator"))


async def test_a_stream_shows_an_own_avatar_that_is_ready(catalog: Catalog) -> None:
    stream, preparing = await catalog.stream(), await catalog.preparing()
    assert (stream.status, stream.reason, stream.ended) == (StreamStatus.CREATED, "", False)
    for account, avatar_id, error in (
        (catalog.account, new_id("av"), AvatarNotFound),
        (catalog.other, stream.spec.avatar_id, AvatarNotFound),
        (catalog.account, preparing, AvatarNotReady),
    ):
        with pytest.raises(error):
            await catalog.streams.create(account, replace(stream.spec, avatar_id=avatar_id))
    with pytest.raises(StreamNotFound):
        await catalog.streams.get(catalog.other, stream.id)


@pytest.mark.parametrize("before", list(StreamStatus))
@pytest.mark.parametrize("after", list(StreamStatus))
async def test_a_stream_moves_forward_and_ends_once(
    catalog: Catalog, before: StreamStatus, after: StreamStatus
) -> None:
    stream = await catalog.stream()

    async def move(status: StreamStatus, reason: str) -> StreamRecord:
        why = reason if status.is_end else ""
        catalog.clock.advance(seconds=1)
        return await catalog.streams.move(catalog.account, stream.id, status, reason=why)

    stood = await move(before, "idle_timeout")
    assert (stood.live_at is not None, stood.ended_at is not None) == (
        before is StreamStatus.LIVE,
        before.is_end,
    )
    order = list(StreamStatus)
    if before is after:
        assert await move(after, "deleted") == stood
    elif before.is_end or order.index(after) < order.index(before):
        with pytest.raises(StateConflict):
            await move(after, "deleted")
    else:
        moved = await move(after, "deleted")
        assert (moved.status, moved.reason) == (after, "deleted" if after.is_end else "")
        assert await catalog.streams.get(catalog.account, stream.id) == moved


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (StreamStatus.LIVE, "deleted"),
        (StreamStatus.ENDED, ""),
        (StreamStatus.FAILED, "Gone away"),
        (StreamStatus.FAILED, "x" * 65),
    ],
)
async def test_a_reason_is_a_word_and_belongs_to_an_end(
    catalog: Catalog, status: StreamStatus, reason: str
) -> None:
    stream = await catalog.stream()
    with pytest.raises(InvalidInput):
        await catalog.streams.move(catalog.account, stream.id, status, reason=reason)


async def test_a_stream_names_one_video_that_is_made_of_it(catalog: Catalog) -> None:
    stream, other = await catalog.stream(), await catalog.video()
    made = new_video(stream.spec.avatar_id, text=None, stream_id=stream.id)
    first = await catalog.videos.create(catalog.account, made)
    second = await catalog.videos.create(catalog.account, made)
    assert (first.spec.stream_id, first.spec.text) == (stream.id, None)

    async def name(video: Video) -> StreamRecord:
        return await catalog.streams.move(
            catalog.account, stream.id, StreamStatus.LIVE, recording_video_id=video.id
        )

    with pytest.raises(VideoNotFound):
        await name(other)
    assert (await catalog.streams.get(catalog.account, stream.id)).status is StreamStatus.CREATED
    assert (await name(first)).recording_video_id == first.id
    assert (await name(first)).recording_video_id == first.id
    with pytest.raises(StateConflict):
        await name(second)


async def test_unended_streams_are_told_oldest_first_in_parts(catalog: Catalog) -> None:
    made = sorted([await catalog.stream() for _ in range(4)], key=lambda stream: stream.id)
    await catalog.streams.move(
        catalog.account, made[1].id, StreamStatus.ENDED, reason="idle_timeout"
    )
    expected = [made[0], made[2], made[3]]
    assert list(await catalog.streams.unended()) == expected
    assert list(await catalog.streams.unended(limit=2)) == expected[:2]
    assert list(await catalog.streams.unended(limit=2, after=made[2].id)) == expected[2:]
    for limit in (0, 501):
        with pytest.raises(InvalidInput):
            await catalog.streams.unended(limit=limit)
