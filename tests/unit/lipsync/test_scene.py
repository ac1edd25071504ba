"""What is put behind a person: soft edges, no halo, and nothing of it where it is not wanted."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.animation import Renderer
from services.lipsync.backdrop import Colour, Transparent
from services.lipsync.expression import Expression, HeadPose
from services.lipsync.pack import AvatarPack
from services.lipsync.pixels import blurred, resized
from services.lipsync.portrait import PackBuilder, PortraitInspector
from services.lipsync.renderer import PictureRenderer
from services.lipsync.renderer.frame import FaceFrame
from services.lipsync.renderer.matte import cut_out
from services.lipsync.renderer.scene import Apart, Behind, Scene, covering, out_of_focus, plain
from services.lipsync.renderer.zone import Zone
from services.lipsync.studio import PictureStudio
from tests.fakes.drawn_face import drawn_pack

GREEN = (0, 177, 64)
WALL, SKIN = np.array([60.0, 90.0, 160.0]), np.array([210.0, 160.0, 130.0])
Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def pack() -> AvatarPack:
    return drawn_pack()


def scene(pack: AvatarPack, behind: Behind | None) -> Scene:
    person = resized(pack.person, pack.width, pack.height).astype(np.float32) / 255.0
    return Scene(behind, blurred(person, 2.0))


def drawn(
    pack: AvatarPack,
    behind: Behind | None,
    expression: Expression,
    size: tuple[int, int] | None = None,
) -> Picture:
    width, height = size or (pack.width, pack.height)
    return PictureRenderer(pack, width, height, scene(pack, behind)).render(expression)


def soft_disc() -> tuple[NDArray[np.float32], Picture]:
    """A disc of skin before a wall, its edge four pixels soft: cover and picture."""
    y, x = np.mgrid[0:256, 0:256].astype(np.float32)
    away = np.hypot(x - 128, y - 128)
    cover = np.clip((82.0 - away) / 4.0, 0.0, 1.0).astype(np.float32)
    picture = cover[..., None] * SKIN + (1.0 - cover[..., None]) * WALL
    return cover, np.rint(picture).astype(np.uint8)


FRAME = FaceFrame(np.array([128.0, 110.0], np.float32), np.array([1.0, 0.0], np.float32), 64.0)


def test_the_matte_follows_the_picture_where_the_network_is_coarse() -> None:
    cover, picture = soft_disc()
    # Three pixels off, and harder than the edge is.
    coarse = np.roll((blurred(cover, 3.0) > 0.5).astype(np.float32), 3, axis=1)
    likelihood = blurred(coarse, 2.0)
    matte = cut_out(picture, FRAME, likelihood).matte / 255.0
    edge = (cover > 0) & (cover < 1)
    network, made = (float(np.abs(guess - cover)[edge].mean()) for guess in (likelihood, matte))
    assert made < 0.75 * network
    assert matte[edge].std() > 0.1


def test_over_another_background_the_old_one_leaves_no_halo() -> None:
    cover, picture = soft_disc()
    person = cut_out(picture, FRAME, blurred(cover, 2.0))
    share = person.matte[..., None] / 255.0
    wanted = cover[..., None] * SKIN + (1.0 - cover[..., None]) * GREEN
    made, naive = (
        share * colours + (1.0 - share) * np.array(GREEN) for colours in (person.colours, picture)
    )
    edge = (cover > 0) & (cover < 1)
    assert np.abs(made - wanted)[edge].mean() < 0.6 * np.abs(naive - wanted)[edge].mean()


def test_holes_and_islands_are_mended() -> None:
    cover, picture = soft_disc()
    likelihood = cover.copy()
    likelihood[180:186, 120:126] = 0.3
    likelihood[10:40, 10:40] = 1.0
    matte = cut_out(picture, FRAME, likelihood).matte
    assert matte[176:190, 116:130].min() == 255
    assert matte[:50, :50].max() == 0


def test_behind_the_person_is_the_colour_and_before_it_the_person(pack: AvatarPack) -> None:
    picture = drawn(pack, plain(*GREEN), Expression())
    person = resized(pack.person, pack.width, pack.height)
    corner = picture[:20, :20].reshape(-1, 3)
    assert (corner == GREEN).all()
    eyes = np.rint(FaceFrame.of(pack.landmarks).origin).astype(int)
    around = (slice(eyes[1] - 20, eyes[1] + 60), slice(eyes[0] - 40, eyes[0] + 40))
    assert person[around].min() == 255
    assert np.array_equal(picture[around], pack.picture[around])


def test_what_moves_uncovers_the_new_background_not_the_old(pack: AvatarPack) -> None:
    turned = Expression(head=HeadPose(yaw=0.08, roll=0.05), breath=1.0)
    one, other = (
        drawn(pack, plain(*colour), turned).astype(int) for colour in (GREEN, (90, 0, 90))
    )
    person = resized(pack.person, pack.width, pack.height) > 127
    differs = np.abs(one - other).max(axis=-1)
    # Where the colours differ fully, nothing of the portrait shows.
    assert (differs[~person] > 80).mean() > 0.9
    assert np.median(differs[person]) == 0


def test_a_photo_covers_the_frame_by_its_middle(pack: AvatarPack) -> None:
    photo = np.zeros((50, 400, 3), np.uint8)
    photo[:, 190:210] = 200
    behind = covering(photo)(np.zeros((100, 40, 3), np.uint8), np.zeros((100, 40), np.float32))
    assert behind.shape == (100, 40, 3)
    assert behind.min() > 150
    corner = drawn(pack, covering(np.full((9, 9, 3), 77, np.uint8)), Expression())[:8, :8]
    assert (corner == 77).all()


def test_a_blurred_background_has_no_trace_of_the_person() -> None:
    cover, picture = soft_disc()
    for strength in (0.0, 0.5, 1.0):
        behind = out_of_focus(strength)(picture, cover)
        assert np.abs(behind[cover > 0] - WALL).max() < 3


def test_more_blur_leaves_less_shape() -> None:
    chance = np.random.default_rng(0)
    wall = resized(chance.integers(0, 255, (40, 40, 3), dtype=np.uint8), 240, 240)
    nobody = np.zeros((240, 240), np.float32)
    shapes = [float(out_of_focus(s)(wall, nobody).std()) for s in (0.0, 0.5, 1.0)]
    assert shapes[0] > 1.5 * shapes[1] > 1.5 * shapes[2]


def test_in_a_frame_of_another_shape_the_person_stands_at_the_lower_edge(
    pack: AvatarPack,
) -> None:
    tall = drawn(pack, plain(*GREEN), Expression(), (320, 640))
    assert (tall[:320] == GREEN).all()
    assert not (tall[-1] == GREEN).all(axis=-1).all()


def test_what_the_person_does_not_reach_stands_still(pack: AvatarPack) -> None:
    renderer = PictureRenderer(pack, 640, 320, scene(pack, plain(*GREEN)))
    before = renderer.render(Expression()).copy()
    after = renderer.render(Expression(head=HeadPose(yaw=0.1), breath=1.0))
    assert np.array_equal(before[:, :160], after[:, :160])
    assert (before[:, :160] == GREEN).all()


def test_without_a_scene_the_picture_is_the_portrait_bit_for_bit(pack: AvatarPack) -> None:
    renderer = PictureRenderer(pack, pack.width, pack.height)
    assert np.array_equal(renderer.render(Expression()), pack.picture)


TURNED = Expression(head=HeadPose(yaw=0.08, roll=0.05), breath=1.0)


def shares(pack: AvatarPack, size: tuple[int, int] | None = None) -> tuple[Picture, Picture]:
    """The alpha at rest, and with a turned head."""
    rest, turned = (drawn(pack, None, how, size)[..., 3] for how in (Expression(), TURNED))
    return rest, turned


def test_before_nothing_the_person_is_whole_and_all_else_is_clear(pack: AvatarPack) -> None:
    picture = drawn(pack, None, Expression())
    assert picture.shape == (pack.height, pack.width, 4)
    alpha, person = picture[..., 3], resized(pack.person, pack.width, pack.height) > 127
    assert alpha[:20, :20].max() == 0
    assert (alpha[~person] < 128).mean() > 0.98
    assert (alpha[person] > 127).mean() > 0.98
    whole = alpha == 255
    assert whole.mean() > 0.1
    assert np.array_equal(picture[..., :3][whole], pack.picture[whole])


@pytest.mark.parametrize("expression", [Expression(), TURNED, Expression(blink=1.0)])
def test_over_a_colour_it_looks_as_it_does_before_that_colour(
    pack: AvatarPack, expression: Expression
) -> None:
    rgba = drawn(pack, None, expression).astype(np.float32)
    share = rgba[..., 3:] / 255.0
    laid = rgba[..., :3] * share + np.array(GREEN) * (1.0 - share)
    differs = np.abs(laid - drawn(pack, plain(*GREEN), expression)).max(axis=-1)
    assert differs.mean() < 0.5
    assert np.percentile(differs, 99.5) < 12


def test_the_alpha_follows_a_turned_head(pack: AvatarPack) -> None:
    rest, turned = shares(pack)
    moved = np.abs(rest.astype(int) - turned) > 128
    assert 20 < moved.sum() < 0.2 * moved.size
    before = drawn(pack, plain(*GREEN), TURNED).astype(int)
    green = np.abs(before - GREEN).max(axis=-1) < 8
    assert (turned[green] < 32).mean() > 0.98


def test_beyond_its_edges_a_person_keeps_its_colours_and_nothing_of_the_portrait_is_left() -> None:
    cover, picture = soft_disc()
    person = cut_out(picture, FRAME, blurred(cover, 2.0))
    canvas = np.full((256, 300, 3), 99, np.uint8)
    apart = Apart(person, canvas, Zone(20, 0, 256, 256), FRAME.iod_px)
    ring = (person.matte < 20) & (blurred(cover, 3.0) > 0.02)
    assert np.abs(apart.colours[ring].astype(float) - SKIN).mean() < 20
    assert canvas[:, :20].max() == canvas[:, 276:].max() == 0
    assert canvas[:10, 20:30].max() == 0
    # The wall is blue; whatever is left of it would be bluer than red.
    assert (canvas[..., 2].astype(int) - canvas[..., 0]).max() < 12


def test_before_nothing_the_same_is_drawn_whatever_came_before(pack: AvatarPack) -> None:
    renderer = PictureRenderer(pack, 320, 640, scene(pack, None))
    first = renderer.render(TURNED).copy()
    renderer.render(Expression(blink=1.0))
    assert np.array_equal(renderer.render(TURNED), first)
    assert first[:320, :, 3].max() == 0
    assert first[-1, :, 3].max() == 255


class Likely:
    """Knows the person of a drawn face; stands for the builder of packs."""

    def likelihood(self, pack: AvatarPack) -> NDArray[np.float32]:
        return scene(pack, None).likelihood


class OnDevice:
    """Stands for what draws on a GPU."""

    def renderer(self, drawn: PictureRenderer) -> Renderer:
        return Elsewhere()


class Elsewhere:
    def render(self, expression: Expression) -> Picture:
        raise NotImplementedError


def test_what_is_transparent_is_drawn_where_all_else_is_drawn(pack: AvatarPack) -> None:
    studio = PictureStudio(
        cast("PortraitInspector", None), cast("PackBuilder", Likely()), OnDevice()
    )
    for backdrop in (None, Colour(*GREEN), Transparent()):
        made = studio.renderer(pack, pack.width, pack.height, backdrop)
        assert isinstance(made, Elsewhere)
