"""The wire of LipsyncService: messages in, the domain's calls, messages out."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import grpc
import structlog
from vultus.lipsync.v1 import lipsync_service_pb2 as wire
from vultus.lipsync.v1 import lipsync_service_pb2_grpc
from vultus.media.v1 import media_pb2

from services.common.admission import Slots
from services.common.errors import DomainError, InvalidInput
from services.common.telemetry import FRAMES_TOTAL, SESSIONS, UTTERANCES_TOTAL, stage
from services.lipsync import messages
from services.lipsync.animation import (
    Animation,
    Clock,
    Encoder,
    Event,
    Frame,
    MouthSource,
    Renderer,
    Sound,
)
from services.lipsync.backdrop import Backdrop, Photo
from services.lipsync.capacity import Capacity, Format
from services.lipsync.encoder import (
    MAX_BITRATE_BPS,
    MIN_BITRATE_BPS,
    H264Encoder,
    default_bitrate_bps,
)
from services.lipsync.mark import MarkingEncoder
from services.lipsync.motion.voice import MouthNetwork
from services.lipsync.session import Command, SessionLimits, play
from services.lipsync.store import ObjectName, Objects, PackCache
from services.lipsync.timeline import MICROSECONDS, Cleared, UtteranceBegins
from services.lipsync.visemes import Viseme, VisemeShape
from services.lipsync.vp9 import Vp9Encoder

log = structlog.get_logger()

FRAME_RATES = (25, 30)
SAMPLE_RATES_HZ = (16_000, 24_000, 48_000)
MIN_SIDE, MAX_SIDE = 128, 2048
MAX_IDLE_US = 24 * 3600 * MICROSECONDS
PARTING_S = 0.05
PACK_TYPE = "application/vnd.vultus.avatar-pack"

Context = grpc.aio.ServicerContext[Any, Any]


class Box(Protocol):
    """A rectangle of a picture, pixels."""

    @property
    def x(self) -> float: ...  # noqa: D102 - as its name says
    @property
    def y(self) -> float: ...  # noqa: D102
    @property
    def width(self) -> float: ...  # noqa: D102
    @property
    def height(self) -> float: ...  # noqa: D102


class Inspected(Protocol):
    """What was seen in a portrait: the size of the upright picture, and the face."""

    @property
    def width(self) -> int: ...  # noqa: D102 - as its name says
    @property
    def height(self) -> int: ...  # noqa: D102
    @property
    def face(self) -> Box: ...  # noqa: D102


class Pack(Inspected, Protocol):
    """An avatar, ready to be drawn: its natural size, and the face in the source picture."""

    def to_bytes(self) -> bytes:
        """The pack as it is stored."""
        ...


PackT = TypeVar("PackT", bound=Pack)


class Studio(Protocol[PackT]):
    """Looks at portraits, makes packs of them and draws them; all calls are slow."""

    def inspect(self, portrait: bytes) -> Inspected:
        """What is seen in an image file; raises the errors of InspectPortrait."""
        ...

    def build(self, portrait: bytes, progress: Callable[[float], None]) -> PackT:
        """The pack of an image file; calls `progress` with rising shares of 1."""
        ...

    def preview(self, pack: PackT) -> bytes:
        """A JPEG of the avatar."""
        ...

    def renderer(self, pack: PackT, width: int, height: int, backdrop: Backdrop | None) -> Renderer:
        """What draws the avatar at a size, before a backdrop or what the portrait shows."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken on."""

    max_portraits: int
    """Portraits that are looked at or built, or wait for it."""
    session: SessionLimits


class LipsyncServicer(lipsync_service_pb2_grpc.LipsyncServiceServicer, Generic[PackT]):
    """Serves LipsyncService; `drawing` and `preparing` are the threads for slow work."""

    def __init__(
        self,
        studio: Studio[PackT],
        objects: Objects,
        packs: PackCache[PackT],
        network: MouthNetwork,
        capacity: Capacity,
        limits: Limits,
        *,
        drawing: Executor,
        preparing: Executor,
    ) -> None:
        self._studio = studio
        self._objects = objects
        self._packs = packs
        self._network = network
        self._limits = limits
        self._drawing = drawing
        self._preparing = preparing
        self._capacity = capacity
        self._portraits = Slots(limits.max_portraits, "too many portraits are being looked at")

    async def InspectPortrait(
        self, request: wire.InspectPortraitRequest, context: Context
    ) -> wire.InspectPortraitResponse:
        """See the proto."""
        with self._portraits.taken():
            portrait = await self._objects.read(_name(request.portrait, "portrait"))
            loop = asyncio.get_running_loop()
            seen = await loop.run_in_executor(self._preparing, self._studio.inspect, portrait.data)
        return wire.InspectPortraitResponse(
            width=seen.width, height=seen.height, face=_face(seen.face)
        )

    async def PrepareAvatar(
        self, request: wire.PrepareAvatarRequest, context: Context
    ) -> AsyncIterator[wire.PrepareAvatarResponse]:
        """See the proto."""
        pack_name = _name(request.pack, "pack")
        preview_name = _name(request.preview, "preview")
        with self._portraits.taken():
            portrait = await self._objects.read(_name(request.portrait, "portrait"))
            loop = asyncio.get_running_loop()
            shares: asyncio.Queue[float] = asyncio.Queue()  # unbounded: a few dozen numbers

            def tell(share: float) -> None:
                loop.call_soon_threadsafe(shares.put_nowait, share)

            building = loop.run_in_executor(self._preparing, self._build, portrait.data, tell)
            try:
                async with aclosing(_shares_until(building, shares)) as progress:
                    async for share in progress:
                        yield wire.PrepareAvatarResponse(progress=share)
                pack, data, preview = await building
            finally:
                building.cancel()
        await self._objects.write(pack_name, PACK_TYPE, data)
        await self._objects.write(preview_name, "image/jpeg", preview)
        log.info("avatar.prepared", width=pack.width, height=pack.height, bytes=len(data))
        yield wire.PrepareAvatarResponse(pack=_stored(pack, data))

    async def Animate(
        self, request_iterator: AsyncIterator[wire.AnimateRequest], context: Context
    ) -> AsyncIterator[wire.AnimateResponse]:
        """See the proto."""
        try:
            config = await _config(request_iterator)
            pack = await self._packs.load(_name(config.pack, "pack"))
            look = _format(config, pack)
            with self._capacity.taken(look), SESSIONS.track_inprogress():
                animation = await self._open(config, pack, look)
                yield wire.AnimateResponse(started=_started(config, look))
                commands = _commands(request_iterator, config.sample_rate_hz)
                events = play(animation, commands, self._drawing, self._limits.session)
                async with aclosing(events):
                    async for event in events:
                        yield _response(event, config.sample_rate_hz)
        except DomainError:
            # A client that is in the middle of a write when its call ends never learns the reason.
            await asyncio.sleep(PARTING_S)
            raise

    async def _open(self, config: wire.AnimateConfig, pack: PackT, look: Format) -> Animation:
        backdrop = await self._backdrop(config)
        mark = messages.mark(config.mark) if config.HasField("mark") else None
        renderer = await asyncio.get_running_loop().run_in_executor(
            self._drawing, self._studio.renderer, pack, look.width, look.height, backdrop
        )
        clock = Clock(look.fps, config.sample_rate_hz)
        bitrate_bps = config.bitrate_bps or default_bitrate_bps(look.width, look.height, look.fps)
        encoding = Vp9Encoder if look.transparent else H264Encoder
        encoder: Encoder = encoding(look.width, look.height, look.fps, bitrate_bps)
        if mark is not None:
            encoder = MarkingEncoder(encoder, mark, clock)
        seed = config.seed or secrets.randbits(63)
        return Animation(clock, seed, renderer, encoder, self._network, paced=config.paced)

    async def _backdrop(self, config: wire.AnimateConfig) -> Backdrop | None:
        if not config.HasField("background"):
            return None
        if config.background.WhichOneof("kind") == "image":
            photo = await self._objects.read(_name(config.background.image, "background"))
            return Photo(photo.data)
        return messages.backdrop(config.background)

    def _build(
        self, portrait: bytes, progress: Callable[[float], None]
    ) -> tuple[PackT, bytes, bytes]:
        with stage("prepare"):
            pack = self._studio.build(portrait, progress)
            return pack, pack.to_bytes(), self._studio.preview(pack)


async def _shares_until(
    building: asyncio.Future[Any], shares: asyncio.Queue[float]
) -> AsyncGenerator[float]:
    """The shares that are told until the building ends, never falling."""
    highest = 0.0
    while not building.done() or not shares.empty():
        arrival = asyncio.ensure_future(shares.get())
        try:
            await asyncio.wait({arrival, building}, return_when=asyncio.FIRST_COMPLETED)
            if arrival.done():
                highest = max(highest, min(arrival.result(), 1.0))
                yield highest
        finally:
            arrival.cancel()


async def _config(requests: AsyncIterator[wire.AnimateRequest]) -> wire.AnimateConfig:
    first = await anext(requests, None)
    if first is None or first.WhichOneof("payload") != "config":
        raise InvalidInput("the first message must hold the config")
    config = first.config
    if config.fps not in FRAME_RATES:
        raise InvalidInput(f"fps must be one of {FRAME_RATES}")
    if config.sample_rate_hz not in SAMPLE_RATES_HZ:
        raise InvalidInput(f"sample_rate_hz must be one of {SAMPLE_RATES_HZ}")
    if config.bitrate_bps:
        _bitrate(config.bitrate_bps)
    return config


def _bitrate(bitrate_bps: int) -> int:
    if not MIN_BITRATE_BPS <= bitrate_bps <= MAX_BITRATE_BPS:
        raise InvalidInput(f"bitrate_bps must be {MIN_BITRATE_BPS} to {MAX_BITRATE_BPS}")
    return bitrate_bps


def _format(config: wire.AnimateConfig, pack: Pack) -> Format:
    width, height = config.width or pack.width, config.height or pack.height
    if any(side % 2 or not MIN_SIDE <= side <= MAX_SIDE for side in (width, height)):
        raise InvalidInput(f"width and height must be even and {MIN_SIDE} to {MAX_SIDE}")
    transparent = config.background.HasField("transparent")
    if transparent and config.paced:
        raise InvalidInput("a paced animation can't be transparent")
    return Format(width, height, config.fps, transparent)


def _started(config: wire.AnimateConfig, look: Format) -> wire.AnimateStarted:
    return wire.AnimateStarted(
        width=look.width,
        height=look.height,
        fps=look.fps,
        sample_rate_hz=config.sample_rate_hz,
    )


async def _commands(
    requests: AsyncIterator[wire.AnimateRequest], sample_rate_hz: int
) -> AsyncIterator[Command]:
    async for request in requests:
        yield _command(request, sample_rate_hz)


def _command(request: wire.AnimateRequest, sample_rate_hz: int) -> Command:  # noqa: C901 - flat
    match request.WhichOneof("payload"):
        case "utterance_start":
            start = request.utterance_start
            source = _mouth_source(start.mouth_source)
            return lambda a: a.begin_utterance(start.utterance_id, source)
        case "audio":
            if request.audio.sample_rate_hz != sample_rate_hz:
                raise InvalidInput(f"sound must have the timeline's rate, {sample_rate_hz}")
            return lambda a: a.append_sound(request.audio.pcm_s16le)
        case "visemes":
            visemes = [_viseme(viseme) for viseme in request.visemes.visemes]
            return lambda a: a.add_visemes(visemes)
        case "utterance_end":
            return Animation.end_utterance
        case "idle":
            duration_us = request.idle.duration_us
            if not 0 < duration_us <= MAX_IDLE_US:
                raise InvalidInput(f"idle must last 1 to {MAX_IDLE_US} microseconds")
            return lambda a: a.append_idle(duration_us)
        case "keyframe":
            return Animation.request_keyframe
        case "bitrate":
            return partial(Animation.set_bitrate, bitrate_bps=_bitrate(request.bitrate.bitrate_bps))
        case "clear":
            return Animation.clear
        case "draw_until":
            return partial(Animation.draw_until, until_us=request.draw_until.until_us)
        case "cues":
            return partial(Animation.add_cues, cues=messages.cues(request.cues.cues))
        case "act":
            return messages.Performed(request.act)
        case _:
            raise InvalidInput("the config comes once, and every message holds something")


def _mouth_source(source: int) -> MouthSource:
    match source:
        case wire.MOUTH_SOURCE_VISEMES:
            return MouthSource.VISEMES
        case wire.MOUTH_SOURCE_AUDIO:
            return MouthSource.AUDIO
        case _:
            raise InvalidInput("mouth_source must be visemes or audio")


def _viseme(viseme: media_pb2.Viseme) -> Viseme:
    if viseme.shape not in VisemeShape._value2member_map_:
        raise InvalidInput("a viseme has an unknown shape")
    if viseme.start_us < 0 or viseme.duration_us < 0 or not 0.0 <= viseme.weight <= 1.0:
        raise InvalidInput("a viseme's times must not be negative, nor its weight outside 0 to 1")
    end_us = viseme.start_us + viseme.duration_us
    return Viseme(VisemeShape(viseme.shape), viseme.start_us, end_us, viseme.weight)


def _response(event: Event, sample_rate_hz: int) -> wire.AnimateResponse:
    if isinstance(event, Frame):
        FRAMES_TOTAL.inc()
        frame = media_pb2.FrameChunk(
            access_unit=event.access_unit,
            pts_us=event.pts_us,
            keyframe=event.keyframe,
            alpha=event.alpha,
        )
        return wire.AnimateResponse(frame=frame)
    if isinstance(event, Sound):
        audio = media_pb2.AudioChunk(
            pcm_s16le=event.pcm, sample_rate_hz=sample_rate_hz, start_us=event.start_us
        )
        return wire.AnimateResponse(audio=audio)
    if isinstance(event, UtteranceBegins):
        started = wire.UtteranceStarted(utterance_id=event.utterance_id, at_us=event.at_us)
        return wire.AnimateResponse(utterance_started=started)
    if isinstance(event, Cleared):
        return wire.AnimateResponse(cleared=wire.Cleared(at_us=event.at_us))
    UTTERANCES_TOTAL.labels("cleared" if event.cleared else "spoken").inc()
    ended = wire.UtteranceEnded(
        utterance_id=event.utterance_id, at_us=event.at_us, cleared=event.cleared
    )
    return wire.AnimateResponse(utterance_ended=ended)


def _name(ref: media_pb2.ObjectRef, field: str) -> ObjectName:
    if not ref.bucket or not ref.key:
        raise InvalidInput(f"{field} needs a bucket and a key")
    return ObjectName(ref.bucket, ref.key)


def _face(face: Box) -> wire.FaceBox:
    return wire.FaceBox(x=face.x, y=face.y, width=face.width, height=face.height)


def _stored(pack: Pack, data: bytes) -> wire.AvatarPack:
    return wire.AvatarPack(
        width=pack.width,
        height=pack.height,
        face=_face(pack.face),
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
    )
