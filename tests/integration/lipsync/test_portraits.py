"""Portraits with the real networks: who is let in, who is not, and what becomes of them."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from services.common.errors import (
    DomainError,
    FaceCovered,
    FaceTooSmall,
    NoFace,
    SeveralFaces,
)
from services.common.models import ModelStore
from services.common.onnx import ProviderMissing, open_network
from services.lipsync.expression import MOUTH_SHAPES, Expression
from services.lipsync.faces.landmarks import Landmarks
from services.lipsync.pack import AvatarPack
from services.lipsync.portrait import (
    MAX_SHORT_SIDE,
    MIN_DRAWN_IOD_PX,
    MIN_SHORT_SIDE,
    FaceModels,
    PackBuilder,
    PortraitInspector,
)
from services.lipsync.renderer import PictureRenderer

ROOT = Path(__file__).parents[3]
HOME = Path(os.environ.get("VULTUS_HOME", ROOT / ".vultus"))
PORTRAIT = HOME / "models" / "demo_portrait.jpg"
DATA = ROOT.parent / "shared" / "data"
PROVIDERS = ("CPUExecutionProvider",)
INNER_LIPS = (13, 14)

pytestmark = pytest.mark.skipif(
    not PORTRAIT.is_file(), reason="the models are not there: python -m services.local.models fetch"
)

Picture = NDArray[np.uint8]


def read(path: Path) -> Picture:
    bgr = cv2.imread(str(path))
    assert bgr is not None
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def pictures(folder: str) -> list[Path]:
    return sorted((DATA / folder).glob("*"))


def scaled(picture: Picture, share: float) -> Picture:
    size = (round(picture.shape[1] * share), round(picture.shape[0] * share))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="module")
def models() -> FaceModels:
    store = ModelStore(HOME)
    names = ("face-detector", "face-landmarks", "selfie-segmentation")
    detector, landmarks, person = (store.path(name) for name in names)
    return FaceModels.open(detector, landmarks, person, PROVIDERS)


@pytest.fixture(scope="module")
def inspector(models: FaceModels) -> PortraitInspector:
    return PortraitInspector(models)


@pytest.fixture(scope="module")
def builder(models: FaceModels, inspector: PortraitInspector) -> PackBuilder:
    return PackBuilder(inspector, models)


@pytest.fixture(scope="module")
def portrait() -> Picture:
    return read(PORTRAIT)


@pytest.fixture(scope="module")
def pack(builder: PackBuilder, portrait: Picture) -> AvatarPack:
    return builder.build(portrait, lambda share: None)


def outcome(inspector: PortraitInspector, picture: Picture) -> type[DomainError] | None:
    try:
        inspector.inspect(picture)
    except DomainError as error:
        return type(error)
    return None


def test_a_portrait_s_face_is_found_where_it_is(
    inspector: PortraitInspector, portrait: Picture
) -> None:
    seen = inspector.inspect(portrait)
    assert (seen.width, seen.height) == (portrait.shape[1], portrait.shape[0])
    nose = seen.landmarks.points[1, :2]
    assert seen.face.x < nose[0] < seen.face.x + seen.face.width
    assert seen.face.y < nose[1] < seen.face.y + seen.face.height


def test_the_face_is_the_same_in_a_picture_three_times_as_large(
    inspector: PortraitInspector, portrait: Picture
) -> None:
    small, large = inspector.inspect(portrait), inspector.inspect(scaled(portrait, 3.0))
    assert large.landmarks.iod == pytest.approx(3 * small.landmarks.iod, rel=0.03)
    assert large.face.x == pytest.approx(3 * small.face.x, abs=0.1 * large.landmarks.iod)


@pytest.mark.parametrize(
    "picture",
    [
        np.full((300, 400, 3), 200, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((3, 3000, 3), np.uint8),
        np.random.default_rng(3).integers(0, 256, (400, 400, 3), dtype=np.uint8),
    ],
    ids=["blank", "one pixel", "a line", "noise"],
)
def test_where_there_is_no_face_none_is_found(
    inspector: PortraitInspector, picture: Picture
) -> None:
    with pytest.raises(NoFace):
        inspector.inspect(picture)


def test_a_face_upside_down_is_no_portrait(inspector: PortraitInspector, portrait: Picture) -> None:
    with pytest.raises(NoFace):
        inspector.inspect(np.ascontiguousarray(portrait[::-1, ::-1]))


def test_two_faces_of_one_size_are_too_many(
    inspector: PortraitInspector, portrait: Picture
) -> None:
    with pytest.raises(SeveralFaces):
        inspector.inspect(np.hstack([portrait, portrait[:, ::-1]]))


def test_the_clearly_largest_face_is_used(inspector: PortraitInspector, portrait: Picture) -> None:
    group = np.zeros((portrait.shape[0], portrait.shape[1] * 3 // 2, 3), np.uint8)
    group[:, : portrait.shape[1]] = portrait
    other = scaled(portrait, 0.45)
    group[: other.shape[0], portrait.shape[1] :][:, : other.shape[1]] = other
    alone, among = inspector.inspect(portrait), inspector.inspect(group)
    assert among.landmarks.iod == pytest.approx(alone.landmarks.iod, rel=0.03)


def test_a_face_of_few_pixels_is_too_small(inspector: PortraitInspector, portrait: Picture) -> None:
    with pytest.raises(FaceTooSmall, match="larger picture"):
        inspector.inspect(scaled(portrait, 0.2))


def cover_mouth(picture: Picture, marks: Landmarks) -> None:
    x, y = marks.points[13, :2]
    reach = 0.7 * marks.iod
    rows = slice(int(y - 0.25 * marks.iod), int(y + 0.5 * marks.iod))
    picture[rows, int(x - reach) : int(x + reach)] = (140, 180, 215)


def cover_eyes(picture: Picture, marks: Landmarks) -> None:
    for centre in marks.eye_centres:
        place = (int(centre[0]), int(centre[1]))
        axes = (int(0.48 * marks.iod), int(0.38 * marks.iod))
        cv2.ellipse(picture, place, axes, 0, 0, 360, (12, 12, 14), -1)


@pytest.mark.parametrize("cover", [cover_mouth, cover_eyes])
def test_a_hidden_mouth_or_eye_is_noticed(
    inspector: PortraitInspector, portrait: Picture, cover: object
) -> None:
    hidden = portrait.copy()
    assert callable(cover)
    cover(hidden, inspector.inspect(portrait).landmarks)
    with pytest.raises(FaceCovered):
        inspector.inspect(hidden)


@pytest.mark.skipif(not DATA.is_dir(), reason="the evaluation data is not there")
@pytest.mark.parametrize("path", pictures("not_a_face"), ids=lambda path: path.name)
def test_an_animal_is_no_face(inspector: PortraitInspector, path: Path) -> None:
    with pytest.raises(NoFace):
        inspector.inspect(read(path))


@pytest.mark.skipif(not DATA.is_dir(), reason="the evaluation data is not there")
@pytest.mark.parametrize("path", pictures("portraits"), ids=lambda path: path.name)
def test_photos_paintings_and_drawings_become_avatars(builder: PackBuilder, path: Path) -> None:
    picture = read(path)
    pack = builder.build(picture, lambda share: None)
    assert pack.width % 2 == pack.height % 2 == 0
    assert MIN_SHORT_SIDE <= min(pack.width, pack.height) <= MAX_SHORT_SIDE
    assert pack.width / pack.height == pytest.approx(picture.shape[1] / picture.shape[0], rel=0.02)


def test_progress_rises_to_one(builder: PackBuilder, portrait: Picture) -> None:
    shares: list[float] = []
    builder.build(portrait, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_small_face_in_a_huge_picture_is_cropped_to_be_seen(
    builder: PackBuilder, portrait: Picture
) -> None:
    wall = np.full((6000, 8000, 3), 90, np.uint8)
    wall[3000 : 3000 + portrait.shape[0], 4000 : 4000 + portrait.shape[1]] = portrait
    pack = builder.build(wall, lambda share: None)
    assert pack.landmarks.iod == pytest.approx(MIN_DRAWN_IOD_PX, rel=0.1)
    assert pack.width / pack.height == pytest.approx(4 / 3, rel=0.02)


def test_a_pack_of_a_tiny_picture_is_enlarged(builder: PackBuilder, portrait: Picture) -> None:
    pack = builder.build(scaled(portrait, 0.4), lambda share: None)
    assert min(pack.width, pack.height) == MIN_SHORT_SIDE


def opening(models: FaceModels, pack: AvatarPack, **shapes: float) -> float:
    """What the tracker says of the drawn lips, inter-ocular distances."""
    mouth = np.zeros(len(MOUTH_SHAPES), np.float32)
    for name, value in shapes.items():
        mouth[MOUTH_SHAPES.index(name)] = value
    drawn = PictureRenderer(pack, pack.width, pack.height).render(Expression(mouth=mouth))
    marks = models.reader.read_again(drawn, pack.landmarks)
    upper, lower = marks.points[list(INNER_LIPS), :2]
    return float(np.linalg.norm(upper - lower)) / marks.iod


def test_a_tracker_sees_the_mouth_open_with_the_jaw_and_shut_on_demand(
    models: FaceModels, pack: AvatarPack
) -> None:
    seen = [opening(models, pack, jaw_open=jaw) for jaw in (0.25, 0.5, 1.0)]
    assert seen == sorted(seen)
    assert 0.2 < seen[-1] < 0.42
    for jaw in (0.0, 0.3, 0.6):
        assert opening(models, pack, jaw_open=jaw, lips_close=1.0) < 0.035


def test_a_provider_that_is_not_there_stops_the_start() -> None:
    path = ModelStore(HOME).path("face-detector")
    with pytest.raises(ProviderMissing, match="NoSuchExecutionProvider"):
        open_network(path, ("NoSuchExecutionProvider", "CPUExecutionProvider"))
