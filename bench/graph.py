"""What a frame costs as a graph, many sessions at once: on a GPU, or on the CPU for comparison."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime

from bench.drawing import speaking_face
from bench.figures import Figure
from services.common.models import ModelStore
from services.common.onnx import CUDA
from services.lipsync.app import open_studio
from services.lipsync.gpu.batched import BatchedDrawing, FormDrawer
from services.lipsync.gpu.form import Form
from services.lipsync.gpu.moment import moment
from services.lipsync.pack import AvatarPack
from services.lipsync.renderer import PictureRenderer
from services.lipsync.settings import LipsyncSettings

_SIDE = 512
_CPU = "CPUExecutionProvider"
_MS = 1000.0
_FRAMES = {CUDA: 2048, _CPU: 8}
"""What is drawn for one figure."""
_BATCHES = {CUDA: (1, 8, 32), _CPU: (1, 4)}
_THREADS = {CUDA: 32, _CPU: 2}
_AIM_MS = 0.5
"""2 000 frames a second."""
_MEAN, _NEARLY_ALL = 0.25, 4.0


def graph(home: Path) -> list[Figure]:
    """Wall time a frame by how many are drawn at once, and how far pictures are from OpenCV's."""
    provider = CUDA if CUDA in onnxruntime.get_available_providers() else _CPU
    if provider == _CPU:
        sys.stderr.write(f"graph: no {CUDA} here, so the GPU is skipped and the CPU stands in\n")
    portrait = ModelStore(home).path("demo-portrait").read_bytes()
    studio = open_studio(LipsyncSettings(home=home, storage_address="none"))
    pack = studio.build(portrait, lambda _: None)
    name = "CUDA" if provider == CUDA else "CPU, one thread"
    return [*_speeds(pack, provider, name), *_differences(pack, provider, name)]


def _speeds(pack: AvatarPack, provider: str, name: str) -> list[Figure]:
    figures = []
    most = max(_BATCHES[provider])
    faces = [PictureRenderer(pack, _SIDE, _SIDE) for _ in range(most)]
    drawer = FormDrawer(Form.of(faces[0]), _providers(provider))
    slots = [drawer.enrol(face) for face in faces]
    frames = [
        (slot, moment(face, drawer.form, speaking_face(n)))
        for n, (slot, face) in enumerate(zip(slots, faces, strict=True))
    ]
    for size in _BATCHES[provider]:
        batch, rounds = frames[:size], max(1, _FRAMES[provider] // size)
        took_s = _seconds(partial(drawer.draw_all, batch), rounds)
        what = f"draw 512×512 as a graph, {name}, {size} at once, a frame"
        aim = _AIM_MS if provider == CUDA and size == most else None
        figures.append(Figure(what, took_s / (rounds * size) * _MS, "ms", None, aim))
    return [*figures, _from_threads(pack, provider, name)]


def _from_threads(pack: AvatarPack, provider: str, name: str) -> Figure:
    """The same as sessions do it: each in a thread of its own, whoever waits is drawn together."""
    threads = _THREADS[provider]
    batched = BatchedDrawing(_providers(provider))
    sessions = [batched.renderer(PictureRenderer(pack, _SIDE, _SIDE)) for _ in range(threads)]
    rounds = max(1, _FRAMES[provider] // threads)

    def play(number: int) -> None:
        for frame in range(rounds):
            sessions[number].render(speaking_face(number + frame))

    with ThreadPoolExecutor(threads) as pool:
        took_s = _seconds(lambda: list(pool.map(play, range(threads))), 1)
    what = f"draw 512×512 as a graph, {name}, {threads} sessions, a frame"
    return Figure(what, took_s / (rounds * threads) * _MS, "ms")


def _differences(pack: AvatarPack, provider: str, name: str) -> list[Figure]:
    face = PictureRenderer(pack, _SIDE, _SIDE)
    renderer = BatchedDrawing(_providers(provider)).renderer(face)
    apart = [
        np.abs(renderer.render(e).astype(int) - face.render(e)).max(axis=-1)
        for e in map(speaking_face, range(16))
    ]
    mean = max(float(difference.mean()) for difference in apart)
    nearly_all = max(float(np.percentile(difference, 99.9)) for difference in apart)
    what = f"graph against OpenCV, {name}"
    return [
        Figure(f"{what}: mean difference", mean, "of 255", _MEAN),
        Figure(f"{what}: at 99.9 % of the pixels", nearly_all, "of 255", _NEARLY_ALL),
    ]


def _providers(provider: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((provider, _CPU)))


def _seconds(run: Callable[[], object], rounds: int) -> float:
    """How long so many runs take, after one that does not count."""
    run()
    start = time.perf_counter()
    for _ in range(rounds):
        run()
    return time.perf_counter() - start
