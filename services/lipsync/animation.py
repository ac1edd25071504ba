"""One animation: what is appended goes in, pictures and the sound that belongs to them come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.common.errors import InvalidInput
from services.lipsync.cues import Action, Cue, Mood
from services.lipsync.encoder import EncodedFrame
from services.lipsync.expression import Expression
from services.lipsync.motion.heard import HeardTrack
from services.lipsync.motion.listening import Listening
from services.lipsync.motion.loudness import AUDIO_HORIZON_US, LoudnessTrack
from services.lipsync.motion.motion import Motion
from services.lipsync.motion.seals import MAX_HORIZON_US, VISUAL_LEAD_US, SealTrack
from services.lipsync.motion.voice import LOOKAHEAD_US, MouthNetwork, VoiceReader
from services.lipsync.timeline import MICROSECONDS, Marker, Timeline
from services.lipsync.visemes import Viseme


class MouthSource(Enum):
    """Where the mouth shapes of an utterance come from."""

    VISEMES = auto()
    AUDIO = auto()


VISEMES_HORIZON_US = 200_000
"""How far visemes must be known ahead of the picture that is drawn."""
SOUND_HORIZON_US = max(LOOKAHEAD_US, VISUAL_LEAD_US + AUDIO_HORIZON_US)
"""How far the sound must be known ahead of the picture that is drawn."""


class Renderer(Protocol):
    """Draws one avatar."""

    def render(self, expression: Expression) -> NDArray[np.uint8]:
        """The picture of a face, RGB [h, w, 3], before nothing RGBA [h, w, 4]; the next call may
        overwrite it."""
        ...


class Encoder(Protocol):
    """Encodes the pictures of one animation."""

    def encode(self, picture: NDArray[np.uint8], /) -> EncodedFrame:
        """One access unit for one picture."""
        ...

    def request_keyframe(self) -> None:
        """Makes the next picture a keyframe."""
        ...

    def set_bitrate(self, bitrate_bps: int) -> None:
        """Changes the target from the next picture on."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """An encoded picture."""

    access_unit: bytes
    pts_us: int
    keyframe: bool
    alpha: bytes = b""


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound that belongs to the picture before it, PCM s16le."""

    pcm: bytes
    start_us: int


Event = Marker | Frame | Sound


@dataclass(frozen=True, slots=True)
class Clock:
    """The two rates of an animation."""

    fps: int
    sample_rate_hz: int

    def frame_us(self, number: int) -> int:
        """When a frame is shown."""
        return number * MICROSECONDS // self.fps

    def frame_sample(self, number: int) -> int:
        """The first sample that belongs to a frame."""
        return number * self.sample_rate_hz // self.fps

    def samples(self, duration_us: int) -> int:
        """How many samples a duration holds."""
        return duration_us * self.sample_rate_hz // MICROSECONDS


@dataclass(slots=True)
class _Utterance:
    """The utterance that is open for more sound."""

    source: MouthSource
    begins: int
    shift: int
    """Sample of the timeline at which the utterance's clock would read 0."""
    visemes_end_us: int = 0


class Animation:
    """Draws one avatar on one timeline. Owned by one caller at a time; `draw` is the slow part.

    A frame can be drawn once the sound and the mouth shapes are known for a fixed horizon after it,
    or the utterance has ended: so the pictures depend on what was appended, never on when.
    """

    def __init__(
        self,
        clock: Clock,
        seed: int,
        renderer: Renderer,
        encoder: Encoder,
        network: MouthNetwork,
        *,
        paced: bool = False,
    ) -> None:
        self._clock = clock
        self._renderer = renderer
        self._encoder = encoder
        self._network = network
        self._timeline = Timeline(clock.sample_rate_hz)
        self._seals = SealTrack(clock.fps)
        self._loudness = LoudnessTrack(clock.sample_rate_hz)
        self._heard = HeardTrack()
        self._motion = Motion(clock.fps, seed, self._seals, self._heard, self._loudness)
        self._performance = self._motion.performance
        self._frame = 0
        self._finished = False
        self._utterance: _Utterance | None = None
        self._listening: deque[Listening] = deque()
        self._level_until = 0
        self._cut: list[Marker] = []
        self._until = 0 if paced else None

    @property
    def held_us(self) -> int:
        """How much sound is appended and not yet drawn."""
        return self._timeline.us(self._timeline.held)

    def begin_utterance(self, utterance_id: str, source: MouthSource) -> None:
        """Opens an utterance at the end of what is appended."""
        self._timeline.begin_utterance(utterance_id)
        begins = self._timeline.appended
        self._utterance = _Utterance(source, begins, begins)
        reader = VoiceReader(self._network, self._clock.sample_rate_hz)
        said = self._heard.begin(self._timeline.us(begins), seals=source is MouthSource.AUDIO)
        self._listening.append(Listening(reader, said, begins))

    def append_sound(self, pcm: bytes) -> None:
        """Appends PCM s16le to the open utterance."""
        self._timeline.append_sound(pcm)

    def add_visemes(self, visemes: Sequence[Viseme]) -> None:
        """Adds mouth shapes of the open utterance, on its clock, in order."""
        utterance = self._utterance
        if utterance is None or utterance.source is not MouthSource.VISEMES:
            raise InvalidInput("visemes belong into an utterance whose mouth source is visemes")
        for viseme in visemes:
            if viseme.start_us < utterance.visemes_end_us or viseme.end_us < viseme.start_us:
                raise InvalidInput("visemes must be in order and must not overlap")
            utterance.visemes_end_us = viseme.end_us
        shift_us, begins_us = map(self._timeline.us, (utterance.shift, utterance.begins))
        self._seals.add(
            (viseme.shifted(shift_us) for viseme in visemes),
            utterance_us=begins_us,
            horizon_us=VISEMES_HORIZON_US,
        )

    def add_cues(self, cues: Sequence[Cue]) -> None:
        """Adds cues of the open utterance, on its clock."""
        if self._utterance is None:
            raise InvalidInput("cues belong into an utterance; act outside of one")
        shift_us = self._timeline.us(self._utterance.shift)
        self._performance.add(replace(cue, at_us=cue.at_us + shift_us) for cue in cues)

    def stand(self, mood: Mood) -> None:
        """The mood from the next frame on, wherever an utterance has none of its own."""
        self._performance.stand(mood)

    def act(self, action: Action) -> None:
        """Does something at once."""
        self._performance.act(action)

    def end_utterance(self) -> None:
        """Closes the open utterance; the mouth closes with it, and its mood ends."""
        self._timeline.end_utterance()
        self._performance.utterance_ends(self._timeline.us(self._timeline.appended))
        self._utterance = None
        end = self._timeline.appended
        self._listening[-1].close(end, self._timeline.us(end))

    def append_idle(self, duration_us: int) -> None:
        """Appends silence with a living face; inside an utterance, its clock stands still."""
        if duration_us <= 0:
            raise InvalidInput("idle needs a duration")
        before_us = self._timeline.us(self._timeline.appended)
        samples = self._clock.samples(duration_us)
        self._timeline.append_silence(samples)
        if self._utterance is not None:
            self._utterance.shift += samples
            self._seals.shift_from(before_us, self._timeline.us(samples))
            self._performance.shift_from(before_us, self._timeline.us(samples))
            if before_us < self._clock.frame_us(self._frame) + MAX_HORIZON_US:
                self._change_of_plan()

    def request_keyframe(self) -> None:
        """Makes the next frame a keyframe."""
        self._encoder.request_keyframe()

    def set_bitrate(self, bitrate_bps: int) -> None:
        """Changes the encoder's target from the next frame on."""
        self._encoder.set_bitrate(bitrate_bps)

    def clear(self) -> None:
        """Drops what is appended and not drawn; the mouth closes within 200 ms."""
        self._cut.extend(self._timeline.clear())
        self._utterance = None
        self._listening.clear()
        self._seals.drop_all()
        self._performance.clear()
        self._heard.drop_all()
        now_us = self._clock.frame_us(self._frame)
        self._loudness.cut(now_us)
        self._level_until = self._timeline.taken
        self._change_of_plan()

    def draw_until(self, until_us: int) -> None:
        """Lets a paced animation draw the pictures that end by then."""
        if self._until is None:
            raise InvalidInput("only a paced animation is told how far to draw")
        self._until = max(self._until, self._clock.samples(until_us))

    def finish(self) -> None:
        """Ends the timeline: what is appended is drawn, and no more."""
        if self._timeline.in_utterance:
            self.end_utterance()
        self._finished = True

    @property
    def done(self) -> bool:
        """Whether everything was drawn and no more can come."""
        return self._finished and self._timeline.taken >= self._timeline.appended

    @property
    def ready(self) -> bool:
        """Whether `draw` can draw the next frame now."""
        appended, end = self._timeline.appended, self._clock.frame_sample(self._frame + 1)
        if self._finished:
            return appended > self._timeline.taken
        if self._until is not None and end > self._until:
            return False
        utterance = self._utterance
        if utterance is None and self._until is not None:
            return True
        if appended < end or utterance is None or end <= utterance.begins:
            return appended >= end
        now_us, appended_us = self._clock.frame_us(self._frame), self._timeline.us(appended)
        if appended_us < now_us + SOUND_HORIZON_US:
            return False
        if utterance.source is MouthSource.AUDIO:
            return True
        said_us = self._timeline.us(utterance.shift) + utterance.visemes_end_us
        return max(appended_us, said_us) >= now_us + VISEMES_HORIZON_US

    def take_cut(self) -> list[Marker]:
        """Takes the ends of utterances that a clear has cut and that were not told yet."""
        cut, self._cut = self._cut, []
        return cut

    def draw(self) -> list[Event]:
        """Draws the next frame: marks, the picture, its sound, marks. Needs `ready`."""
        start, end = map(self._clock.frame_sample, (self._frame, self._frame + 1))
        now_us = self._clock.frame_us(self._frame)
        if self._until is not None:
            self._timeline.append_silence(max(0, end - self._timeline.appended))
        events: list[Event] = [*self.take_cut(), *self._timeline.markers_before(end)]
        self._listen(now_us)
        self._follow_level(self._clock.samples(now_us + SOUND_HORIZON_US), end)
        encoded = self._encoder.encode(self._renderer.render(self._motion.expression_at(now_us)))
        self._frame += 1
        events.append(Frame(encoded.access_unit, now_us, encoded.keyframe, encoded.alpha))
        events.append(Sound(self._timeline.take(end - start), self._timeline.us(start)))
        events.extend(self._timeline.markers_after(end))
        self._seals.trim(now_us)
        self._heard.trim(now_us)
        self._loudness.trim(now_us)
        return events

    def last_markers(self) -> list[Marker]:
        """Takes the marks that are left when everything is drawn."""
        return [*self.take_cut(), *self._timeline.last_markers()]

    def _change_of_plan(self) -> None:
        self._motion.changed(self._clock.frame_us(max(0, self._frame - 1)))

    def _listen(self, now_us: int) -> None:
        """Hears as much of the appended sound as the frame needs."""
        until = self._clock.samples(now_us + SOUND_HORIZON_US)
        while self._listening and self._listening[0].over(now_us):
            self._listening.popleft()
        for listening in self._listening:
            listening.listen(self._timeline, until)

    def _follow_level(self, until: int, end: int) -> None:
        """Feeds the loudness with sound up to the horizon, not past the next utterance's edge."""
        edge = self._timeline.next_mark(end)
        until = min(until, self._timeline.appended if edge is None else edge)
        if until > self._level_until:
            self._loudness.append(self._timeline.peek(self._level_until, until))
            self._level_until = until
