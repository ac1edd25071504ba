"""Draws a mouth: lips that part and meet, and what shows between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.pixels import blurred, pulled, sample, sample_line
from services.lipsync.renderer.fields import FIELDS, JAW_DROP
from services.lipsync.renderer.frame import FaceFrame, Points, smoothstep
from services.lipsync.renderer.interior import MEAN_WIDTH, Behind, Interior
from services.lipsync.renderer.layers import Layers, blended
from services.lipsync.renderer.palette import palette_of
from services.lipsync.renderer.shape import ALONG, SAMPLES, FaceShape, Slit
from services.lipsync.renderer.sharpness import blur_of
from services.lipsync.renderer.slit import SlitWarp
from services.lipsync.renderer.zone import Zone

_JAW = MOUTH_SHAPES.index("jaw_open")
_CLOSE = MOUTH_SHAPES.index("lips_close")
_BITE = MOUTH_SHAPES.index("lip_bite")
_PUCKER, _FUNNEL = MOUTH_SHAPES.index("pucker"), MOUTH_SHAPES.index("funnel")
_TONGUE = MOUTH_SHAPES.index("tongue_up")
_HEAD_FIELDS = [FIELDS.index(name) for name in ("yaw", "pitch", "roll", "shift_x", "shift_y")]

_UPPER_MEETS = 0.30
"""The upper lip's share of the way when lips meet."""
_BITE_GAP, _BITE_UPPER_MEETS = 0.040, 0.12
_OPEN_PHOTO_GAP = 0.02
"""A photo whose lips are further apart shows what is behind them."""
_SEALED_OVERLAP = 0.035
"""How far lips that the picture shows apart reach over each other when they are shut."""
_UNBOWED = 0.5
_COMPOSED_JAW, _FULL_OPENING = 0.65, 0.28
"""The share of an open mouth that its jaw closes, and how far a dropped jaw opens lips."""
_ALL_BUT_SHUT = 0.03
_OWN_TEETH_GAP, _OWN_GIVES_WAY = 0.11, 0.07
"""A photo that shows enough of its teeth keeps them; a glimpse gives way to drawn ones."""
_EDGE_SHARE, _SHARP_PX = 0.45, 0.3
"""What lips' edges need of the photo's blur beside what drawing blurs anyway, and what is too
little to be seen."""
_SOFT_FROM = 0.03
"""Lips that are opened further have soft edges; at rest the photo has its own."""
_OWN_INSET_PX, _OWN_FADE = 1.5, 0.02
_OWN_LOWER, _OWN_PARTS = 0.045, 0.06
"""How high what belongs to the jaw stands above the lower lip, and how far lips part until it is
seen to go with the jaw."""
_UPPER_REACH, _LOWER_REACH = 0.20, 0.30
LEAST_LIGHT, LIGHT, LID_SHADOW, LEAST_SHADE = 0.70, 0.68, 0.60, 0.15
"""What light an opening has, deep in it and by its width, and what the upper lip takes of it."""


@dataclass(frozen=True, slots=True)
class _Parting:
    """How far a shape moves each edge of the lips in the middle, downwards positive, and how that
    falls off towards the corners: (1 - a²) to the power of `fall` (inner) and `outer_fall`."""

    upper: float = 0.0
    upper_outer: float = 0.0
    lower: float = 0.0
    lower_outer: float = 0.0
    fall: float = 1.0
    outer_fall: float = 1.0


@dataclass(frozen=True, slots=True)
class Edges:
    """How far the edges of the lips move, inter-ocular distances, downwards positive, each [n]."""

    upper: NDArray[np.float32]
    upper_outer: NDArray[np.float32]
    lower: NDArray[np.float32]
    lower_outer: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MouthPose:
    """A mouth at one instant."""

    edges: Edges
    behind: Behind
    own_share: float
    """How much is left of what the picture itself shows inside, 0 to 1."""
    parted: float
    """How far what stands on the lower lip goes with the jaw, 0 to 1."""
    soft: float
    """How soft the edges of the opening are, 1: as soft as the photo."""


_PARTINGS = {
    "jaw_open": _Parting(-0.105, -0.060, 0.175, 0.115, 0.85, 0.9),
    "lips_close": _Parting(),
    "upper_lip_raise": _Parting(-0.070, -0.058, 0.0, 0.0, 0.9, 0.9),
    "lower_lip_drop": _Parting(0.0, 0.0, 0.075, 0.055, 0.9, 0.9),
    "stretch": _Parting(-0.004, 0.010, 0.014, -0.010, 0.6, 0.8),
    "pucker": _Parting(-0.014, -0.020, 0.016, -0.006, 1.8, 1.0),
    "funnel": _Parting(-0.045, -0.055, 0.050, 0.045, 1.1, 0.9),
    "press": _Parting(0.0, 0.030, 0.0, -0.036, 1.0, 0.7),
    "lip_bite": _Parting(-0.022, -0.018, 0.0, -0.030, 0.9, 0.8),
    "smile": _Parting(0.0, 0.010, 0.0, -0.010, 1.0, 0.8),
    "frown": _Parting(0.0, 0.0, 0.0, -0.012, 1.0, 0.8),
    "tongue_up": _Parting(),
}


def _parting_curves() -> NDArray[np.float32]:
    """Edges' movement per shape [12, 4, n], in the order of `Edges`."""
    bow = 1.0 - ALONG**2
    curves = []
    for name in MOUTH_SHAPES:
        p = _PARTINGS[name]
        inner, outer = bow**p.fall, bow**p.outer_fall
        curves.append(
            [p.upper * inner, p.upper_outer * outer, p.lower * inner, p.lower_outer * outer]
        )
    return np.array(curves, np.float32)


_CURVES = _parting_curves()


class Mouth:
    """The mouth of one face in a picture of one size."""

    def __init__(
        self,
        picture: NDArray[np.uint8],
        frame: FaceFrame,
        shape: FaceShape,
        rigid: NDArray[np.float32],
    ) -> None:
        slit = shape.mouth
        self._frame = frame
        self._slit = slit
        line = np.interp(slit.x, slit.corners[:, 0], slit.corners[:, 1])
        self._bow = np.asarray((slit.upper + slit.lower) / 2 - line, np.float32)
        width = float(slit.corners[1, 0] - slit.corners[0, 0])
        margin = np.array([0.16, 0.0], np.float32)
        low = np.array([slit.corners[0, 0], slit.upper_outer.min() - _UPPER_REACH], np.float32)
        high = np.array([slit.corners[1, 0], slit.lower_outer.max() + 0.42], np.float32)
        size = (picture.shape[1], picture.shape[0])
        self.zone = Zone.around(frame, low - margin, high + margin, size)
        self.warp = SlitWarp(picture, frame, shape, slit, self.zone, rigid)
        self.place, self.follow = _following(slit, self.warp.points)
        middle = np.array([slit.middle_x, slit.upper[len(ALONG) // 2]], np.float32)
        scale = float(np.clip(width / MEAN_WIDTH, 0.75, 1.25))
        open_by = float(slit.gap[len(ALONG) // 2])
        self.palette = palette_of(picture, frame, shape)
        # Measures of the face, not of the drawn picture: teeth are the same in any size.
        seed = round(1e4 * width) + round(1e4 * abs(float(shape.heights[2])))
        blur_px = blur_of(picture, frame)
        self.softness_px = max(_SHARP_PX, _EDGE_SHARE * blur_px)
        self.interior = Interior(self.palette, frame, middle, open_by, scale, seed, blur_px)
        self._shows_inside = float(slit.gap.max()) > _OPEN_PHOTO_GAP
        self.keeps_teeth = float(slit.gap.max()) > _OWN_TEETH_GAP
        # Lips that the picture shows apart are bright at their edges, where teeth shine through.
        overlap = _SEALED_OVERLAP * np.minimum(slit.gap / np.float32(_OPEN_PHOTO_GAP), 1.0)
        self._overlap = overlap if self._shows_inside else np.zeros_like(overlap)
        self._open_jaw = float(slit.gap.max()) / _FULL_OPENING
        # What a raised jaw leaves open, the lips close themselves.
        jaw_closes = np.float32(_COMPOSED_JAW * float(slit.gap.max())) * (1.0 - ALONG**2) ** 0.85
        self._apart = np.maximum(slit.gap - jaw_closes, 0.0)
        self.own = _own_inside(picture, frame, slit, self.zone) if self._shows_inside else None
        self.shade_px, self.shade_drop_px = _shade_sizes(frame.iod_px)
        self.shade_at_rest: NDArray[np.float32] | None = None
        if self._shows_inside:
            still = np.zeros(len(FIELDS), np.float32)
            self.trace(still, self.pose(still, np.zeros(len(MOUTH_SHAPES), np.float32), 0.0))
            layers = self.warp.layers()
            everything = Zone(0, 0, self.zone.width, self.zone.height)
            self.shade_at_rest = self._shade(layers, everything)

    def articulated(self, mouth: NDArray[np.float32], composed: float) -> NDArray[np.float32]:
        """The coefficients as this face makes them: a jaw that the picture shows dropped is raised
        as far as the face is composed, so that speech moves it as it moves others."""
        if not self._shows_inside:
            return mouth
        raised = mouth.copy()
        raised[_JAW] -= np.float32(_COMPOSED_JAW * composed * self._open_jaw)
        return raised

    def draw(
        self, weights: NDArray[np.float32], mouth: NDArray[np.float32], composed: float
    ) -> NDArray[np.uint8]:
        """The zone's picture, RGB [h, w, 3], of a mouth as `articulated` gave it."""
        pose = self.pose(weights, mouth, composed)
        self.trace(weights, pose)
        layers = self.warp.layers()
        drawn = layers.joined()
        box = layers.opening()
        if box is not None:
            behind = self._inside(pose, box)
            dark = 1.0 - self._shade(layers, box, self.shade_at_rest)
            behind *= 1.0 - dark[..., None] * self.palette.shade
            drawn[box.slices] = layers.over(behind, box)
            self._soften(drawn, layers, box, pose.soft)
        return drawn

    def pose(
        self, weights: NDArray[np.float32], mouth: NDArray[np.float32], composed: float
    ) -> MouthPose:
        """What a mouth as `articulated` gave it asks of this face."""
        edges = self._edges(weights, mouth, composed)
        opened = float((edges.lower - edges.upper).max())
        middle = self.warp.edge_fields[0][_HEAD_FIELDS, len(ALONG) // 2]
        head_px = (
            self._frame.turn @ (weights[_HEAD_FIELDS] @ middle) * np.float32(self._frame.iod_px)
        )
        jaw = JAW_DROP * float(mouth[_JAW])
        return MouthPose(
            edges,
            Behind(head_px, jaw, float(mouth[_TONGUE]), opened),
            own_share=self._own_share(opened),
            parted=min(opened / _OWN_PARTS, 1.0),
            soft=opened / _SOFT_FROM,
        )

    def _soften(self, drawn: NDArray[np.uint8], layers: Layers, box: Zone, soft: float) -> None:
        """Makes the edges of an opening as soft as the photo's own."""
        sigma = self.softness_px
        around = box.padded(int(np.ceil(2.0 * sigma)), (self.zone.width, self.zone.height))
        upper, lower = layers.uncovered(around)
        near = 2.0 * blurred(upper * lower, sigma) * np.float32(soft)
        view = drawn[around.slices]
        view[:] = blended(blurred(view, sigma), view, np.clip(near, 0.0, 1.0))

    def _own_share(self, opened: float) -> float:
        """How much is left of what the picture shows inside, when lips are so much further open."""
        if self.keeps_teeth:
            return 1.0
        return float(np.clip(1.0 - opened / _OWN_GIVES_WAY, 0.0, 1.0))

    def trace(self, weights: NDArray[np.float32], pose: MouthPose) -> None:
        """Finds where in the photo the lips of a pose come from: the warp's `origins`."""
        edges = pose.edges
        curves = np.stack([edges.upper, edges.upper_outer, edges.lower, edges.lower_outer], axis=-1)
        down = sample_line(curves, self.place) * self.follow
        smooth = self.warp.smooth(weights)
        self.warp.trace(smooth, down[..., 0] + down[..., 1], down[..., 2] + down[..., 3])

    def _edges(
        self, weights: NDArray[np.float32], mouth: NDArray[np.float32], composed: float
    ) -> Edges:
        curves = (mouth @ _CURVES.reshape(len(mouth), -1)).reshape(_CURVES.shape[1:])
        # Rounded lips lose the bow of a smile, or narrowing would make it a wedge.
        rounded = np.clip(mouth[_PUCKER] + 0.6 * mouth[_FUNNEL], 0.0, 1.2)
        upper, upper_outer, lower, lower_outer = curves - _UNBOWED * rounded * self._bow
        together = composed * self._apart
        upper, upper_outer = upper + _UPPER_MEETS * together, upper_outer + _UPPER_MEETS * together
        together *= 1.0 - _UPPER_MEETS
        lower, lower_outer = lower - together, lower_outer - together
        smooth_upper, smooth_lower = (weights @ fields[..., 1] for fields in self.warp.edge_fields)
        gap = self._slit.gap + smooth_lower - smooth_upper + lower - upper
        bite = float(np.clip(mouth[_BITE], 0.0, 1.0))
        bitten = np.minimum(gap, _BITE_GAP * (1.0 - ALONG**2))
        after_bite = gap + bite * (bitten - gap)
        close = max(float(np.clip(mouth[_CLOSE], 0.0, 1.0)), self._meets(after_bite, composed))
        after_close = np.maximum(after_bite, 0.0) * (1.0 - close) - close * self._overlap
        up = _BITE_UPPER_MEETS * (gap - after_bite) + _UPPER_MEETS * (after_bite - after_close)
        down = (gap - after_close) - up
        return Edges(upper + up, upper_outer + up, lower - down, lower_outer - down)

    def _meets(self, gap: NDArray[np.float32], composed: float) -> float:
        """How far lips that the picture shows apart reach over each other where speech leaves them
        all but shut."""
        if not self._shows_inside:
            return 0.0
        return composed * float(np.clip(1.0 - gap.max() / _ALL_BUT_SHUT, 0.0, 1.0))

    def _inside(self, pose: MouthPose, box: Zone) -> NDArray[np.float32]:
        drawn = self.interior.draw(self.zone.part(box), pose.behind, own_teeth=self.keeps_teeth)
        if self.own is not None:
            x, y = (box.x, box.y) - pose.behind.head_px
            matrix = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
            colour, covers = (pulled(part, matrix, box.width, box.height) for part in self.own)
            cover = covers[..., 0] + (covers[..., 1] - covers[..., 0]) * np.float32(pose.parted)
            drawn += (colour - drawn) * (cover * pose.own_share)[..., None]
        return drawn

    def _shade(
        self, layers: Layers, box: Zone, at_rest: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """How much light reaches each point of a box: little near the lips and in a narrow slit."""
        (sigma, lid_sigma), drop = self.shade_px, self.shade_drop_px
        around = box.padded(int(4 * sigma) + drop, (self.zone.width, self.zone.height))
        upper, lower = layers.uncovered(around)
        light = blurred(lower * upper, sigma)
        lid = blurred(1.0 - upper, lid_sigma)
        shadow = np.empty_like(lid)
        shadow[drop:] = lid[:-drop]
        shadow[:drop] = lid[:1]
        shade = np.clip(LEAST_LIGHT + LIGHT * light, 0.0, 1.0) * (1.0 - LID_SHADOW * shadow)
        shade = shade[box.within(around)]
        if at_rest is not None:
            shade = np.minimum(shade / np.maximum(at_rest[box.slices], LEAST_SHADE), 1.0)
        return np.asarray(shade, np.float32)


def _shade_sizes(iod_px: float) -> tuple[tuple[float, float], int]:
    """How far light and the upper lip's shadow reach (sigmas), and how far that falls, pixels."""
    return (max(0.8, 0.030 * iod_px), max(0.8, 0.022 * iod_px)), max(1, round(0.010 * iod_px))


def _own_inside(
    picture: NDArray[np.uint8], frame: FaceFrame, slit: Slit, zone: Zone
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the picture itself shows between the lips, and goes on behind them: colour [h, w, 3],
    and coverage with lips as they are and with lips wide apart [h, w, 2].

    What lies next to the lower lip belongs to the jaw, and is not left hanging when it drops.
    """
    pixels = zone.pixels()
    points = frame.from_picture(pixels)
    index = np.asarray((slit.along(points[..., 0]) + 1.0) * ((SAMPLES - 1) / 2), np.float32)
    upper, lower = sample_line(slit.upper, index), sample_line(slit.lower, index)
    inset = np.minimum(np.float32(_OWN_INSET_PX / frame.iod_px), (lower - upper) / 2)
    y = points[..., 1]
    back = np.clip(y, upper + inset, lower - inset) - y
    px = 1.0 / frame.iod_px
    back[(y > upper - px) & (y < lower + px)] = 0.0
    kept = pixels + (back * np.float32(frame.iod_px))[..., None] * frame.turn[:, 1]
    inside = 1.0 - smoothstep(np.abs(index - (SAMPLES - 1) / 2) * (2 / (SAMPLES - 1)), 0.96, 1.04)
    at_rest = inside * (1.0 - smoothstep(y - lower, 0.0, _OWN_FADE))
    apart = inside * (1.0 - smoothstep(y - lower, -_OWN_LOWER, -_OWN_LOWER + _OWN_FADE))
    colour = sample(picture, kept).astype(np.float32)
    return colour, np.dstack([at_rest, apart]).astype(np.float32)


def _following(slit: Slit, points: Points) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each point its place along the lips (an index of their samples) [h, w], and how far it
    follows each edge, in the order of `Edges` [h, w, 4]."""
    place = slit.along(points[..., 0])
    index = np.asarray((place + 1.0) * ((SAMPLES - 1) / 2), np.float32)
    weights = np.empty((*place.shape, 4), np.float32)
    sides = (
        (slit.upper, slit.upper_outer, -1.0, _UPPER_REACH),
        (slit.lower, slit.lower_outer, 1.0, _LOWER_REACH),
    )
    for n, (edge, outer, sign, reach) in enumerate(sides):
        depth = (points[..., 1] - sample_line(edge, index)) * np.float32(sign)
        thickness = np.maximum(sample_line((outer - edge) * np.float32(sign), index), 0.02)
        across = smoothstep(depth / thickness, 0.0, 1.0)
        weights[..., 2 * n] = 1.0 - across
        weights[..., 2 * n + 1] = across * (1.0 - smoothstep(depth - thickness, 0.0, reach))
    # Nothing parts beyond the corners; the curves are zero there, and stay so.
    beyond = 1.0 - smoothstep(np.abs(place), 0.98, 1.10)
    return index, weights * beyond[..., None]
