"""Makes an avatar speak just as the service does, and keeps the film that it sends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from eval.face.clips import RATE_HZ, Clip, Picture, Sound
from services.common.errors import DomainError
from services.lipsync.animation import Animation, Clock, Frame, MouthSource, Renderer
from services.lipsync.encoder import EncodedFrame, H264Encoder, default_bitrate_bps
from services.lipsync.expression import Expression
from services.lipsync.motion.voice import MouthNetwork
from services.lipsync.pack import AvatarPack
from services.lipsync.studio import PictureStudio
from services.lipsync.visemes import Viseme

FPS, SHORT_SIDE, SEED = 25, 512, 7
SILENCE_S = 1.5
"""How much silence follows what is said, so that there is a pause to be judged."""

_LEAST_IOD_PX = 48.0
_PIECE_S = 1
"""In such pieces the gateway sends recordings."""
_PORTRAIT_WITHIN_S = 2.0

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Stopwatch:
    """CPU seconds of this process, all threads."""

    cpu_s: float = 0.0

    def timed(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls it."""
        start = time.process_time()
        try:
            return call(*args, **kwargs)
        finally:
            self.cpu_s += time.process_time() - start


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU milliseconds of one frame, means."""

    draw_ms: float
    encode_ms: float
    motion_ms: float
    """All else: hearing the sound and deciding how to move."""


@dataclass(frozen=True, slots=True)
class Film:
    """What the service sends: H.264."""

    access_units: Sequence[bytes]
    at_s: Sequence[float]
    """When each picture is shown."""
    costs: Costs

    def pictures(self) -> Iterator[tuple[float, Picture]]:
        """When each picture is shown, and the picture as a viewer sees it."""
        decoder = av.CodecContext.create("h264", "r")
        packets = [*map(av.Packet, self.access_units), None]
        shown = (frame for packet in packets for frame in decoder.decode(packet))
        for at_s, frame in zip(self.at_s, shown, strict=True):
            assert isinstance(frame, av.VideoFrame)  # noqa: S101 - tells mypy what h264 gives
            yield at_s, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


@dataclass(frozen=True, slots=True)
class Avatar:
    """A portrait that was made ready to speak."""

    pack: AvatarPack
    build_cpu_s: float
    build_wall_s: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height at which it is drawn: larger where the face would be too small to be
        judged, and the photo has more of it."""
        scale = SHORT_SIDE / min(self.pack.width, self.pack.height)
        scale = max(scale, min(1.0, _LEAST_IOD_PX / self.pack.landmarks.iod))
        width, height = (2 * round(n * scale / 2) for n in (self.pack.width, self.pack.height))
        return width, height


def built(studio: PictureStudio, portrait: bytes) -> Avatar:
    """The avatar of an image file; raises what the studio raises."""
    watch, start = Stopwatch(), time.perf_counter()
    pack = watch.timed(studio.build, portrait, lambda _: None)
    return Avatar(pack, watch.cpu_s, time.perf_counter() - start)


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of a clip that an avatar was made of."""

    number: int
    """Which of the pictures that the tracker saw it is."""
    picture: Picture
    avatar: Avatar


def first_good_still(
    studio: PictureStudio, clip: Clip, at_s: Sequence[float], shut: Sequence[bool]
) -> Still:
    """The first picture of a clip that has its eyes open and that the service takes as a portrait.

    The face is followed at these times, and the eyes are shut in some. Raises the service's own
    error where none of the first two seconds is taken.
    """
    numbers = {time_s: number for number, time_s in enumerate(at_s)}
    refusal: DomainError | None = None
    for time_s, picture in clip.pictures():
        number = numbers.get(time_s)
        if number is None or shut[number]:
            continue
        if refusal is not None and time_s > at_s[0] + _PORTRAIT_WITHIN_S:
            raise refusal
        try:
            return Still(number, picture, built(studio, png(picture)))
        except DomainError as error:
            refusal = error
    raise refusal or ValueError("the eyes are never open")


def png(picture: Picture) -> bytes:
    """A picture as a file, without loss."""
    ok, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not ok:
        raise ValueError("the picture can't be encoded")
    return data.tobytes()


def speak(
    studio: PictureStudio,
    avatar: Avatar,
    network: MouthNetwork,
    sound: Sound,
    visemes: Sequence[Viseme] | None = None,
) -> Film:
    """The film of an avatar that says a sound, and is silent for a while then.

    Without mouth shapes, they are heard in the sound.
    """
    width, height = avatar.size
    renderer = _TimedRenderer(studio.renderer(avatar.pack, width, height))
    encoder = _TimedEncoder(_encoder(width, height))
    animation = Animation(Clock(FPS, RATE_HZ), SEED, renderer, encoder, network)
    whole = Stopwatch()
    animation.begin_utterance("u", MouthSource.AUDIO if visemes is None else MouthSource.VISEMES)
    if visemes is not None:
        animation.add_visemes(visemes)
    samples = _pcm(with_silence(sound))
    units: list[bytes] = []

    def draw_what_is_ready() -> None:
        while animation.ready:
            units.extend(e.access_unit for e in animation.draw() if isinstance(e, Frame))

    for start in range(0, len(samples), _PIECE_S * RATE_HZ):
        piece = samples[start : start + _PIECE_S * RATE_HZ]
        animation.append_sound(piece.tobytes())
        whole.timed(draw_what_is_ready)
    animation.end_utterance()
    animation.finish()
    whole.timed(draw_what_is_ready)
    rest_s = whole.cpu_s - renderer.watch.cpu_s - encoder.watch.cpu_s
    at_s = [number / FPS for number in range(len(units))]
    return Film(units, at_s, _costs(len(units), renderer.watch.cpu_s, encoder.watch.cpu_s, rest_s))


def draw(
    studio: PictureStudio,
    avatar: Avatar,
    expressions: Sequence[Expression],
    at_s: Sequence[float],
) -> Film:
    """The film of given expressions, shown at given times."""
    width, height = avatar.size
    renderer = _TimedRenderer(studio.renderer(avatar.pack, width, height))
    encoder = _TimedEncoder(_encoder(width, height))
    units = [encoder.encode(renderer.render(each)).access_unit for each in expressions]
    return Film(units, at_s, _costs(len(units), renderer.watch.cpu_s, encoder.watch.cpu_s, 0.0))


def with_silence(sound: Sound) -> Sound:
    """A sound and the silence that follows it."""
    return np.pad(sound, (0, round(SILENCE_S * RATE_HZ)))


def _pcm(sound: Sound) -> NDArray[np.int16]:
    return (sound * 32767.0).clip(-32768, 32767).astype("<i2")


def _encoder(width: int, height: int) -> H264Encoder:
    return H264Encoder(width, height, FPS, default_bitrate_bps(width, height, FPS))


def _costs(frames: int, *cpu_s: float) -> Costs:
    return Costs(*(1000.0 * spent / max(frames, 1) for spent in cpu_s))


@dataclass(slots=True)
class _TimedRenderer:
    inner: Renderer
    watch: Stopwatch = field(default_factory=Stopwatch)

    def render(self, expression: Expression) -> NDArray[np.uint8]:
        return self.watch.timed(self.inner.render, expression)


@dataclass(slots=True)
class _TimedEncoder:
    inner: H264Encoder
    watch: Stopwatch = field(default_factory=Stopwatch)

    def encode(self, rgb: NDArray[np.uint8]) -> EncodedFrame:
        return self.watch.timed(self.inner.encode, rgb)

    def request_keyframe(self) -> None:
        self.inner.request_keyframe()

    def set_bitrate(self, bitrate_bps: int) -> None:
        self.inner.set_bitrate(bitrate_bps)
