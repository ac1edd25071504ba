"""Looks at portraits and makes avatars of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from services.common.errors import (
    FaceCovered,
    FaceNotFrontal,
    FaceTooSmall,
    NoFace,
    SeveralFaces,
)
from services.common.onnx import open_network
from services.lipsync.faces import Detection, FaceDetector, FaceReader, Landmarks, PersonFinder
from services.lipsync.pack import PERSON_SIZE, AvatarPack, FaceBox
from services.lipsync.pixels import resized
from services.lipsync.visibility import is_covered

MIN_SHORT_SIDE, MAX_SHORT_SIDE, MAX_LONG_SIDE, MAX_ASPECT = 256, 1080, 1920, 2.4
"""Limits of an avatar's natural size, pixels."""
MIN_IOD_PX = 24.0
"""The least distance between the eyes in the portrait."""
MIN_DRAWN_IOD_PX = 36.0
"""The least distance between the eyes in the avatar; the portrait is cropped to reach it."""

_POSSIBLE_SCORE, _LIKELY_SCORE, _SURE_SCORE, _BEYOND_DOUBT = 0.55, 0.62, 0.85, 0.92
_SURE_PRESENCE = 0.5
_ZOOMS, _SHIFTS = (1.6, 2.2, 3.0, 4.0), ((0.0, 0.0), (0.12, 0.05), (-0.12, -0.05))
_DOMINANT = 1.35
"""How much further apart the eyes of the one to use must be than anyone else's."""
_MAX_YAW, _MAX_PITCH, _UPRIGHT = 33.0, 33.0, 60.0
_SEARCH_SIDE = 1600
_PREVIEW_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was seen in a portrait."""

    width: int
    height: int
    face: FaceBox
    landmarks: Landmarks
    """In the portrait's pixels."""


@dataclass(frozen=True, slots=True)
class FaceModels:
    """The networks that see faces."""

    detector: FaceDetector
    reader: FaceReader
    person: PersonFinder

    @classmethod
    def open(
        cls,
        detector: Path,
        landmarks: Path,
        person: Path,
        providers: Sequence[str],
    ) -> Self:
        """Opens the models' files on the given execution providers; raises ProviderMissing."""
        return cls(
            FaceDetector(open_network(detector, providers)),
            FaceReader(open_network(landmarks, providers)),
            PersonFinder(open_network(person, providers)),
        )


@dataclass(frozen=True, slots=True)
class _Face:
    detection: Detection
    marks: Landmarks
    sureness: float

    @property
    def may_be_hidden(self) -> bool:
        """Whether it looks enough like an upright face for its eyes and mouth to be missed."""
        upright = abs(self.marks.roll_degrees) < _UPRIGHT
        return upright and self.marks.iod >= MIN_IOD_PX and self.sureness >= _LIKELY_SCORE


class PortraitInspector:
    """Finds the one face of a portrait, or says why there is none to use."""

    def __init__(self, models: FaceModels) -> None:
        self._models = models

    def inspect(self, image_rgb: NDArray[np.uint8]) -> Inspection:
        """What is seen in an upright picture [h, w, 3].

        Raises NoFace, SeveralFaces, FaceTooSmall, FaceNotFrontal, FaceCovered.
        """
        height, width = image_rgb.shape[:2]
        scale = min(1.0, _SEARCH_SIDE / max(width, height))
        small = image_rgb
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = resized(image_rgb, *size)
        faces = self._faces(small)
        if len(faces) > 1 and faces[0].marks.iod < _DOMINANT * faces[1].marks.iod:
            raise SeveralFaces("several faces are about equally large: crop the picture to one")
        marks = faces[0].marks
        if marks.iod / scale < MIN_IOD_PX:
            raise FaceTooSmall(
                f"the eyes are {marks.iod / scale:.0f} pixels apart, at least {MIN_IOD_PX:.0f} are "
                "needed: use a larger picture"
            )
        _check_visible(small, faces[0])
        marks = marks.moved(1.0 / scale, (0.0, 0.0))
        return Inspection(width, height, _box(faces[0].detection, 1.0 / scale), marks)

    def _faces(self, picture: NDArray[np.uint8]) -> list[_Face]:
        """The human faces, largest first, at least one."""
        found = []
        for detection in self._models.detector.find(picture):
            if detection.score >= _POSSIBLE_SCORE:
                marks = self._models.reader.read(picture, detection)
                if marks.presence >= _SURE_PRESENCE:
                    found.append(_Face(detection, marks, self._sureness(picture, marks)))
        found.sort(key=lambda face: -face.marks.iod)
        sure = [face for face in found if face.sureness >= _SURE_SCORE]
        if sure:
            return sure
        # What is no sure face may be one that is hidden; animals show eyes and mouth.
        for face in found:
            if face.may_be_hidden:
                _check_visible(picture, face)
        raise NoFace("no human face was found: use a picture of one face, seen from the front")

    def _sureness(self, picture: NDArray[np.uint8], marks: Landmarks) -> float:
        """The detector's mean score over windows around a face; one window alone may be fooled.

        Over 60 human faces, painted ones too, it was 0.91 and more; over animals 0.77 and less.
        """
        low, high = marks.points[:, :2].min(axis=0), marks.points[:, :2].max(axis=0)
        (x, y), size = (low + high) / 2, float((high - low).max())
        scores = []
        for zoom in _ZOOMS:
            side = zoom * size
            for shift in _SHIFTS:
                left, top = x + shift[0] * size - side / 2, y + shift[1] * size - side / 2
                seen = self._models.detector.find_in(picture, left, top, side)
                scores.append(max((face.score for face in seen), default=0.0))
        return float(np.mean(scores))


class PackBuilder:
    """Makes avatars of portraits."""

    def __init__(self, inspector: PortraitInspector, models: FaceModels) -> None:
        self._inspector = inspector
        self._models = models

    def build(self, image_rgb: NDArray[np.uint8], progress: Callable[[float], None]) -> AvatarPack:
        """The avatar of an upright picture; calls `progress` with rising shares of 1.

        The picture keeps its shape and background, unless the face would be too small to be seen
        speaking, or one side is over 2.4 times the other: then it is cropped around the head.
        Raises what `PortraitInspector.inspect` raises.
        """
        progress(0.05)
        seen = self._inspector.inspect(image_rgb)
        progress(0.4)
        crop = _crop(seen)
        picture, scale = _natural_size(image_rgb[crop.top : crop.bottom, crop.left : crop.right])
        progress(0.6)
        known = seen.landmarks.moved(scale, (-crop.left, -crop.top))
        landmarks = self._models.reader.read_again(picture, known)
        progress(0.8)
        person = _person(self._models.person.find(picture), landmarks, picture)
        progress(1.0)
        return AvatarPack(picture, landmarks, person, seen.face)

    def likelihood(self, pack: AvatarPack) -> NDArray[np.float32]:
        """How likely each pixel of a pack's picture is a person's, 0 to 1 [h, w]."""
        return self._models.person.likelihood(pack.picture, pack.landmarks)


def preview_jpeg(pack: AvatarPack) -> bytes:
    """The avatar at rest."""
    bgr = cv2.cvtColor(pack.picture, cv2.COLOR_RGB2BGR)
    ok, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _PREVIEW_QUALITY])
    if not ok:
        raise ValueError("the preview can't be encoded")
    return jpeg.tobytes()


def _check_visible(picture: NDArray[np.uint8], face: _Face) -> None:
    marks = face.marks
    if abs(marks.yaw_degrees) > _MAX_YAW or abs(marks.pitch_degrees) > _MAX_PITCH:
        raise FaceNotFrontal("the face looks aside: use a picture taken from the front")
    if is_covered(picture, marks, doubtful=face.sureness < _BEYOND_DOUBT):
        raise FaceCovered("something hides the face: show both eyes and the mouth freely")


def _box(face: Detection, scale: float) -> FaceBox:
    return FaceBox(face.x * scale, face.y * scale, face.width * scale, face.height * scale)


@dataclass(frozen=True, slots=True)
class _Crop:
    left: int
    top: int
    right: int
    bottom: int


def _crop(seen: Inspection) -> _Crop:
    """What of the portrait is kept: all of it, wherever possible."""
    width, height = float(seen.width), float(seen.height)
    if width > MAX_ASPECT * height:
        width = MAX_ASPECT * height
    elif height > MAX_ASPECT * width:
        height = MAX_ASPECT * width
    drawn_iod = seen.landmarks.iod * _natural_scale(width, height)
    share = min(1.0, drawn_iod / MIN_DRAWN_IOD_PX)
    width, height = width * share, height * share
    right, left = seen.landmarks.eye_centres
    # The eyes stand a little above the middle of what is cut out.
    x = float(right[0] + left[0]) / 2 - width / 2
    y = float(right[1] + left[1]) / 2 - 0.42 * height
    x, y = min(max(x, 0.0), seen.width - width), min(max(y, 0.0), seen.height - height)
    return _Crop(round(x), round(y), round(x + width), round(y + height))


def _natural_scale(width: float, height: float) -> float:
    short, long = min(width, height), max(width, height)
    scale = min(1.0, MAX_SHORT_SIDE / short, MAX_LONG_SIDE / long)
    return max(scale, MIN_SHORT_SIDE / short)


def _natural_size(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """The picture at an avatar's size, both sides even, and the scale that was used."""
    height, width = picture.shape[:2]
    scale = _natural_scale(width, height)
    size = (2 * round(width * scale / 2), 2 * round(height * scale / 2))
    return resized(picture, *size), scale


def _person(
    mask: NDArray[np.uint8], landmarks: Landmarks, picture: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The mask, and always the head and a bust below it; drawings fool the network at times."""
    ratio = np.array([PERSON_SIZE / picture.shape[1], PERSON_SIZE / picture.shape[0]])
    right, left = landmarks.eye_centres
    axis = (left - right) / landmarks.iod
    down = np.array([-axis[1], axis[0]])
    turn = np.stack([axis, down], axis=1) * landmarks.iod
    angles = np.linspace(0, 2 * np.pi, 48)
    head = np.stack([1.25 * np.cos(angles), 0.45 + 1.6 * np.sin(angles)], axis=-1)
    outline = ((right + left) / 2 + head @ turn.T) * ratio
    filled = cv2.fillPoly(mask.copy(), [np.rint(outline).astype(np.int32)], (255,))
    return np.asarray(filled, np.uint8)
