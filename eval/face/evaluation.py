"""Lets the service speak for the people of clips, and judges it by what they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.face import driving, eyes, redoing
from eval.face.clips import Clip, Picture, Sound
from eval.face.curves import FaceCurves, curves, turn_degrees
from eval.face.driving import Avatar, Costs, Film, Still, first_good_still
from eval.face.figures import ClipFigures, Cost, PortraitFigures
from eval.face.judging import (
    Seen,
    agreement,
    lifelike,
    look_of_clip,
    look_of_photo,
    loudness_fit,
)
from eval.face.metrics import pearson
from eval.face.speech import speech_of
from eval.face.tracking import Track, Tracker
from services.common.models import ModelStore
from services.common.onnx import open_network
from services.lipsync.app import open_studio
from services.lipsync.faces import FaceReader, Landmarks
from services.lipsync.motion.voice import MouthNetwork, OnnxMouthNetwork
from services.lipsync.settings import LipsyncSettings
from services.lipsync.visemes import Viseme

_PROVIDERS = ("CPUExecutionProvider",)


@dataclass(frozen=True, slots=True)
class Take:
    """A clip, what was drawn for it, and the face in each."""

    clip: Clip
    offset_s: float
    real: Track
    spoken: Film
    spoken_track: Track
    redone: Film
    redone_track: Track

    def real_seen(self) -> Seen:
        """The clip."""
        return Seen(self.clip.pictures(), self.real)

    def real_seen_again(self) -> Seen:
        """The pictures of the clip that were redone."""
        return Seen(self.clip.pictures(), self.real.at(self.redone_track.at_s))

    def spoken_seen(self) -> Seen:
        """What was drawn from its sound."""
        return Seen(self.spoken.pictures(), self.spoken_track)

    def redone_seen(self) -> Seen:
        """What was drawn from its landmarks."""
        return Seen(self.redone.pictures(), self.redone_track)


class Evaluation:
    """Everything that judging needs, opened once."""

    def __init__(self, home: Path) -> None:
        """Opens the models below `home`; raises StartupError where one is missing."""
        cv2.setNumThreads(1)
        settings = LipsyncSettings(home=home, storage_address="nowhere:1")
        self.studio = open_studio(settings)
        self.tracker = Tracker(home)
        self.network = OnnxMouthNetwork()
        self._reader = FaceReader(open_network(ModelStore(home).path("face-landmarks"), _PROVIDERS))

    def clip(self, clip: Clip, network: MouthNetwork | None = None) -> tuple[ClipFigures, Take]:
        """Speaks for one clip and redoes it; by another network than the service's, if given.

        Raises ValueError where no face is seen in it, and the studio's errors where no picture of
        it is taken as a portrait.
        """
        track = self.tracker.clip(clip)
        shut = eyes.shut(eyes.likeness(clip.pictures(), track), track.fps)
        still = first_good_still(self.studio, clip, track.at_s.tolist(), shut.tolist())
        spoken = driving.speak(self.studio, still.avatar, network or self.network, clip.sound)
        spoken_track = self.tracker.follow(spoken.pictures())
        redone = self._redone(track, still)
        take = Take(
            clip,
            _offset_s(clip, curves(spoken_track), curves(track)),
            track,
            spoken,
            spoken_track,
            redone,
            self.tracker.follow(redone.pictures()),
        )
        blinks_ms = eyes.blinks_ms(shut, track.fps)
        return self._figures(take, still, blinks_ms), take

    def portrait(
        self, name: str, portrait: bytes, sound: Sound, visemes: Sequence[Viseme] | None = None
    ) -> PortraitFigures:
        """Lets an image file say something; its mouth shapes are recognised unless they are told.

        Raises the studio's errors where it is not taken as a portrait.
        """
        avatar = driving.built(self.studio, portrait)
        film = driving.speak(self.studio, avatar, self.network, sound, visemes)
        track = self.tracker.follow(film.pictures())
        face, speech = curves(track), speech_of(driving.with_silence(sound), visemes)
        return PortraitFigures(
            name,
            lifelike(face, speech, blinks_of(Seen(film.pictures(), track))),
            loudness_fit(face, speech),
            look_of_photo(Seen(film.pictures(), track), avatar, self._mesh(avatar.pack.picture)),
            _cost(film.costs, avatar),
        )

    def _redone(self, track: Track, still: Still) -> Film:
        """The film that is drawn from landmarks, of the pictures in which the head is held about
        as in the still: from one photo, no other side of a face can be drawn."""
        near = (
            turn_degrees(np.asarray(track.points, np.float64), still.number) < redoing.MOST_TURNED
        )
        chosen = np.flatnonzero(near)[: redoing.MOST_PICTURES]
        times_s = track.at_s[chosen].tolist()
        renderer = self.studio.renderer(still.avatar.pack, *still.avatar.size)
        driver = redoing.LandmarkDriver(self.tracker, renderer)
        expressions = driver.expressions(track.points[chosen], track.points[still.number])
        return driving.draw(self.studio, still.avatar, expressions, times_s)

    def _trackers_r(self, clip: Clip, track: Track, still: Still) -> float:
        """How the service's own landmarks agree with the tracker's on the opening."""
        times_s = track.at_s[: redoing.MOST_PICTURES]
        first = self.studio.inspect(driving.png(still.picture)).landmarks
        faces = _landmarks_of(self._reader, clip, times_s, first)
        points = np.stack([face.points for face in faces])
        theirs = curves(Track(times_s, points, track.presence[: len(times_s)]))
        return pearson(theirs.opening, curves(track).opening[: len(times_s)])

    def _figures(self, take: Take, still: Still, real_blinks_ms: Sequence[float]) -> ClipFigures:
        clip, avatar, speech = take.clip, still.avatar, speech_of(take.clip.sound)
        drawn, seen = curves(take.spoken_track), curves(take.real)
        real = seen.moved(-take.offset_s)
        with_silence = speech_of(driving.with_silence(clip.sound), speech.visemes)
        photo_mesh = self._mesh(avatar.pack.picture)
        return ClipFigures(
            name=clip.name,
            offset_ms=1000.0 * take.offset_s,
            offset_known=clip.offset_s is not None,
            left_out=clip.leave_out,
            real=lifelike(real, speech, real_blinks_ms),
            drawn=lifelike(drawn, with_silence, blinks_of(take.spoken_seen())),
            spoken=agreement(drawn, real, speech),
            spoken_look=look_of_photo(take.spoken_seen(), avatar, photo_mesh),
            redone=agreement(
                curves(take.redone_track), curves(take.real.at(take.redone_track.at_s))
            ),
            redone_look=look_of_clip(take.redone_seen(), take.real_seen_again()),
            trackers_r=self._trackers_r(clip, take.real, still),
            cost=_cost(take.spoken.costs, avatar),
        )

    def _mesh(self, picture: Picture) -> NDArray[np.float32]:
        """The face of a single picture."""
        points: NDArray[np.float32] = self.tracker.follow([(0.0, picture), (1.0, picture)]).points
        return np.asarray(points[-1], np.float32)


def _offset_s(clip: Clip, drawn: FaceCurves, seen: FaceCurves) -> float:
    """How late the mouth is in a clip; if nobody knows, against the drawn one, which is in time."""
    if clip.offset_s is not None:
        return clip.offset_s
    return -agreement(drawn, seen).offset_ms / 1000.0


def _landmarks_of(
    reader: FaceReader, clip: Clip, times_s: NDArray[np.float64], first: Landmarks
) -> list[Landmarks]:
    """The service's own landmarks in those pictures of a clip, from roughly known ones on."""
    wanted = set(times_s.tolist())
    found, known = [], first
    for at_s, picture in clip.pictures():
        if at_s in wanted:
            known = reader.read_again(picture, known)
            found.append(known)
    return found


def _cost(costs: Costs, avatar: Avatar) -> Cost:
    return Cost(
        costs.draw_ms, costs.encode_ms, costs.motion_ms, avatar.build_cpu_s, avatar.build_wall_s
    )


def blinks_of(seen: Seen) -> list[float]:
    """How long each blink in a film is, milliseconds."""
    fps = seen.track.fps
    return eyes.blinks_ms(eyes.shut(eyes.likeness(seen.shown, seen.track), fps), fps)
