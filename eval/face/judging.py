"""From clips and films to figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

import numpy as np
from numpy.typing import NDArray

from eval.face import metrics, pictures, skin
from eval.face.clips import Picture
from eval.face.curves import CURVE_HZ, Curve, FaceCurves
from eval.face.driving import Avatar
from eval.face.figures import NAN, Agreement, Lifelike, Look, Loudness
from eval.face.pictures import Energies
from eval.face.speech import SILENT_DB, Speech
from eval.face.tracking import Track
from services.lipsync.pixels import resized

_EVERY = 5
"""One in so many pictures is compared with the photo."""
_FAR_FROM_PERSON = 0.25
_LOUDNESS_REACH_S = 0.2

Shown = Iterable[tuple[float, Picture]]


def grid(end_s: float) -> Curve:
    """The times from 0 on at which curves are compared."""
    return np.arange(int(end_s * CURVE_HZ)) / CURVE_HZ


def lifelike(face: FaceCurves, speech: Speech, blinks_ms: Sequence[float]) -> Lifelike:
    """How a mouth moves with what is said from time 0 on, and how the eyes blink meanwhile."""
    seen = face.at(grid(min(face.at_s[-1], len(speech.level_db) / CURVE_HZ)))
    length = len(seen.opening)
    voiced = speech.voiced[:length]
    closed = metrics.closures(seen.opening, voiced, speech.seals)
    pauses = [pause for pause in speech.pauses() if pause.stop <= length]
    still = metrics.stillness(seen.opening, pauses)
    return Lifelike(
        deviation=float(seen.opening[voiced].std()),
        speed=metrics.speed(seen.opening, voiced),
        seals=closed.sounds,
        shut=closed.shut,
        shut_by_chance=closed.by_chance,
        shut_lag_ms=closed.lag_ms,
        pause_deviation=still.deviation,
        pause_opening=still.opening,
        blinks=len(blinks_ms),
        blink_ms=median(blinks_ms) if blinks_ms else NAN,
        seconds=float(face.at_s[-1] - face.at_s[0]),
    )


def agreement(drawn: FaceCurves, real: FaceCurves, speech: Speech | None = None) -> Agreement:
    """How near two mouths are to one another while both are seen, and something is said if speech
    is given."""
    first_s = max(drawn.at_s[0], real.at_s[0], 0.0)
    last_s = min(drawn.at_s[-1], real.at_s[-1])
    if speech is not None:
        last_s = min(last_s, len(speech.level_db) / CURVE_HZ)
    times_s = grid(last_s)[int(np.ceil(first_s * CURVE_HZ)) :]
    ours, theirs = drawn.at(times_s), real.at(times_s)
    voiced = np.ones(len(times_s), bool)
    if speech is not None:
        voiced = speech.voiced[np.rint(times_s * CURVE_HZ).astype(int)]
    best_r, offset_ms = metrics.best_fit(ours.opening, theirs.opening)
    return Agreement(
        opening_r=metrics.pearson(ours.opening, theirs.opening),
        width_r=metrics.pearson(ours.width, theirs.width),
        protrusion_r=metrics.pearson(ours.protrusion, theirs.protrusion),
        opening_error=metrics.error(ours.opening, theirs.opening),
        width_error=metrics.error(ours.width, theirs.width),
        protrusion_error=metrics.error(ours.protrusion, theirs.protrusion),
        lips_distance=metrics.landmark_distance(ours.lips, theirs.lips),
        motion_distance=metrics.motion_distance(ours.lips, theirs.lips),
        offset_ms=offset_ms,
        best_r=best_r,
        amplitude_ratio=float(ours.opening[voiced].std() / theirs.opening[voiced].std()),
        speed_ratio=metrics.speed(ours.opening, voiced) / metrics.speed(theirs.opening, voiced),
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """Pictures, and the face in each."""

    shown: Shown
    track: Track

    def pairs(self) -> Iterator[tuple[Picture, NDArray[np.float32]]]:
        """Each picture in which the face was followed, with its mesh."""
        meshes = dict(zip(self.track.at_s.tolist(), self.track.points, strict=True))
        return ((each, meshes[at_s]) for at_s, each in self.shown if at_s in meshes)


def look_of_clip(drawn: Seen, real: Seen) -> Look:
    """How drawn pictures look beside the real ones of the same moments."""
    scale = pictures.common_scale(drawn.track.points[0], real.track.points[0])
    both = islice(zip(drawn.pairs(), real.pairs(), strict=False), 0, None, _EVERY)
    ours: list[Energies] = []
    theirs: list[Energies] = []
    lights: list[tuple[skin.Light, skin.Light]] = []
    for one, other in both:
        ours.append(pictures.energies(*one, scale))
        theirs.append(pictures.energies(*other, scale))
        lights.append((skin.light(*one, scale), skin.light(*other, scale)))
    return Look(
        pictures.sharpness(ours, theirs),
        pictures.seam(ours, theirs),
        NAN,
        skin.agreement([drawn for drawn, _ in lights], [real for _, real in lights]),
    )


def look_of_photo(drawn: Seen, avatar: Avatar, points: NDArray[np.float32]) -> Look:
    """How drawn pictures look beside the photo, in which a face has such a mesh."""
    width, height = avatar.size
    photo = resized(avatar.pack.picture, width, height)
    iod_px = pictures.iod_px(drawn.track.points[0])
    away = pictures.background(avatar.pack.person, width, height, _FAR_FROM_PERSON * iod_px)
    scale = pictures.common_scale(drawn.track.points[0], points)
    ours, alike = [], []
    for picture, mesh in islice(drawn.pairs(), 0, None, _EVERY):
        ours.append(pictures.energies(picture, mesh, scale))
        alike.append(pictures.similarity(picture, photo, away))
    theirs = [pictures.energies(avatar.pack.picture, points, scale)]
    return Look(
        pictures.sharpness(ours, theirs), pictures.seam(ours, theirs), float(np.mean(alike)), NAN
    )


def loudness_fit(face: FaceCurves, speech: Speech) -> Loudness:
    """How a mouth goes with the voice's level, both from time 0 on."""
    level = np.maximum(speech.level_db, SILENT_DB)
    opening = face.at(grid(min(face.at_s[-1], len(level) / CURVE_HZ))).opening
    return Loudness(*metrics.best_fit(opening, level[: len(opening)], _LOUDNESS_REACH_S))
