"""The graph for GPUs draws what the CPU's drawing does; run on ONNX Runtime's CPU provider."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from services.lipsync.app import batched_drawing
from services.lipsync.expression import MOUTH_SHAPES, Expression, HeadPose
from services.lipsync.gpu.batched import BatchedDrawing, FormDrawer
from services.lipsync.gpu.drawing import drawing
from services.lipsync.gpu.form import Form
from services.lipsync.gpu.moment import moment
from services.lipsync.pack import AvatarPack
from services.lipsync.pixels import blurred, resized
from services.lipsync.renderer import PictureRenderer
from services.lipsync.renderer.scene import Behind, Scene, covering, out_of_focus, plain
from tests.fakes.drawn_face import drawn_pack

Picture = NDArray[np.uint8]
CPU = ("CPUExecutionProvider",)
MEAN, NEARLY_ALL, WORST = 0.25, 2, 12
"""How far pictures may differ, of 255: on average, at 99.9 % of the pixels and anywhere."""
SIZE = 256
ON_CUDA = {
    *("Add", "Cast", "Clip", "Concat", "Div", "Gather", "GridSample", "Identity", "MatMul", "Mul"),
    *("Reshape", "Round", "Split", "Sub", "Transpose"),
}
"""Operators that ONNX Runtime was seen to place on CUDA, for the types of the graph."""


def mouth(**shapes: float) -> NDArray[np.float32]:
    values = np.zeros(len(MOUTH_SHAPES), np.float32)
    for name, value in shapes.items():
        values[MOUTH_SHAPES.index(name)] = value
    return values


EXPRESSIONS = {
    "rest": Expression(),
    "jaw": Expression(mouth=mouth(jaw_open=1.0)),
    "smile": Expression(mouth=mouth(smile=1.0, jaw_open=0.3), squint=0.5),
    "pucker": Expression(mouth=mouth(pucker=1.0, jaw_open=0.2)),
    "tongue": Expression(mouth=mouth(tongue_up=1.0, jaw_open=0.5, funnel=0.5)),
    "sealed": Expression(mouth=mouth(lips_close=1.0, jaw_open=0.5)),
    "bite": Expression(mouth=mouth(lip_bite=1.0, upper_lip_raise=0.6)),
    "blink": Expression(blink=1.0),
    "half a blink": Expression(blink=0.5, gaze_x=-0.5),
    "gaze": Expression(gaze_x=1.0, gaze_y=0.6, lid_raise=1.0),
    "turned": Expression(head=HeadPose(0.1, 0.06, 0.06, 0.05, 0.03), breath=1.0),
    "composed": Expression(mouth=mouth(stretch=0.4), composed=1.0, brow_raise=1.0),
}


def scene(pack: AvatarPack, behind: Behind | None) -> Scene:
    person = resized(pack.person, pack.width, pack.height).astype(np.float32) / 255.0
    return Scene(behind, blurred(person, 2.0))


def photo() -> Picture:
    chance = np.random.default_rng(3)
    return resized(chance.integers(0, 255, (9, 9, 3), dtype=np.uint8), 90, 90)


def drawn(pack: AvatarPack, behind: Behind | None = None, width: int = SIZE) -> PictureRenderer:
    return PictureRenderer(pack, width, SIZE, None if behind is None else scene(pack, behind))


FACES = {
    "lips together": lambda: drawn(drawn_pack()),
    "a glimpse of teeth": lambda: drawn(drawn_pack(parted=0.05)),
    "teeth": lambda: drawn(drawn_pack(parted=0.14)),
    "small, before a colour": lambda: drawn(drawn_pack(iod_px=60.0), plain(0, 177, 64)),
    "before a picture": lambda: drawn(drawn_pack(parted=0.14), covering(photo())),
    "out of focus, wide": lambda: drawn(drawn_pack(), out_of_focus(0.6), width=400),
    "before nothing": lambda: PictureRenderer(pack := drawn_pack(), 320, SIZE, scene(pack, None)),
    "padded": lambda: drawn(drawn_pack(), width=400),
}


@pytest.fixture(scope="module")
def batched() -> BatchedDrawing:
    return BatchedDrawing(CPU)


@pytest.fixture(scope="module", params=FACES, ids=str)
def face(request: pytest.FixtureRequest) -> PictureRenderer:
    return FACES[request.param]()


def difference(one: Picture, other: Picture) -> NDArray[np.int_]:
    return np.asarray(np.abs(one.astype(int) - other.astype(int)).max(axis=-1))


def assert_alike(one: Picture, other: Picture) -> None:
    apart = difference(one, other)
    assert apart.mean() <= MEAN
    assert np.percentile(apart, 99.9) <= NEARLY_ALL
    assert apart.max() <= WORST


def test_a_graph_draws_what_the_cpu_draws(face: PictureRenderer, batched: BatchedDrawing) -> None:
    renderer = batched.renderer(face)
    for expression in EXPRESSIONS.values():
        assert_alike(renderer.render(expression), face.render(expression))


def test_chance_expressions_are_drawn_alike(batched: BatchedDrawing) -> None:
    face = drawn(drawn_pack(parted=0.14))
    renderer = batched.renderer(face)
    chance = np.random.default_rng(5)
    for _ in range(10):
        expression = Expression(
            mouth=chance.uniform(-0.2, 1.0, len(MOUTH_SHAPES)).astype(np.float32),
            blink=max(0.0, float(chance.uniform(-1.0, 1.0))),
            gaze_x=float(chance.uniform(-1.0, 1.0)),
            lid_raise=float(chance.uniform(-1.0, 1.0)),
            composed=float(chance.uniform(0.0, 1.0)),
            head=HeadPose(*chance.uniform(-0.06, 0.06, 5).tolist()),
        )
        assert_alike(renderer.render(expression), face.render(expression))


def test_at_rest_the_picture_is_the_portrait_bit_for_bit(batched: BatchedDrawing) -> None:
    pack = drawn_pack()
    renderer = batched.renderer(PictureRenderer(pack, pack.width, pack.height))
    assert np.array_equal(renderer.render(Expression()), pack.picture)


def test_a_batch_gives_each_avatar_the_picture_that_it_gets_alone() -> None:
    faces = [drawn(drawn_pack(iod_px=size)) for size in (76.0, 78.0)]
    faces += [drawn(drawn_pack(iod_px=77.0), plain(90, 0, 90))]
    assert len({Form.of(face) for face in faces}) == 1
    drawer = FormDrawer(Form.of(faces[0]), CPU)
    slots = [drawer.enrol(face) for face in faces]
    expressions = list(EXPRESSIONS.values())
    frames = [
        (slot, moment(face, drawer.form, expressions[n]))
        for n in range(2)
        for slot, face in zip(slots, faces, strict=True)
    ]
    together = drawer.draw_all(frames)
    for frame, picture in zip(frames, together, strict=True):
        assert difference(drawer.draw(*frame), picture).max() <= 1


def test_avatars_stay_what_they_are_when_more_come_and_some_go(batched: BatchedDrawing) -> None:
    sizes = (74.0, 75.0, 76.0, 77.0, 78.0, 79.0)
    faces = [drawn(drawn_pack(iod_px=size)) for size in sizes]
    assert len({Form.of(face) for face in faces}) == 1
    renderers = [batched.renderer(face) for face in faces]
    del renderers[1]
    faces.pop(1)
    late = drawn(drawn_pack(iod_px=75.5))
    renderers.append(batched.renderer(late))
    for renderer, face in zip(renderers, [*faces, late], strict=True):
        assert_alike(renderer.render(EXPRESSIONS["jaw"]), face.render(EXPRESSIONS["jaw"]))


def test_sessions_that_draw_at_once_get_their_own_pictures(batched: BatchedDrawing) -> None:
    faces = [drawn(drawn_pack(iod_px=size)) for size in (75.0, 77.0, 79.0)]
    renderers = [batched.renderer(face) for face in faces]
    shapes = list(EXPRESSIONS.values())[:4]

    with ThreadPoolExecutor(len(faces)) as threads:
        played = threads.map(lambda r: [r.render(shape).copy() for shape in shapes], renderers)

    for face, pictures in zip(faces, played, strict=True):
        for shape, picture in zip(shapes, pictures, strict=True):
            assert_alike(picture, face.render(shape))


def test_only_a_gpu_is_worth_the_graph() -> None:
    assert batched_drawing(CPU) is None
    assert isinstance(batched_drawing(("CUDAExecutionProvider", *CPU)), BatchedDrawing)


def test_every_operator_of_the_graph_is_one_that_cuda_has() -> None:
    graph = onnx.load_from_string(drawing(Form.of(drawn(drawn_pack())))).graph
    assert {node.op_type for node in graph.node} <= ON_CUDA
