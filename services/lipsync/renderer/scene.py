"""What a person stands before when it is not what the portrait shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import blurred, enlarged, resized, without_alpha
from services.lipsync.renderer.matte import CutOut, Plane
from services.lipsync.renderer.zone import Zone

Picture = NDArray[np.uint8]
"""RGB [h, w, 3]."""
Behind = Callable[[Picture, Plane], Picture]
"""Makes a background of what the frame shows and of how far each of its pixels is the person, 0 to
1 [h, w]."""

_LEAST_BLUR, _MOST_BLUR = 0.008, 0.07
"""Sigma, as a share of the short side."""
_FAR = 4.0
"""What the person hides takes its colour from so much further away."""
_WELL_SEEN = 0.5
_REACH, _DARKENING = 0.2, 10.0
"""How softly colours darken that go on beyond a person, inter-ocular distances, and how late."""
_FAINT = 0.1
"""What is less of a person takes its colour from around."""
_SOFT_PX = 2.0
"""A blur of so many pixels is computed in a small picture."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A background, and what of the pack's picture is the person."""

    behind: Behind | None
    """None: nothing; the person's pixels have alpha then."""
    likelihood: Plane
    """How likely each pixel of the pack's picture is a person's, 0 to 1."""


def plain(red: int, green: int, blue: int) -> Behind:
    """One colour."""

    def behind(frame: Picture, _: Plane) -> Picture:
        return np.full_like(frame, (red, green, blue))

    return behind


def covering(photo: Picture) -> Behind:
    """A photo at the least size that covers the frame, its middle."""

    def behind(frame: Picture, _: Plane) -> Picture:
        height, width = frame.shape[:2]
        rows, columns = photo.shape[:2]
        scale = max(width / columns, height / rows)
        size = (max(width, round(columns * scale)), max(height, round(rows * scale)))
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        return np.ascontiguousarray(resized(photo, *size)[top : top + height, left : left + width])

    return behind


def out_of_focus(strength: float) -> Behind:
    """The frame blurred, without a trace of the person; strength 0 to 1."""

    def behind(frame: Picture, person: Plane) -> Picture:
        height, width = frame.shape[:2]
        share = _LEAST_BLUR * (_MOST_BLUR / _LEAST_BLUR) ** strength
        sigma_px = share * min(height, width)
        # What is that soft has no pixels to lose.
        shrink = max(1.0, sigma_px / _SOFT_PX)
        small = (max(8, round(width / shrink)), max(8, round(height / shrink)))
        hidden = resized(np.asarray(person > 0.02, np.float32), *small) > 0.0
        free = (~hidden).astype(np.float32)
        colours = resized(frame, *small).astype(np.float32) * free[..., None]
        soft = _filled(colours, free, sigma_px / shrink)
        return resized(np.rint(soft).astype(np.uint8), width, height)

    return behind


def _filled(colours: NDArray[np.float32], free: Plane, sigma_px: float) -> NDArray[np.float32]:
    """Blurred colours of what is free; where little is, those of further away."""
    near, seen = blurred(colours, sigma_px), blurred(free, sigma_px)[..., None]
    known = np.asarray(near / np.maximum(seen, 1e-6), np.float32)
    if sigma_px > max(free.shape) or float(seen.min()) > _WELL_SEEN:
        return known
    further = _filled(colours, free, _FAR * sigma_px)
    share = np.clip(seen / _WELL_SEEN, 0.0, 1.0)
    return np.asarray(further + (known - further) * share, np.float32)


class Lay(Protocol):
    """Puts moved pixels [h, w, 4] at rows and columns of a picture, into `out` [h, w, 3]."""

    def __call__(self, rgba: NDArray[np.uint8], at: tuple[slice, slice], out: Picture) -> None:
        """Lays it there, and nowhere else."""
        ...


def laid_whole(rgba: NDArray[np.uint8], at: tuple[slice, slice], out: Picture) -> None:
    """Takes the colours alone."""
    without_alpha(rgba, out=out)


class Overlay:
    """Lays a person's premultiplied pixels over a background, which stands still."""

    def __init__(self, background: Picture) -> None:
        self.background = background
        self.matte = np.zeros(background.shape[:2], np.uint8)
        """How far each pixel is the person, as it was laid last, 0 to 255 [h, w]."""

    def lay(self, rgba: NDArray[np.uint8], at: tuple[slice, slice], out: Picture) -> None:
        """Pixels [h, w, 4] over the background at rows and columns, into `out` [h, w, 3]."""
        if not rgba.size:
            return
        cv: Any = cv2
        matte = self.matte[at]
        cv.extractChannel(rgba, 3, dst=matte)
        free = cv.cvtColor(cv.bitwise_not(matte), cv2.COLOR_GRAY2RGB)
        cv.multiply(self.background[at], free, dst=free, scale=1.0 / 255.0)
        cv.add(cv.cvtColor(rgba, cv2.COLOR_RGBA2RGB), free, dst=out)


class Apart:
    """Keeps a person's alpha beside its colours, which go on beyond its edges and then darken."""

    def __init__(self, person: CutOut, canvas: Picture, place: Zone, iod_px: float) -> None:
        """Puts the person on a canvas [h, w, 3], at a place, and nothing else."""
        self.colours = _going_on(person, iod_px)
        """Of the place, RGB [h, w, 3], not premultiplied."""
        self.layer = np.dstack([self.colours, person.matte])
        """The same with the matte, RGBA [h, w, 4]."""
        canvas[:] = 0
        canvas[place.slices] = self.colours
        alpha = np.zeros(canvas.shape[:2], np.uint8)
        self._matte = alpha[place.slices]
        self._matte[:] = person.matte
        self._alpha, self._joined = alpha, np.dstack([canvas, alpha])

    def lay(self, rgba: NDArray[np.uint8], at: tuple[slice, slice], out: Picture) -> None:
        """Pixels [h, w, 4] at rows and columns of the place; their colours into `out` [h, w, 3]."""
        if rgba.size:
            cv: Any = cv2
            cv.extractChannel(rgba, 3, dst=self._matte[at])
            without_alpha(rgba, out=out)

    def joined(self, canvas: Picture) -> NDArray[np.uint8]:
        """A canvas with alpha, RGBA [h, w, 4], not premultiplied; the next call overwrites it."""
        cv: Any = cv2
        joined: NDArray[np.uint8] = cv.merge([canvas, self._alpha], dst=self._joined)
        return joined


def _going_on(person: CutOut, iod_px: float) -> Picture:
    """A person's colours [h, w, 3], and around them their like, which darkens further away: no edge
    lies where the alpha ends, and a player that knows no alpha shows the person before black."""
    height, width = person.matte.shape
    share = person.matte.astype(np.float32) / 255.0
    reach_px = _REACH * iod_px
    # What is that soft has no pixels to lose.
    shrink = max(1.0, 0.5 * reach_px / _SOFT_PX)
    small = (max(8, round(width / shrink)), max(8, round(height / shrink)))
    thin = resized(share, *small)
    colours = resized(person.colours * share[..., None], *small)
    around = _filled(colours, thin, 0.5 * reach_px / shrink)
    around *= np.minimum(_DARKENING * blurred(thin, reach_px / shrink), 1.0)[..., None]
    own = np.minimum(share / _FAINT, 1.0)[..., None]
    soft = enlarged(around, width, height)
    return np.asarray(np.rint(soft + (person.colours - soft) * own), np.uint8)


def premultiplied(person: CutOut) -> NDArray[np.uint8]:
    """A person's colours by its matte, and the matte [h, w, 4]."""
    share = person.matte[..., None].astype(np.float32) / 255.0
    return np.dstack([np.rint(person.colours * share).astype(np.uint8), person.matte])


def beyond(zone: Zone, matte: NDArray[np.uint8], by_px: int) -> bool:
    """Whether a zone, or what is near it, holds pixels that are not wholly the person's."""
    height, width = matte.shape
    return bool(matte[zone.padded(by_px, (width, height)).slices].min() < 255)
