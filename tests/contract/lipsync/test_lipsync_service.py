"""What a caller of LipsyncService may rely on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import av
import grpc
import numpy as np
import pytest
from numpy.typing import NDArray
from vultus.lipsync.v1 import lipsync_service_pb2 as wire
from vultus.media.v1 import media_pb2

from services.common.errors import (
    AvatarNotFound,
    DomainError,
    InvalidInput,
    NoFace,
    NotFound,
    Overloaded,
)
from services.common.grpc_client import responses, unary
from services.lipsync.backdrop import Backdrop, Blur, Colour, Photo, Transparent

if TYPE_CHECKING:
    from tests.contract.lipsync.conftest import House

RATE = 16_000
PACK = media_pb2.ObjectRef(bucket="avatars", key="ac_1/pack")
PHOTO = media_pb2.ObjectRef(bucket="assets", key="ac_1/photo")
CAT = media_pb2.ObjectRef(bucket="assets", key="ac_1/cat")
NOWHERE = media_pb2.ObjectRef(bucket="assets", key="ac_1/none")
Request = wire.AnimateRequest
PCM = bytes(range(256)) * (RATE // 128)  # one second


def config(**changes: Any) -> wire.AnimateRequest:
    values = {"pack": PACK, "fps": 25, "sample_rate_hz": RATE, "seed": 3, **changes}
    return Request(config=wire.AnimateConfig(**values))


def start(name: str = "u1", source: int = wire.MOUTH_SOURCE_VISEMES) -> wire.AnimateRequest:
    return Request(
        utterance_start=wire.UtteranceStart(
            utterance_id=name, mouth_source=wire.MouthSource.ValueType(source)
        )
    )


def audio(pcm: bytes = PCM, rate: int = RATE) -> wire.AnimateRequest:
    return Request(audio=media_pb2.AudioChunk(pcm_s16le=pcm, sample_rate_hz=rate))


def visemes(*spans: tuple[int, int]) -> wire.AnimateRequest:
    shapes = [
        media_pb2.Viseme(
            shape=media_pb2.VISEME_SHAPE_PP, start_us=begin, duration_us=end - begin, weight=1.0
        )
        for begin, end in spans
    ]
    return Request(visemes=wire.Visemes(visemes=shapes))


def idle(duration_us: int) -> wire.AnimateRequest:
    return Request(idle=wire.Idle(duration_us=duration_us))


END = Request(utterance_end=wire.UtteranceEnd())


async def animate(
    house: House, requests: Iterable[wire.AnimateRequest]
) -> list[wire.AnimateResponse]:
    return [response async for response in responses(house.stub.Animate(iter_of(requests)))]


async def iter_of(requests: Iterable[wire.AnimateRequest]) -> AsyncIterator[wire.AnimateRequest]:
    for request in requests:
        yield request


def kinds(received: Iterable[wire.AnimateResponse]) -> list[str]:
    return [response.WhichOneof("payload") or "" for response in received]


def frames(received: Iterable[wire.AnimateResponse]) -> list[media_pb2.FrameChunk]:
    return [response.frame for response in received if response.WhichOneof("payload") == "frame"]


def sound(received: Iterable[wire.AnimateResponse]) -> bytes:
    return b"".join(response.audio.pcm_s16le for response in received)


async def test_a_portrait_is_looked_at(house: House) -> None:
    request = wire.InspectPortraitRequest(portrait=PHOTO)
    seen = await unary(house.stub.InspectPortrait(request))
    assert (seen.width, seen.height) == (128, 160)
    assert (seen.face.x, seen.face.width) == (10, 60)


@pytest.mark.parametrize(("portrait", "error"), [(CAT, NoFace), (NOWHERE, NotFound)])
async def test_what_is_wrong_with_a_portrait_is_told_by_its_reason(
    house: House, portrait: media_pb2.ObjectRef, error: type[DomainError]
) -> None:
    with pytest.raises(error):
        await unary(house.stub.InspectPortrait(wire.InspectPortraitRequest(portrait=portrait)))
    request = wire.PrepareAvatarRequest(portrait=portrait, pack=PACK, preview=PHOTO)
    with pytest.raises(error):
        [response async for response in responses(house.stub.PrepareAvatar(request))]


async def test_preparing_tells_rising_progress_then_the_stored_pack(house: House) -> None:
    new = [media_pb2.ObjectRef(bucket="avatars", key=f"ac_1/av_2/{part}") for part in "ab"]
    request = wire.PrepareAvatarRequest(portrait=PHOTO, pack=new[0], preview=new[1])
    received = [response async for response in responses(house.stub.PrepareAvatar(request))]
    *progress, last = received
    shares = [response.progress for response in progress]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    _, stored = house.objects.objects["avatars", "ac_1/av_2/a"]
    assert last.pack.sha256 == hashlib.sha256(stored).hexdigest()
    assert (last.pack.size_bytes, last.pack.width) == (len(stored), 128)
    assert house.objects.objects["avatars", "ac_1/av_2/b"] == ("image/jpeg", b"jpeg")


async def test_an_utterance_comes_back_as_pictures_and_its_own_sound(house: House) -> None:
    received = await animate(
        house,
        [config(), idle(500_000), start(), visemes((0, 400_000)), audio(), END, idle(500_000)],
    )
    assert received[0].started == wire.AnimateStarted(
        width=128, height=160, fps=25, sample_rate_hz=RATE
    )
    assert kinds(received).count("frame") == kinds(received).count("audio") == 50
    assert sound(received) == bytes(RATE) + PCM + bytes(RATE)
    assert [frame.pts_us for frame in frames(received)] == list(range(0, 2_000_000, 40_000))
    begun = next(r.utterance_started for r in received if r.HasField("utterance_started"))
    ended = next(r.utterance_ended for r in received if r.HasField("utterance_ended"))
    assert (begun.utterance_id, begun.at_us) == ("u1", 500_000)
    assert (ended.utterance_id, ended.at_us, ended.cleared) == ("u1", 1_500_000, False)


async def test_the_pictures_decode_to_a_mouth_that_follows_the_visemes(house: House) -> None:
    received = await animate(
        house,
        [config(), start(), visemes((300_000, 600_000)), audio(), END],
    )
    decoder = av.CodecContext.create("h264", "r")
    decoded = [
        f for frame in frames(received) for f in decoder.decode(av.Packet(frame.access_unit))
    ]
    decoded += decoder.decode(None)
    brightness = [float(picture.to_ndarray(format="gray").mean()) for picture in decoded]
    assert len(brightness) == 25
    assert max(brightness[9:14]) > brightness[0] + 15
    assert abs(brightness[-1] - brightness[0]) < 2


async def test_a_keyframe_and_a_bitrate_may_be_asked_for(house: House) -> None:
    received = await animate(
        house,
        [
            config(),
            idle(200_000),
            Request(keyframe=wire.KeyframeRequest()),
            Request(bitrate=wire.BitrateChange(bitrate_bps=200_000)),
            idle(200_000),
        ],
    )
    assert len(frames(received)) == 10
    assert frames(received)[0].keyframe


async def test_another_size_is_drawn_as_asked(house: House) -> None:
    received = await animate(house, [config(width=256, height=144), idle(40_000)])
    assert (received[0].started.width, received[0].started.height) == (256, 144)


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [idle(1)],
        [config(fps=24)],
        [config(sample_rate_hz=8_000)],
        [config(width=129)],
        [config(height=20_000)],
        [config(bitrate_bps=1)],
        [config(pack=media_pb2.ObjectRef())],
        [config(), config()],
        [config(), audio()],
        [config(), start(source=wire.MOUTH_SOURCE_UNSPECIFIED)],
        [config(), start(), audio(rate=24_000)],
        [config(), start(), audio(b"odd")],
        [config(), start(), visemes((100, 200), (50, 90))],
        [config(), start(), Request(visemes=wire.Visemes(visemes=[media_pb2.Viseme()]))],
        [config(), END],
        [config(), idle(0)],
        [config(), Request()],
        [config(), Request(bitrate=wire.BitrateChange(bitrate_bps=1))],
    ],
)
async def test_what_breaks_the_contract_is_refused(
    house: House, requests: list[wire.AnimateRequest]
) -> None:
    with pytest.raises(InvalidInput):
        await animate(house, requests)


async def test_an_unknown_pack_is_an_unknown_avatar(house: House) -> None:
    with pytest.raises(AvatarNotFound):
        await animate(house, [config(pack=NOWHERE), idle(40_000)])


async def test_clear_drops_what_is_queued_and_the_stream_goes_on(house: House) -> None:
    call = house.stub.Animate()
    for request in (config(), start(), visemes((0, 900_000)), audio(PCM[: RATE // 2])):
        await call.write(request)
    received = [await read(call) for _ in range(4)]
    await call.write(Request(clear=wire.Clear()))
    await call.write(idle(400_000))
    await call.done_writing()
    while (response := await call.read()) is not grpc.aio.EOF:
        assert isinstance(response, wire.AnimateResponse)
        received.append(response)
    ended = [r.utterance_ended for r in received if r.HasField("utterance_ended")]
    assert [(mark.utterance_id, mark.cleared) for mark in ended] == [("u1", True)]
    times = [frame.pts_us for frame in frames(received)]
    assert times == list(range(0, 40_000 * len(times), 40_000))
    assert ended[0].at_us + 400_000 == times[-1] + 40_000
    assert [r.cleared.at_us for r in received if r.HasField("cleared")] == [ended[0].at_us]


async def test_a_paced_animation_is_drawn_as_far_as_it_is_let(house: House) -> None:
    call = house.stub.Animate()
    await call.write(config(paced=True))
    assert (await read(call)).HasField("started")
    for until_us, count in ((80_000, 2), (200_000, 3)):
        await call.write(Request(draw_until=wire.DrawUntil(until_us=until_us)))
        received = [await read(call) for _ in range(2 * count)]
        assert frames(received)[-1].pts_us == until_us - 40_000
    call.cancel()


async def test_what_exceeds_the_slots_is_refused_at_the_door(house: House) -> None:
    calls = [house.stub.Animate() for _ in range(2)]
    for call in calls:
        await call.write(config())
        assert (await read(call)).HasField("started")
    with pytest.raises(Overloaded) as refused:
        await animate(house, [config(), idle(40_000)])
    assert refused.value.retry_after_s
    calls[0].cancel()
    await slot_is_free(house)
    calls[1].cancel()


async def test_more_portraits_than_can_wait_are_refused(house: House) -> None:
    request = wire.InspectPortraitRequest(portrait=PHOTO)
    house.studio.open_eyes.clear()
    try:
        calls = [asyncio.ensure_future(unary(house.stub.InspectPortrait(request))) for _ in "12345"]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    finally:
        house.studio.open_eyes.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(Overloaded) == 1
    assert [type(outcome) for outcome in outcomes].count(wire.InspectPortraitResponse) == 4


async def slot_is_free(house: House) -> None:
    """Returns once an animation is admitted; the test's own time limit ends a vain wait."""
    async with asyncio.timeout(10):
        while True:
            try:
                await animate(house, [config()])
            except Overloaded:
                continue
            return


async def test_a_slow_reader_holds_the_drawing_back(house: House) -> None:
    call = house.stub.Animate()
    await call.write(config(width=640, height=640))
    await call.write(idle(3_600_000_000))
    received = [await read(call) for _ in range(5)]
    for _ in range(200):
        await unary(house.stub.InspectPortrait(wire.InspectPortraitRequest(portrait=PHOTO)))
    assert len(frames(received)) == 2
    assert house.studio.noisy.drawn < 25
    call.cancel()


async def read(call: Any) -> wire.AnimateResponse:
    response = await call.read()
    assert isinstance(response, wire.AnimateResponse)
    return response


def surprise(strength: float = 1.0) -> wire.Expression:
    return wire.Expression(mood=wire.MOOD_SURPRISED, strength=strength)


def cues(*messages: wire.Cue) -> wire.AnimateRequest:
    return Request(cues=wire.Cues(cues=messages))


def pictures(received: Iterable[wire.AnimateResponse]) -> list[float]:
    """How bright each picture is."""
    decoder = av.CodecContext.create("h264", "r")
    units = [av.Packet(frame.access_unit) for frame in frames(received)]
    decoded = [picture for unit in [*units, None] for picture in decoder.decode(unit)]
    return [float(picture.to_ndarray(format="gray").mean()) for picture in decoded]


async def test_cues_change_the_face_at_their_times_and_end_with_the_utterance(
    house: House,
) -> None:
    cued = cues(wire.Cue(at_us=400_000, expression=surprise(), action=wire.ACTION_NOD))
    spoken = [config(), start(), visemes(), cued, audio(), END, idle(1_000_000)]
    bright = pictures(await animate(house, spoken))
    assert max(bright[:11]) - min(bright[:11]) < 2
    assert bright[24] > bright[10] + 15
    assert abs(bright[-1] - bright[0]) < 2


async def test_a_standing_expression_is_there_from_the_first_frame_on(house: House) -> None:
    act = Request(act=wire.Act(standing=surprise(), action=wire.ACTION_SHAKE))
    surprised = pictures(await animate(house, [config(), act, idle(400_000)]))
    calm = pictures(await animate(house, [config(), idle(400_000)]))
    assert min(surprised) > max(calm) + 15


@pytest.mark.parametrize(
    "wrong",
    [
        Request(act=wire.Act()),
        Request(act=wire.Act(action=wire.ACTION_UNSPECIFIED)),
        Request(act=wire.Act(standing=surprise(1.5))),
        Request(act=wire.Act(standing=wire.Expression(strength=0.5))),
        cues(wire.Cue(at_us=0)),
        cues(wire.Cue(at_us=-1, action=wire.ACTION_NOD)),
        cues(wire.Cue(action=wire.Action.ValueType(77))),
    ],
)
async def test_moods_and_actions_that_make_no_sense_are_refused(
    house: House, wrong: wire.AnimateRequest
) -> None:
    with pytest.raises(InvalidInput):
        await animate(house, [config(), start(), wrong, END])


async def test_cues_outside_an_utterance_are_refused(house: House) -> None:
    with pytest.raises(InvalidInput):
        await animate(house, [config(), cues(wire.Cue(action=wire.ACTION_NOD)), idle(100_000)])


@pytest.mark.parametrize(
    ("background", "backdrop"),
    [
        (wire.Background(colour_rgb=0x00B140), Colour(0, 177, 64)),
        (wire.Background(blur=0.5), Blur(0.5)),
        (wire.Background(image=CAT), Photo(b"a cat")),
        (wire.Background(transparent=wire.Transparent()), Transparent()),
        (None, None),
    ],
)
async def test_the_person_stands_before_the_background_that_is_wanted(
    house: House, background: wire.Background | None, backdrop: Backdrop | None
) -> None:
    await animate(house, [config(background=background), idle(100_000)])
    assert house.studio.backdrops == [backdrop]


async def test_before_nothing_frames_are_vp9_with_alpha(house: House) -> None:
    nothing = wire.Background(transparent=wire.Transparent())
    received = await animate(house, [config(background=nothing), idle(400_000)])
    frames = [response.frame for response in received if response.HasField("frame")]
    assert [frame.keyframe for frame in frames] == [True] + [False] * 9
    for part in ("access_unit", "alpha"):
        decoder = av.CodecContext.create("vp9", "r")
        packets = [av.Packet(getattr(frame, part)) for frame in frames]
        shown = [picture for packet in [*packets, None] for picture in decoder.decode(packet)]
        assert [(picture.width, picture.height) for picture in shown] == [(128, 160)] * 10


async def test_frames_before_anything_else_have_no_alpha(house: House) -> None:
    received = await animate(house, [config(), idle(80_000)])
    assert {response.frame.alpha for response in received} == {b""}


async def test_a_live_animation_is_never_transparent(house: House) -> None:
    nothing = wire.Background(transparent=wire.Transparent())
    with pytest.raises(InvalidInput, match="transparent"):
        await animate(house, [config(background=nothing, paced=True), idle(100_000)])


@pytest.mark.parametrize(
    ("background", "error"),
    [
        (wire.Background(), InvalidInput),
        (wire.Background(colour_rgb=0x1000000), InvalidInput),
        (wire.Background(blur=1.5), InvalidInput),
        (wire.Background(image=media_pb2.ObjectRef()), InvalidInput),
        (wire.Background(image=NOWHERE), NotFound),
    ],
)
async def test_backgrounds_that_make_no_sense_are_refused(
    house: House, background: wire.Background, error: type[DomainError]
) -> None:
    with pytest.raises(error):
        await animate(house, [config(background=background), idle(100_000)])


async def test_pictures_bear_the_mark_for_as_long_as_is_wanted(house: House) -> None:
    mark = wire.Mark(text=wire.MARK_TEXT_CHINESE, visible_us=80_000)
    plain = frames(await animate(house, [config(), idle(200_000)]))
    marked = frames(await animate(house, [config(mark=mark), idle(200_000)]))
    looks = [decoded([frame.access_unit for frame in part]) for part in (plain, marked)]
    corners = [[picture[:30, :70].astype(int) for picture in look] for look in looks]
    differ = [np.abs(a - b).mean() > 5 for a, b in zip(*corners, strict=True)]
    assert differ == [True, True, False, False, False]


@pytest.mark.parametrize(
    "mark", [wire.Mark(), wire.Mark(text=wire.MARK_TEXT_ENGLISH, visible_us=-1)]
)
async def test_a_mark_that_makes_no_sense_is_refused(house: House, mark: wire.Mark) -> None:
    with pytest.raises(InvalidInput):
        await animate(house, [config(mark=mark), idle(100_000)])


def decoded(access_units: Iterable[bytes]) -> list[NDArray[np.uint8]]:
    """Decoded, RGB."""
    decoder = av.CodecContext.create("h264", "r")
    packets = [av.Packet(unit) for unit in access_units]
    shown = [picture for packet in [*packets, None] for picture in decoder.decode(packet)]
    return [np.asarray(picture.to_ndarray(format="rgb24"), np.uint8) for picture in shown]
