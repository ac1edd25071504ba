"""The renderer on a drawn face: what moves, how far, and what never does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.expression import (
    GAZE_PER_RADIAN,
    MOUTH_SHAPES,
    Expression,
    HeadPose,
)
from services.lipsync.motion.articulation import TARGETS
from services.lipsync.pack import AvatarPack
from services.lipsync.pixels import sample
from services.lipsync.renderer import PictureRenderer
from services.lipsync.renderer.frame import FaceFrame
from services.lipsync.visemes import VisemeShape
from tests.fakes.drawn_face import IRIS, LIP, SKIN, TEETH, WHITE, drawn_pack

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def pack() -> AvatarPack:
    return drawn_pack()


@pytest.fixture
def renderer(pack: AvatarPack) -> PictureRenderer:
    return PictureRenderer(pack, pack.width, pack.height)


def mouth(**shapes: float) -> Expression:
    values = np.zeros(len(MOUTH_SHAPES), np.float32)
    for name, value in shapes.items():
        values[MOUTH_SHAPES.index(name)] = value
    return Expression(mouth=values)


def column(picture: Picture, pack: AvatarPack) -> NDArray[np.float32]:
    """The colours down the middle of the mouth, from under the nose to the chin [n, 3]."""
    frame = FaceFrame.of(pack.landmarks)
    x, top = frame.to_picture(np.array([0.0, 0.80], np.float32))
    _, bottom = frame.to_picture(np.array([0.0, 1.75], np.float32))
    middle = picture[int(top) : int(bottom), int(x) - 1 : int(x) + 2]
    return np.asarray(middle.mean(axis=1), np.float32)


def opening(picture: Picture, pack: AvatarPack) -> float:
    """How much of the column is neither skin nor lip, inter-ocular distances."""
    colours = column(picture, pack)
    away = [np.abs(colours - np.array(colour)).max(axis=-1) for colour in (SKIN, LIP)]
    return float((np.minimum(*away) > 26).sum()) / pack.landmarks.iod


def changed(a: Picture, b: Picture) -> NDArray[np.int_]:
    return np.asarray(np.abs(a.astype(int) - b.astype(int)).max(axis=-1))


def test_the_photo_s_own_expression_is_the_photo(
    renderer: PictureRenderer, pack: AvatarPack
) -> None:
    difference = changed(renderer.render(Expression()), pack.picture)
    assert difference.max() == 0


def test_the_same_expression_gives_the_same_picture_whatever_came_before(
    renderer: PictureRenderer,
) -> None:
    first = renderer.render(mouth(jaw_open=0.4)).copy()
    renderer.render(mouth(pucker=1.0))
    renderer.render(Expression(blink=1.0, head=HeadPose(yaw=0.08, roll=-0.05)))
    assert np.array_equal(first, renderer.render(mouth(jaw_open=0.4)))


def test_a_dropping_jaw_opens_the_mouth_steadily_and_to_the_promised_width(
    renderer: PictureRenderer, pack: AvatarPack
) -> None:
    at_rest = opening(renderer.render(Expression()), pack)
    openings = [opening(renderer.render(mouth(jaw_open=j)), pack) for j in (0.25, 0.5, 0.75, 1.0)]
    assert all(b > a for a, b in zip([at_rest, *openings], openings, strict=False))
    assert openings[-1] - at_rest == pytest.approx(0.28, abs=0.07)


@pytest.mark.parametrize(
    "shapes",
    [
        {"jaw_open": 0.0},
        {"jaw_open": 0.4},
        {"jaw_open": 1.0},
        {"funnel": 1.0, "jaw_open": 0.5},
        {"upper_lip_raise": 1.0, "lower_lip_drop": 1.0, "jaw_open": 0.3},
        {"smile": 1.0, "jaw_open": 0.5},
        {"pucker": 1.0, "jaw_open": 0.3},
        {"jaw_open": -0.3},
    ],
    ids=str,
)
def test_closed_lips_show_nothing_between_them_whatever_else_the_mouth_does(
    renderer: PictureRenderer, pack: AvatarPack, shapes: dict[str, float]
) -> None:
    at_rest = opening(renderer.render(Expression()), pack)
    sealed = renderer.render(mouth(lips_close=1.0, **shapes))
    # The line between the lips itself may come to lie on other pixels.
    assert opening(sealed, pack) <= at_rest + 3.2 / pack.landmarks.iod


def test_no_combination_of_coefficients_tears_the_picture(
    renderer: PictureRenderer, pack: AvatarPack
) -> None:
    chance = np.random.default_rng(11)
    frame = FaceFrame.of(pack.landmarks)
    cheek = np.rint(frame.to_picture(np.array([0.62, 0.75], np.float32))).astype(int)
    for _ in range(25):
        values = chance.uniform(-0.3, 1.3, len(MOUTH_SHAPES)).astype(np.float32)
        picture = renderer.render(Expression(mouth=values))
        away = picture[cheek[1], cheek[0]] - np.array(SKIN, np.float32)
        # A cheek catches more light, or less; it never shows anything else.
        assert np.abs(away / SKIN).max() <= 0.2


def test_what_is_far_from_the_head_never_changes(
    renderer: PictureRenderer, pack: AvatarPack
) -> None:
    lively = Expression(
        mouth=mouth(jaw_open=1.0, smile=1.0).mouth,
        blink=0.7,
        brow_raise=1.0,
        breath=1.0,
        head=HeadPose(0.08, 0.06, 0.06, 0.05, 0.04),
    )
    difference = changed(renderer.render(lively), pack.picture)
    assert difference[:, :16].max() == 0
    assert difference[:, -16:].max() == 0
    assert difference.max() > 60


def test_the_edges_of_the_picture_stand_still(renderer: PictureRenderer, pack: AvatarPack) -> None:
    turned = renderer.render(Expression(breath=1.0, head=HeadPose(0.1, 0.1, 0.1, 0.1, 0.1)))
    difference = changed(turned, pack.picture)
    assert max(difference[[0, -1]].max(), difference[:, [0, -1]].max()) <= 1


def test_a_blink_hides_the_irises(renderer: PictureRenderer, pack: AvatarPack) -> None:
    def irises(picture: Picture) -> int:
        return int((np.abs(picture.astype(int) - np.array(IRIS)).max(axis=-1) < 40).sum())

    seen = irises(renderer.render(Expression()))
    half = irises(renderer.render(Expression(blink=0.5)))
    shut = irises(renderer.render(Expression(blink=1.0)))
    assert seen > half > shut
    assert shut <= 0.05 * seen


@pytest.mark.parametrize("size", [320, 1080])
def test_shut_lids_leave_nothing_of_the_eyeballs_open(pack: AvatarPack, size: int) -> None:
    renderer = PictureRenderer(pack, size, size)

    def eyeballs(picture: Picture) -> int:
        away = [np.abs(picture.astype(int) - np.array(c)).max(axis=-1) for c in (WHITE, IRIS)]
        return int((np.minimum(*away) < 30).sum())

    seen = eyeballs(renderer.render(Expression()))
    assert eyeballs(renderer.render(Expression(blink=1.0))) <= 0.02 * seen


def test_shut_lids_stay_whole_where_brows_are_near() -> None:
    near = drawn_pack(size=512, iod_px=125.0)
    points = near.landmarks.points.copy()
    points[[70, 63, 105, 66, 107, 336, 296, 334, 293, 300], 1] += 0.1 * near.landmarks.iod
    near = replace(near, landmarks=replace(near.landmarks, points=points))
    renderer = PictureRenderer(near, near.width, near.height)
    shut, weights = renderer.posed(Expression(blink=1.0))
    renderer.render(shut)
    for eye in renderer.eyes:
        moved = eye.warp.smooth(weights)
        moved = moved + (eye.pose(weights, shut).upper * eye.lids[0])[..., None] * eye.warp.down_px
        origins = eye.warp.origins[0]
        reached = origins + sample(moved, eye.warp.cells.places_of(origins))
        assert np.abs(reached - eye.warp.targets.centres).max() < 1.0


def teeth(picture: Picture, pack: AvatarPack) -> NDArray[np.bool_]:
    """Where the mouth shows the photo's own teeth."""
    below = int(FaceFrame.of(pack.landmarks).to_picture(np.array([0.0, 0.8], np.float32))[1])
    return np.asarray(np.abs(picture[below:].astype(int) - np.array(TEETH)).max(axis=-1) < 60)


def test_lips_that_the_photo_shows_apart_hide_its_teeth_when_they_shut() -> None:
    pack = drawn_pack(parted=0.14)
    renderer = PictureRenderer(pack, pack.width, pack.height)
    seen = teeth(renderer.render(Expression()), pack).sum()
    assert seen > 200
    assert teeth(renderer.render(mouth(lips_close=1.0)), pack).sum() <= 0.01 * seen


def test_a_composed_face_rests_with_its_lips_together_and_speaks_from_there() -> None:
    pack = drawn_pack(parted=0.14)
    renderer = PictureRenderer(pack, pack.width, pack.height)
    seen = teeth(renderer.render(Expression()), pack).sum()

    composed = teeth(renderer.render(Expression(composed=1.0)), pack).sum()
    spoken = teeth(renderer.render(replace(mouth(jaw_open=0.6), composed=1.0)), pack).sum()

    assert composed <= 0.01 * seen
    assert spoken > 0.2 * seen


def test_teeth_of_the_photo_end_above_a_lip_that_drops() -> None:
    pack = drawn_pack(parted=0.14)
    renderer = PictureRenderer(pack, pack.width, pack.height)
    middle = pack.width // 2

    def end(picture: Picture) -> int:
        return int(np.flatnonzero(teeth(picture, pack)[:, middle])[-1])

    at_rest = end(renderer.render(Expression()))
    opened = end(renderer.render(replace(mouth(jaw_open=1.0), composed=1.0)))
    assert 2 <= at_rest - opened <= 0.06 * pack.landmarks.iod


@pytest.mark.parametrize(("gaze_x", "sign"), [(1.0, 1), (-1.0, -1)])
def test_eyes_look_where_they_are_told(renderer: PictureRenderer, gaze_x: float, sign: int) -> None:
    def iris_x(picture: Picture) -> float:
        left = picture[:, : picture.shape[1] // 2].astype(int)
        _, xs = np.nonzero(np.abs(left - np.array(IRIS)).max(axis=-1) < 40)
        return float(xs.mean())

    straight = iris_x(renderer.render(Expression()))
    assert sign * (iris_x(renderer.render(Expression(gaze_x=gaze_x))) - straight) > 1.5


@pytest.mark.parametrize(
    ("head", "axis", "sign"),
    [
        (HeadPose(yaw=0.08), 0, 1),
        (HeadPose(pitch=0.08), 1, 1),
        (HeadPose(shift_x=0.06), 0, 1),
        (HeadPose(shift_y=-0.06), 1, -1),
    ],
    ids=["yaw", "pitch", "shift_x", "shift_y"],
)
def test_the_head_moves_where_it_is_told(
    renderer: PictureRenderer, head: HeadPose, axis: int, sign: int
) -> None:
    def lips(picture: Picture) -> NDArray[np.float64]:
        ys, xs = np.nonzero(np.abs(picture.astype(int) - np.array(LIP)).max(axis=-1) < 30)
        return np.array([xs.mean(), ys.mean()])

    before = lips(renderer.render(Expression()))
    moved = lips(renderer.render(Expression(head=head))) - before
    assert sign * moved[axis] > 3.0
    assert abs(moved[1 - axis]) < 1.5


def test_a_head_that_stands_aside_comes_back_towards_the_viewer_by_a_little(
    pack: AvatarPack,
) -> None:
    straight = PictureRenderer(pack, pack.width, pack.height)
    points = pack.landmarks.points.copy()
    points[:, 2] += 0.6 * (points[:, 0] - points[:, 0].mean())
    aside = replace(pack, landmarks=replace(pack.landmarks, points=points))
    assert aside.landmarks.yaw_degrees > 20
    turned = PictureRenderer(aside, pack.width, pack.height)
    assert np.array_equal(
        turned.render(Expression(facing=1.0)),
        straight.render(Expression(head=HeadPose(yaw=-0.1), gaze_x=0.1 * GAZE_PER_RADIAN)),
    )
    assert np.array_equal(turned.render(Expression()), pack.picture)


@pytest.mark.parametrize(("width", "height"), [(320, 320), (256, 256), (640, 640)])
def test_a_picture_of_its_own_shape_fills_the_size(
    pack: AvatarPack, width: int, height: int
) -> None:
    picture = PictureRenderer(pack, width, height).render(mouth(jaw_open=0.5))
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous


def test_a_picture_of_another_shape_is_padded_not_stretched(pack: AvatarPack) -> None:
    wide = PictureRenderer(pack, 640, 320).render(mouth(jaw_open=0.5)).copy()
    square = PictureRenderer(pack, 320, 320).render(mouth(jaw_open=0.5))
    assert np.array_equal(wide[:, 160:480], square)


def test_the_padding_stands_still(pack: AvatarPack) -> None:
    renderer = PictureRenderer(pack, 640, 320)
    before = renderer.render(Expression()).copy()
    after = renderer.render(Expression(head=HeadPose(yaw=0.1), breath=1.0))
    difference = changed(before, after)
    assert max(difference[:, :160].max(), difference[:, 480:].max()) == 0


def test_an_open_mouth_shows_bright_teeth_before_the_dark() -> None:
    pack = drawn_pack()
    drawn = PictureRenderer(pack, pack.width, pack.height).render(
        Expression(mouth=TARGETS[VisemeShape.AA])
    )
    x, y = pack.landmarks.points[13, :2].astype(int)
    inside = drawn[y - 8 : y + 20, x - 10 : x + 10].mean(axis=-1)
    skin = float(drawn[y + 55, x].mean())
    assert np.percentile(inside, 97) > 0.75 * skin
    assert inside.min() < 0.45 * skin


def test_upper_teeth_stand_still_while_the_lips_move(
    renderer: PictureRenderer, pack: AvatarPack
) -> None:
    ends = []
    for jaw, lip in ((0.5, 0.0), (0.6, 0.5), (0.8, 0.0), (1.0, 0.5)):
        drawn = renderer.render(mouth(jaw_open=jaw, upper_lip_raise=lip))
        luma = column(drawn, pack).mean(axis=-1)
        # The steepest way down from teeth to the dark.
        ends.append(int(np.argmin(np.diff(luma))))
    assert max(ends) - min(ends) <= 1
