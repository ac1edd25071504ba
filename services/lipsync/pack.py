"""What is kept of a portrait so that it can be drawn: the picture and where its face is."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from services.common.errors import AvatarNotReady
from services.lipsync.faces.landmarks import CONTOUR_POINTS, IRIS_POINTS, POINTS, Eye, Landmarks

PERSON_SIZE = 256
"""Rows and columns of a pack's person mask."""

_MAGIC = b"VULTUSAP"
_VERSION = 1
_HEADER = struct.Struct("<8sH32s")
_SHAPES = {
    "points": (POINTS, 3),
    "contours": (2, CONTOUR_POINTS, 2),
    "irises": (2, IRIS_POINTS, 2),
    "person": (PERSON_SIZE, PERSON_SIZE),
    "face": (5,),
}


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A face in a picture, pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class AvatarPack:
    """An avatar, ready to be drawn."""

    picture: NDArray[np.uint8]
    """The portrait at its natural size, RGB [h, w, 3]; both sides even."""
    landmarks: Landmarks
    """The face in it."""
    person: NDArray[np.uint8]
    """Where the person is in it, 0 or 255 [256, 256], stretched to the picture's shape."""
    face: FaceBox
    """The face in the portrait as it was given."""

    @property
    def width(self) -> int:
        """The picture's, pixels."""
        return int(self.picture.shape[1])

    @property
    def height(self) -> int:
        """The picture's, pixels."""
        return int(self.picture.shape[0])

    def to_bytes(self) -> bytes:
        """The pack as it is stored: a header with the digest of the rest, then an npz."""
        ok, png = cv2.imencode(".png", cv2.cvtColor(self.picture, cv2.COLOR_RGB2BGR))
        if not ok:
            raise ValueError("the picture can't be encoded")
        marks, box = self.landmarks, self.face
        arrays: dict[str, Any] = {
            "picture": png,
            "points": marks.points,
            "contours": np.stack([eye.contour for eye in marks.eyes]),
            "irises": np.stack([eye.iris for eye in marks.eyes]),
            "person": self.person,
            "face": np.array([box.x, box.y, box.width, box.height, marks.presence], np.float64),
        }
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        body = buffer.getvalue()
        return _HEADER.pack(_MAGIC, _VERSION, hashlib.sha256(body).digest()) + body

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The pack that `to_bytes` gave; raises AvatarNotReady for anything else."""
        try:
            magic, version, digest = _HEADER.unpack_from(data)
            body = data[_HEADER.size :]
            if magic != _MAGIC or hashlib.sha256(body).digest() != digest:
                raise AvatarNotReady("the avatar's pack is damaged: make the avatar again")
            if version != _VERSION:
                raise AvatarNotReady("the avatar's pack is of another version: make it again")
            with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
                return cls(**_parts(arrays))
        except (struct.error, ValueError, KeyError, zipfile.BadZipFile, cv2.error) as error:
            raise AvatarNotReady("the avatar's pack is damaged: make the avatar again") from error


def _parts(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    for name, shape in _SHAPES.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has the wrong shape")
    bgr = cv2.imdecode(arrays["picture"], cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError("the picture can't be decoded")
    x, y, width, height, presence = arrays["face"].tolist()
    right, left = (
        Eye(contour, iris)
        for contour, iris in zip(arrays["contours"], arrays["irises"], strict=True)
    )
    return {
        "picture": cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB),
        "landmarks": Landmarks(arrays["points"], presence, (right, left)),
        "person": arrays["person"],
        "face": FaceBox(x, y, width, height),
    }
