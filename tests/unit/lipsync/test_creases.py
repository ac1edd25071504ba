"""Creases and shading: what an expression does to the light on skin, and what it leaves alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES, Expression, HeadPose
from services.lipsync.faces.landmarks import Eye
from services.lipsync.pack import AvatarPack
from services.lipsync.pixels import blurred, sample
from services.lipsync.renderer import PictureRenderer
from services.lipsync.renderer.creases import CREASES, crease_fields, crease_weights
from services.lipsync.renderer.frame import FaceFrame
from services.lipsync.renderer.shape import face_shape
from services.lipsync.renderer.skin import own_lines
from tests.fakes.drawn_face import TEETH, drawn_pack

Picture = NDArray[np.uint8]

FOLD, CHEEK, CHIN_CREASE, GLABELLA, FOREHEAD = (
    (0.42, 0.86),
    (0.66, 0.47),
    (0.0, 1.40),
    (0.08, -0.30),
    (0.3, -0.55),
)
"""Places of the average face, on the right of the picture."""
STEP = 0.025


@pytest.fixture(scope="module")
def pack() -> AvatarPack:
    return drawn_pack()


@pytest.fixture(scope="module")
def renderer(pack: AvatarPack) -> PictureRenderer:
    return PictureRenderer(pack, pack.width, pack.height)


def mouth(**shapes: float) -> NDArray[np.float32]:
    values = np.zeros(len(MOUTH_SHAPES), np.float32)
    for name, value in shapes.items():
        values[MOUTH_SHAPES.index(name)] = value
    return values


def fields(pack: AvatarPack, strength: float = 1.0) -> NDArray[np.float32]:
    """Changes of light on a grid of the face, each with its lines [k, h, w]."""
    frame = FaceFrame.of(pack.landmarks)
    mesh = frame.from_picture(pack.landmarks.points[:, :2])
    line_x, line_y = np.arange(-1.0, 1.0 + STEP / 2, STEP), np.arange(-0.8, 1.8, STEP)
    points = np.stack(np.meshgrid(line_x, line_y), axis=-1).astype(np.float32)
    own = own_lines(pack.picture, frame, points, 1 / STEP)
    shape = face_shape(pack.picture, pack.landmarks)
    found = crease_fields(CREASES, shape, mesh, points, own, strength)
    return np.asarray(found.sum(axis=0), np.float32)


def at(field: NDArray[np.float32], place: tuple[float, float]) -> float:
    """A change of light around a place."""
    column, row = round((place[0] + 1.0) / STEP), round((place[1] + 0.8) / STEP)
    return float(field[row - 1 : row + 2, column - 1 : column + 2].mean())


def changes(pack: AvatarPack) -> dict[str, NDArray[np.float32]]:
    return dict(zip(CREASES, fields(pack), strict=True))


def unshaded(renderer: PictureRenderer, expression: Expression) -> Picture:
    """The picture as it would be without any shading."""
    kept, renderer.shadings = renderer.shadings, []
    picture = renderer.render(expression).copy()
    renderer.shadings = kept
    return picture


def darkening(pack: AvatarPack, size: int, places: Sequence[tuple[float, float]]) -> list[float]:
    """By how much a smile darkens places near where the face shows them at rest."""
    renderer = PictureRenderer(pack, size, size)
    smile = Expression(mouth=mouth(smile=1.0))
    before = unshaded(renderer, smile).astype(np.float32)
    after = renderer.render(smile).astype(np.float32)
    frame = FaceFrame.of(pack.landmarks).scaled(size / pack.width, (0.0, 0.0))
    points = frame.to_picture(np.array(places, np.float32))[None]
    ratio = blurred(np.asarray((after + 1.0) / (before + 1.0), np.float32), 0.05 * frame.iod_px)
    return [float(value) for value in 1.0 - sample(ratio, points)[0].mean(axis=-1)]


def turned(pack: AvatarPack, degrees: float) -> AvatarPack:
    """The same picture, turned about its middle."""
    middle = (pack.width / 2, pack.height / 2)
    matrix = cv2.getRotationMatrix2D(middle, degrees, 1.0)
    picture = cv2.warpAffine(
        pack.picture, matrix, (pack.width, pack.height), borderMode=cv2.BORDER_REPLICATE
    )

    def moved(points: NDArray[np.float32]) -> NDArray[np.float32]:
        return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)

    marks = pack.landmarks
    points = np.column_stack([moved(marks.points[:, :2]), marks.points[:, 2]]).astype(np.float32)
    right, left = (Eye(moved(eye.contour), moved(eye.iris)) for eye in marks.eyes)
    landmarks = replace(marks, points=points, eyes=(right, left))
    return replace(pack, picture=np.asarray(picture, np.uint8), landmarks=landmarks)


def test_a_face_at_rest_is_not_creased() -> None:
    assert not crease_weights(Expression()).any()


@given(
    shapes=st.lists(st.floats(-0.3, 1.3), min_size=len(MOUTH_SHAPES), max_size=len(MOUTH_SHAPES)),
    brows=st.floats(-1.0, 1.0),
    squint=st.floats(0.0, 1.0),
)
def test_no_expression_creases_a_face_without_bounds(
    shapes: list[float], brows: float, squint: float
) -> None:
    either, lines = crease_weights(
        Expression(mouth=np.array(shapes, np.float32), brow_raise=brows, squint=squint)
    )
    assert np.abs(either).max() <= 1.3
    assert lines.min() >= 0.0
    assert np.array_equal(lines, np.maximum(either, 0.0))


@pytest.mark.parametrize(
    ("crease", "dark", "light"),
    [
        ("smile", FOLD, CHEEK),
        ("jaw", FOLD, (0.0, 1.70)),
        ("round", CHIN_CREASE, (0.43, 0.97)),
        ("frown", CHIN_CREASE, None),
        ("knit", GLABELLA, None),
        ("brows_up", (0.3, -0.54), None),
        ("squint", (0.5, 0.19), None),
    ],
)
def test_skin_darkens_where_it_folds_and_lightens_where_it_bulges(
    pack: AvatarPack,
    crease: str,
    dark: tuple[float, float],
    light: tuple[float, float] | None,
) -> None:
    change = changes(pack)[crease]
    assert at(change, dark) < -0.005
    assert light is None or at(change, light) > 0.005


def test_a_frontal_face_creases_alike_on_both_sides(pack: AvatarPack) -> None:
    found = fields(pack)
    spread = np.abs(found).max()
    assert np.abs(found - found[..., ::-1]).mean() < 0.02 * spread
    assert np.abs(found - found[..., ::-1]).max() < 0.6 * spread


def test_shading_grows_with_the_smile(pack: AvatarPack, renderer: PictureRenderer) -> None:
    def changed(smile: float) -> float:
        expression = Expression(mouth=mouth(smile=smile))
        shaded = renderer.render(expression).astype(np.float32)
        return float(np.abs(shaded - unshaded(renderer, expression)).sum())

    steps = [changed(smile) for smile in (0.0, 0.3, 0.6, 1.0)]
    assert steps[0] == 0.0
    assert all(b > a for a, b in itertools.pairwise(steps))


def test_shading_is_the_same_in_any_size_and_however_the_head_is_held(pack: AvatarPack) -> None:
    places = (FOLD, (-FOLD[0], FOLD[1]), CHEEK)
    as_is = darkening(pack, pack.width, places)
    assert as_is[0] > 0.01 > as_is[2]
    assert darkening(pack, 2 * pack.width, places) == pytest.approx(as_is, abs=0.012)
    assert darkening(turned(pack, 20.0), pack.width, places) == pytest.approx(as_is, abs=0.012)


def test_shading_takes_no_more_light_than_its_bound_whatever_the_face_does(
    renderer: PictureRenderer,
) -> None:
    chance = np.random.default_rng(5)
    for _ in range(12):
        values = chance.uniform(-0.3, 1.3, len(MOUTH_SHAPES)).astype(np.float32)
        expression = Expression(
            mouth=values, brow_raise=chance.uniform(-1, 1), brow_knit=1.0, squint=chance.uniform()
        )
        before = unshaded(renderer, expression).astype(np.float32)
        after = renderer.render(expression).astype(np.float32)
        assert np.all(after >= 0.5 * before - 1.0)
        assert np.all(after <= 1.25 * before + 1.0)


def test_teeth_and_eyes_keep_their_light() -> None:
    pack = drawn_pack(parted=0.14)
    renderer = PictureRenderer(pack, pack.width, pack.height)
    expression = Expression(mouth=mouth(smile=1.0, jaw_open=0.3), squint=1.0, brow_knit=1.0)
    before = unshaded(renderer, expression)
    after = renderer.render(expression)
    teeth = np.abs(before.astype(int) - np.array(TEETH)).max(axis=-1) < 40
    assert teeth.sum() > 100
    away = np.abs(after.astype(int) - before.astype(int)).max(axis=-1)
    assert np.percentile(away[teeth], 90) <= 3
    for eye in pack.landmarks.eyes:
        x, y = np.rint(eye.iris[0]).astype(int)
        assert away[y - 2 : y + 3, x - 6 : x + 7].max() <= 1


def test_a_photo_that_smiles_gains_less_of_a_fold(pack: AvatarPack) -> None:
    points = pack.landmarks.points.copy()
    points[[61, 291], 1] -= 0.09 * pack.landmarks.iod
    smiling = replace(pack, landmarks=replace(pack.landmarks, points=points))
    assert 0.0 > changes(smiling)["smile"].min() > 0.75 * changes(pack)["smile"].min()


def test_folds_that_a_photo_shows_get_deeper_and_go_when_lips_are_rounded(
    pack: AvatarPack,
) -> None:
    frame = FaceFrame.of(pack.landmarks)
    picture = pack.picture.astype(np.float32)
    mesh = frame.from_picture(pack.landmarks.points[:, :2])
    for line in ((203, 206, 216), (423, 426, 436)):
        for start, end in itertools.pairwise(line):
            drawn = np.zeros(picture.shape[:2], np.float32)
            ends = frame.to_picture(mesh[[start, end]] * np.array([0.93, 1.0], np.float32))
            (x0, y0), (x1, y1) = np.rint(ends).astype(int).tolist()
            cv2.line(drawn, (x0, y0), (x1, y1), (1.0,), 2, cv2.LINE_AA)
            picture *= 1.0 - 0.15 * drawn[..., None]
    folded = replace(pack, picture=np.rint(picture).astype(np.uint8))
    own, plain = changes(folded), changes(pack)
    assert own["smile"].min() < plain["smile"].min() - 0.03
    assert own["round"].max() > plain["round"].max() + 0.03


def test_hair_over_a_forehead_does_not_crease(pack: AvatarPack) -> None:
    frame = FaceFrame.of(pack.landmarks)
    x, y = frame.to_picture(np.array([0.0, -0.45], np.float32)).astype(int)
    picture = pack.picture.copy()
    picture[:y, x:] = (40, 30, 25)
    change = changes(replace(pack, picture=picture))["brows_up"]
    middle = change.shape[1] // 2
    assert change[:, : middle - 4].min() < -0.01
    assert change[:8, middle + 4 :].min() > -0.002


def test_what_is_not_the_person_is_never_shaded(
    pack: AvatarPack, renderer: PictureRenderer
) -> None:
    lively = Expression(
        mouth=mouth(smile=1.0, jaw_open=1.0), brow_raise=1.0, head=HeadPose(yaw=0.05)
    )
    before, after = unshaded(renderer, lively), renderer.render(lively)
    away = np.abs(after.astype(int) - before.astype(int)).max(axis=-1)
    assert away[:, : pack.width // 8].max() == 0
    assert away[:, -pack.width // 8 :].max() == 0
