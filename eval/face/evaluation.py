"""Lets the service speak for the people of clips, and judges it by what they did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.face import driving, redoing
from eval.face.clips import RATE_HZ, Clip, Picture
from eval.face.curves import FaceCurves, curves
from eval.face.driving import Film, Still
from eval.face.figures import ClipFigures, Cost
from eval.face.judging import Seen, agreement, lifelike, look_of_clip, look_of_photo
from eval.face.speech import speech_of
from eval.face.tracking import Track, Tracker
from services.common.models import ModelStore
from services.common.onnx import open_network
from services.lipsync.app import open_studio
from services.lipsync.faces import FaceReader
from services.lipsync.phonemes import HamaRecogniser
from services.lipsync.settings import LipsyncSettings

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


class Evaluation:
    """Everything that judging needs, opened once."""

    def __init__(self, home: Path) -> None:
        """Opens the models below `home`; raises StartupError where one is missing."""
        cv2.setNumThreads(1)
        settings = LipsyncSettings(home=home, storage_address="nowhere:1")
        self.studio = open_studio(settings)
        self.tracker = Tracker(home)
        self.recogniser = HamaRecogniser()
        self._reader = FaceReader(open_network(ModelStore(home).path("face-landmarks"), _PROVIDERS))

    def clip(self, clip: Clip) -> tuple[ClipFigures, Take]:
        """Speaks for one clip and redoes it.

        Raises ValueError where no face is seen in it, and the studio's errors where no picture of
        it is taken as a portrait.
        """
        track = self.tracker.clip(clip)
        seen = curves(track)
        still = driving.first_good_still(self.studio, clip, seen)
        spoken = driving.speak(self.studio, still.avatar, self.recogniser, clip.sound)
        spoken_track = self.tracker.follow(spoken.pictures())
        redone = self._redone(clip, track, still)
        redone_track = self.tracker.follow(redone.pictures())
        drawn = curves(spoken_track)
        offset_s = _offset_s(clip, drawn, seen)
        take = Take(clip, offset_s, track, spoken, spoken_track, redone, redone_track)
        return self._figures(take, still, drawn, seen), take

    def _redone(self, clip: Clip, track: Track, still: Still) -> Film:
        first = self.studio.inspect(driving.png(still.picture)).landmarks
        faces = redoing.landmarks_of(self._reader, clip, track.at_s, first)
        renderer = self.studio.renderer(still.avatar.pack, *still.avatar.size)
        driver = redoing.LandmarkDriver(self._reader, still.avatar, renderer)
        expressions = driver.expressions(faces, still.number)
        return driving.draw(self.studio, still.avatar, expressions, track.at_s.tolist())

    def _figures(
        self, take: Take, still: Still, drawn: FaceCurves, seen: FaceCurves
    ) -> ClipFigures:
        clip, avatar, speech = take.clip, still.avatar, speech_of(take.clip.sound)
        real = seen.moved(-take.offset_s)
        costs = take.spoken.costs
        clip_seen = Seen(clip.pictures(), take.real)
        return ClipFigures(
            name=clip.name,
            offset_ms=1000.0 * take.offset_s,
            offset_known=clip.offset_s is not None,
            left_out=clip.leave_out,
            real=lifelike(real, speech),
            drawn=lifelike(drawn, speech_of(_with_silence(clip.sound), speech.visemes)),
            spoken=agreement(drawn, real, speech),
            spoken_look=look_of_photo(
                Seen(take.spoken.pictures(), take.spoken_track),
                avatar,
                self._mesh(avatar.pack.picture),
            ),
            redone=agreement(curves(take.redone_track), seen),
            redone_look=look_of_clip(Seen(take.redone.pictures(), take.redone_track), clip_seen),
            cost=Cost(
                costs.draw_ms,
                costs.encode_ms,
                costs.motion_ms,
                avatar.build_cpu_s,
                avatar.build_wall_s,
            ),
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


def _with_silence(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.pad(sound, (0, round(driving.SILENCE_S * RATE_HZ)))
