"""The gRPC clients against real servers: what goes in comes out, and errors keep their class."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import pytest

from services.common.errors import (
    AssetNotFound,
    AudioUndecodable,
    AvatarNotFound,
    DomainError,
    IdempotencyConflict,
    NoFace,
    NotFound,
    StateConflict,
    StorageFull,
    StreamNotFound,
    Unauthenticated,
    Unavailable,
    VideoNotFound,
    VoiceNotFound,
)
from services.gateway.clients.peers import Clients, approvals_of, open_clients
from services.gateway.consents import Attested
from services.gateway.identity import NewApiKey
from services.gateway.look import Cue, ImageAsset, Look, Performance
from services.gateway.media import (
    Act,
    Action,
    AnimationStarted,
    AudioChunk,
    Background,
    Blur,
    Colour,
    Control,
    Expression,
    ExpressionName,
    Frame,
    Gesture,
    Gestures,
    Idle,
    Mark,
    MarkText,
    MouthSource,
    ObjectRef,
    Photo,
    Recordable,
    Transparent,
    UtteranceEnd,
    UtteranceStart,
    Word,
)
from services.gateway.media import Cue as TimelineCue
from services.gateway.moderation.approval import Approver
from services.gateway.permissions import Caller, Scope
from services.gateway.pipeline import Services as Pipeline
from services.gateway.pipeline import SpokenText, VideoOrder, make_video
from services.gateway.pipeline import Stage as Step
from services.gateway.ports import AnimationConfig, RecordingHeader
from services.gateway.records import (
    Answer,
    Asset,
    AvatarPack,
    AvatarStatus,
    Finding,
    NewVideo,
    Scalar,
    StreamSpec,
    StreamStatus,
    Suggestion,
    Trouble,
    Verdict,
    VideoResult,
    VideoSpec,
    VideoStatus,
)
from services.gateway.settings import GatewaySettings
from tests.fakes.servers import Addresses, serve_stage
from tests.fakes.stage import Stage

TEXT = "Good day to you. How are you."
HAPPY = Expression(ExpressionName.HAPPY, 0.5)
LOOK = Look(
    Performance(
        HAPPY, (Cue(time_us=1_500, action=Action.NOD), Cue(text_offset=2, expression=HAPPY))
    ),
    ImageAsset("as_wall"),
)
CONFIG = AnimationConfig(ObjectRef("avatars", "pack"), 320, 400, 30, 24_000)


@pytest.fixture
async def addresses(stage: Stage) -> AsyncIterator[Addresses]:
    async with serve_stage(stage) as addresses:
        yield addresses


@pytest.fixture
async def clients(addresses: Addresses) -> AsyncIterator[Clients]:
    async with open_clients(GatewaySettings.model_validate(addresses.settings())) as clients:
        yield clients


class Silent:
    """An observer that does nothing."""

    def entered(self, stage: Step) -> None:
        pass

    def advanced(self, share: float) -> None:
        pass


def played(stage: Stage) -> list[Recordable]:
    """What was recorded, without the words, which may come earlier than they must."""
    return [item for item in stage.recorder.media if not isinstance(item, tuple)]


def written(stage: Stage) -> list[Word]:
    return [word for item in stage.recorder.media if isinstance(item, tuple) for word in item]


def approver(stage: Stage, clients: Clients) -> Approver:
    """Moderation over the wire."""
    return approvals_of(clients, stage.jobs, stage.news).for_job(stage.account.id, "video")


def order() -> VideoOrder:
    script = SpokenText(TEXT, "vo_en_heart", 1.0)
    content, words = ObjectRef("videos", "v"), ObjectRef("videos", "w")
    return VideoOrder(script, ObjectRef("avatars", "p"), 0, 0, 25, content, words, 5.0)


async def test_the_pipeline_gives_the_same_over_the_wire(stage: Stage, clients: Clients) -> None:
    direct = Stage()
    judge = direct.approvals.for_job(direct.account.id, "video")
    await make_video(direct.services, judge, order(), Silent())
    services = Pipeline(clients.speaker, clients.animator, clients.recorder)
    made = await make_video(services, approver(stage, clients), order(), Silent())
    assert played(stage) == played(direct)
    assert written(stage) == written(direct)
    assert stage.recorder.headers == direct.recorder.headers
    assert stage.animator.cues == direct.animator.cues
    assert (made.width, made.height) == (512, 640)


@pytest.mark.parametrize("part", ["moderator", "speaker", "animator", "recorder"])
@pytest.mark.parametrize("error", [Unavailable, StorageFull, VoiceNotFound])
async def test_an_error_of_any_service_keeps_its_class(
    stage: Stage, clients: Clients, part: str, error: type[DomainError]
) -> None:
    getattr(stage, part).error = error("what happened")
    services = Pipeline(clients.speaker, clients.animator, clients.recorder)
    with pytest.raises(error, match="what happened"):
        await make_video(services, approver(stage, clients), order(), Silent())
    assert not stage.objects.kept


async def test_an_error_of_what_is_sent_surfaces_where_it_is_read(clients: Clients) -> None:
    async def broken() -> AsyncGenerator[TimelineCue, None]:
        yield Idle(80_000)
        raise AudioUndecodable("the recording broke")

    async with aclosing(clients.animator.animate(CONFIG, broken())) as drawn:
        with pytest.raises(AudioUndecodable):
            _ = [item async for item in drawn]


@pytest.mark.parametrize(
    "background",
    [Colour(0x00B140), Photo(ObjectRef("assets", "wall")), Blur(0.25), Transparent(), None],
)
async def test_what_is_asked_of_a_face_comes_through(
    stage: Stage, clients: Clients, background: Background | None
) -> None:
    acts: list[TimelineCue | Control] = [
        *(Act(standing=Expression(name, 0.5)) for name in ExpressionName),
        *(Act(action=action) for action in Action),
    ]
    gestures = Gestures((Gesture(400_000, HAPPY, Action.TILT), Gesture(0, action=Action.SHAKE)))
    asked = [
        *acts,
        UtteranceStart("u", MouthSource.VISEMES),
        gestures,
        UtteranceEnd(),
    ]

    async def cues() -> AsyncGenerator[TimelineCue | Control, None]:
        for cue in asked:
            yield cue

    mark = Mark(MarkText.CHINESE, 2_000_000)
    config = replace(CONFIG, seed=7, background=background, mark=mark)
    async with aclosing(clients.animator.animate(config, cues())) as drawn:
        _ = [item async for item in drawn]
    assert stage.animator.configs == [config]
    assert stage.animator.cues == asked


async def test_pictures_with_alpha_are_recorded_as_such(stage: Stage, clients: Clients) -> None:
    frames = [Frame(b"frame", 0, True, b"alpha"), Frame(b"next", 40_000, False, b"more")]

    async def drawn() -> AsyncGenerator[Recordable, None]:
        for frame in frames:
            yield frame

    place = ObjectRef("videos", "v.webm")
    header = RecordingHeader(place, None, 320, 400, 25, 24_000, transparent=True)
    await clients.recorder.record(header, drawn())
    assert stage.recorder.headers == [header]
    assert stage.recorder.media == frames


async def test_an_error_of_what_is_recorded_stores_nothing(stage: Stage, clients: Clients) -> None:
    async def broken() -> AsyncGenerator[Recordable, None]:
        yield Frame(b"frame", 0, True)
        raise Unavailable("lipsync is down")

    header = RecordingHeader(ObjectRef("videos", "v"), None, 320, 400, 25, 24_000)
    with pytest.raises(Unavailable):
        await clients.recorder.record(header, broken())
    assert not stage.objects.kept


async def test_leaving_an_animation_early_closes_its_source_and_its_call(
    stage: Stage, clients: Clients
) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncGenerator[TimelineCue, None]:
        try:
            while True:
                yield Idle(1_000_000)
        finally:
            closed.set()

    async with aclosing(clients.animator.animate(CONFIG, endless())) as drawn:
        assert await anext(drawn) == AnimationStarted(320, 400, 30, 24_000)
        await anext(drawn)
    assert closed.is_set()


async def test_cancelling_a_reader_cancels_the_call(stage: Stage, clients: Clients) -> None:
    reached = asyncio.Event()

    async def stand_still(frame: int) -> None:
        reached.set()
        await asyncio.Event().wait()

    async def read() -> None:
        async def one() -> AsyncGenerator[TimelineCue, None]:
            yield Idle(80_000)

        async for _ in clients.animator.animate(CONFIG, one()):
            pass

    stage.animator.before_frame = stand_still
    task = asyncio.ensure_future(read())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_slow_reader_holds_back_a_fast_source(stage: Stage, clients: Clients) -> None:
    sent = 0

    async def endless() -> AsyncGenerator[TimelineCue, None]:
        nonlocal sent
        while True:
            sent += 1
            yield AudioChunk(bytes(96_000), 48_000, 0)

    async with aclosing(clients.animator.animate(CONFIG, endless())) as drawn:
        for _ in range(20):
            await anext(drawn)
        assert sent < 50


async def test_a_peer_that_is_not_there_is_unavailable() -> None:
    settings = GatewaySettings(moderation_address="127.0.0.1:1", tts_address="127.0.0.1:1")
    async with open_clients(settings) as clients:
        with pytest.raises(Unavailable):
            await clients.moderator.check_text("Hello.")
        with pytest.raises(Unavailable):
            await anext(clients.speaker.speak("Hello.", voice_id="vo_en_heart", speed=1.0))
        assert not any((await clients.health.serving()).values())


async def test_verdicts_voices_and_avatars_come_through(stage: Stage, clients: Clients) -> None:
    assert all((await clients.health.serving()).values())
    found = Finding("hate", "slur", 0.5, "MODEL", ((1, 3),))
    stage.moderator.verdict = Verdict(
        Suggestion.REVIEW,
        ("hate",),
        "v1",
        findings=(found,),
        evaluated=("hate",),
        not_evaluated=("fraud",),
    )
    assert await clients.moderator.check_text("a", language="en") == stage.moderator.verdict
    assert stage.moderator.languages == ["en"]
    assert await clients.moderator.check_image(ObjectRef("a", "b")) == stage.moderator.verdict
    assert await clients.speaker.voices("zh") == await stage.speaker.voices("zh")
    await clients.animator.inspect(ObjectRef("a", "b"))
    pack = await clients.animator.prepare(
        ObjectRef("a", "b"), pack=ObjectRef("a", "c"), preview=ObjectRef("a", "d")
    )
    assert pack == AvatarPack(512, 640)
    stage.animator.portrait_error = NoFace("no face was found")
    with pytest.raises(NoFace):
        await clients.animator.inspect(ObjectRef("a", "b"))


async def uploaded(clients: Clients, account_id: str, content: bytes) -> Asset:
    async def data() -> AsyncIterator[bytes]:
        yield content

    return await clients.assets.upload(
        account_id, file_name="a", accept_kinds=("image", "audio"), data=data()
    )


async def test_files_come_through(stage: Stage, clients: Clients) -> None:
    content = b"IMG" + bytes(700_000)
    account = stage.account.id
    asset = await uploaded(clients, account, content)
    assert asset == await clients.assets.get(account, asset.id)
    assert (await clients.assets.list(account, limit=5, cursor="")).items == (asset,)
    stored, blocks = await clients.objects.open(asset.object, offset=1, length=2)
    assert (stored.size_bytes, b"".join([b async for b in blocks])) == (len(content), b"MG")
    with pytest.raises(NotFound):
        await clients.objects.open(ObjectRef("assets", "none"))
    await clients.assets.delete(account, asset.id)
    with pytest.raises(AssetNotFound):
        await clients.assets.get(account, asset.id)


async def test_accounts_and_keys_come_through(stage: Stage, clients: Clients) -> None:
    account = await clients.accounts.create_account("other")
    assert await clients.accounts.account(account.id) == account
    assert account in await clients.accounts.list_accounts()
    new = NewApiKey("k", ("videos:read",), "us_1", stage.clock() + timedelta(days=1))
    key, secret = await clients.accounts.create_key(account.id, new)
    assert (key.scopes, key.created_by, key.expires_at) == (new.scopes, "us_1", new.expires_at)
    caller = await clients.accounts.authenticate(secret)
    assert caller == Caller(
        account.id, key.id, frozenset({Scope.VIDEOS_READ}), until=new.expires_at
    )
    assert key in await clients.accounts.list_keys(account.id)
    assert await clients.accounts.key(account.id, key.id) == key
    rotated, secret = await clients.accounts.rotate_key(account.id, key.id, overlap_s=60)
    assert rotated.rotated_until == stage.clock() + timedelta(seconds=60)
    ended = await clients.accounts.revoke_key(account.id, key.id)
    assert ended.revoked_at is not None
    with pytest.raises(Unauthenticated):
        await clients.accounts.authenticate(secret)


async def test_avatars_come_through(stage: Stage, clients: Clients) -> None:
    account = stage.account.id
    picture = await uploaded(clients, account, b"IMG")
    made = await clients.avatars.create(
        account, name="Ada", asset_id=picture.id, owns_asset=True, consent=Attested("key_1")
    )
    assert made.status is AvatarStatus.PREPARING
    trouble = Trouble("no_face", "no face was found")
    failed = await clients.avatars.finish(account, made.id, AvatarStatus.FAILED, error=trouble)
    assert failed.error == trouble
    assert await clients.avatars.get(account, made.id) == failed
    assert (await clients.avatars.list(account, limit=5, cursor="")).items == (failed,)
    await clients.avatars.delete(account, made.id)
    with pytest.raises(AvatarNotFound):
        await clients.avatars.get(account, made.id)
    with pytest.raises(AssetNotFound):
        await clients.assets.get(account, picture.id)


async def of_text(stage: Stage, clients: Clients) -> VideoSpec:
    avatar = stage.avatars.add(stage.account.id)
    return VideoSpec(avatar.id, "Hello.", None, "vo_en_heart", 1.5, 320, 400, 30, True, look=LOOK)


async def of_sound(stage: Stage, clients: Clients) -> VideoSpec:
    avatar = stage.avatars.add(stage.account.id)
    sound = await uploaded(clients, stage.account.id, b"SND")
    return VideoSpec(avatar.id, None, sound.id, "", 1.0, 0, 0, 25, False)


async def of_stream(stage: Stage, clients: Clients) -> VideoSpec:
    avatar = stage.avatars.add(stage.account.id)
    shown = StreamSpec(avatar.id, "vo_en_heart", 320, 400, 30, 60, 3600, record=True, look=LOOK)
    stream = await clients.streams.create(stage.account.id, shown)
    assert stream.spec == shown
    return VideoSpec(avatar.id, None, None, "", 1.0, 320, 400, 30, True, stream.id)


@pytest.mark.parametrize("made_of", [of_text, of_sound, of_stream])
async def test_videos_come_through(
    stage: Stage,
    clients: Clients,
    made_of: Callable[[Stage, Clients], Awaitable[VideoSpec]],
) -> None:
    account, spec = stage.account.id, await made_of(stage, clients)
    metadata: dict[str, Scalar] = {"n": 7, "f": 1.5, "s": "für", "t": True, "z": None}
    video = await clients.videos.create(account, NewVideo(spec, metadata, "https://example.com/"))
    assert video == await stage.videos.get(account, video.id)
    assert video.spec == spec
    assert (await clients.videos.list(account, limit=5, cursor="")).items == (video,)
    stage.clock.advance(seconds=2)
    assert await clients.videos.stranded(idle_s=1) == await stage.videos.stranded(idle_s=1)
    await clients.videos.lease(account, video.id, holder="w", lease_s=30)
    content, words = ObjectRef("videos", "a"), ObjectRef("videos", "b")
    done = await clients.videos.update(
        account,
        video.id,
        holder="w",
        status=VideoStatus.SUCCEEDED,
        progress=1.0,
        result=VideoResult(content, words, 2.5, 320, 400, 1000),
    )
    assert (done.content, done.words, done.duration_s) == (content, words, 2.5)
    assert done == stage.videos.kept[video.id]
    await clients.videos.delete(account, video.id)
    assert (await clients.videos.get(account, video.id)).deleted_at is not None
    with pytest.raises(VideoNotFound):
        await clients.videos.get("ac_other", video.id)


async def test_answers_come_through(stage: Stage, clients: Clients) -> None:
    account = stage.account.id
    assert await clients.idempotency.begin(account, "k", "aa") is None
    await clients.idempotency.complete(account, "k", Answer(201, "{}"))
    assert await clients.idempotency.begin(account, "k", "aa") == Answer(201, "{}")
    with pytest.raises(IdempotencyConflict):
        await clients.idempotency.begin(account, "k", "bb")
    assert await clients.idempotency.begin(account, "l", "aa") is None
    await clients.idempotency.abandon(account, "l")
    assert await clients.idempotency.begin(account, "l", "bb") is None


async def test_streams_come_through(stage: Stage, clients: Clients) -> None:
    account, avatar = stage.account.id, stage.avatars.add(stage.account.id)
    shown = StreamSpec(avatar.id, "vo_en_heart", 320, 400, 30, 60, 3600, record=True)
    stream = await clients.streams.create(account, shown)
    assert (stream.spec, stream.status) == (shown, StreamStatus.CREATED)
    assert stream == stage.streams.kept[stream.id]
    assert await clients.streams.unended() == [stream]
    spec = VideoSpec(avatar.id, None, None, "", 1.0, 320, 400, 30, True, stream.id)
    job = await clients.videos.create(account, NewVideo(spec))
    for status in (StreamStatus.CONNECTING, StreamStatus.LIVE):
        moved = await clients.streams.move(account, stream.id, status, recording_video_id=job.id)
        assert moved == stage.streams.kept[stream.id]
        assert (moved.status, moved.recording_video_id) == (status, job.id)
    ended = await clients.streams.move(
        account, stream.id, StreamStatus.FAILED, reason="gateway_lost"
    )
    assert (ended.status, ended.reason) == (StreamStatus.FAILED, "gateway_lost")
    assert ended == await clients.streams.get(account, stream.id)
    assert (await clients.streams.list(account, limit=5, cursor="")).items == (ended,)
    assert await clients.streams.unended(limit=5, after="st_") == []
    with pytest.raises(StateConflict):
        await clients.streams.move(account, stream.id, StreamStatus.LIVE)
    with pytest.raises(StreamNotFound):
        await clients.streams.get("ac_other", stream.id)
