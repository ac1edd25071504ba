"""Draws the frames of many sessions together, on the device that the providers name."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.common.onnx import open_session
from services.lipsync.expression import Expression
from services.lipsync.gpu.avatar import record, tables
from services.lipsync.gpu.batches import Batches
from services.lipsync.gpu.drawing import MOMENTS, PICTURES, SLOT, drawing
from services.lipsync.gpu.form import Form
from services.lipsync.gpu.moment import moment
from services.lipsync.gpu.slots import Slots
from services.lipsync.renderer import PictureRenderer

_BATCH_PIXELS = 32 * 512 * 512
"""What is drawn at once at most; by its tensors a frame needs some 200 bytes a pixel meanwhile."""

Picture = NDArray[np.uint8]
"""RGB [h, w, 3], or RGBA [h, w, 4]."""
Frame = tuple[int, NDArray[np.float32]]
"""The slot of an avatar, and its moment."""


class FormDrawer:
    """Draws the avatars of one form. Safe to call from several threads."""

    def __init__(self, form: Form, providers: Sequence[str]) -> None:
        self.form = form
        self._session = open_session(drawing(form), providers, exact=True)
        self._slots = Slots(tables(form), providers)
        self._binding = self._session.io_binding()
        self._bind_slots()
        self._using_slots = threading.Lock()
        most = max(1, _BATCH_PIXELS // (form.width * form.height))
        self._batches: Batches[Frame, Picture] = Batches(self.draw_all, most)

    def enrol(self, drawn: PictureRenderer) -> int:
        """Takes an avatar in; its slot."""
        tensors = record(drawn, self.form)
        with self._using_slots:
            slot = self._slots.take(tensors)
            self._bind_slots()
            return slot

    def dismiss(self, slot: int) -> None:
        """Lets an avatar go."""
        self._slots.release(slot)

    def draw(self, slot: int, numbers: NDArray[np.float32]) -> Picture:
        """One frame, drawn with those that others ask for at the same time."""
        return self._batches.ask((slot, numbers))

    def draw_all(self, frames: Sequence[Frame]) -> list[Picture]:
        """Several frames in one run."""
        slots, moments = zip(*frames, strict=True)
        with self._using_slots:
            self._binding.bind_cpu_input(SLOT, np.array(slots, np.int64))
            self._binding.bind_cpu_input(MOMENTS, np.stack(moments))
            self._binding.bind_output(PICTURES)
            self._session.run_with_iobinding(self._binding)
            return list(self._binding.get_outputs()[0].numpy())

    def _bind_slots(self) -> None:
        for name, tensor in self._slots.stacked.items():
            self._binding.bind_ortvalue_input(name, tensor)


class BatchedRenderer:
    """Draws one avatar as its PictureRenderer does, together with others. Not thread-safe."""

    def __init__(self, drawn: PictureRenderer, drawer: FormDrawer) -> None:
        self._drawn, self._drawer = drawn, drawer
        self._slot = drawer.enrol(drawn)
        weakref.finalize(self, drawer.dismiss, self._slot)

    def render(self, expression: Expression) -> Picture:
        """The picture of an expression."""
        return self._drawer.draw(self._slot, moment(self._drawn, self._drawer.form, expression))


class BatchedDrawing:
    """Brings avatars of the same form together."""

    def __init__(self, providers: Sequence[str]) -> None:
        self._providers = providers
        self._drawers: dict[Form, FormDrawer] = {}
        self._opening = threading.Lock()

    def renderer(self, drawn: PictureRenderer) -> BatchedRenderer:
        """What draws as `drawn` does, on the device; the first of a form takes a moment longer."""
        form = Form.of(drawn)
        with self._opening:
            drawer = self._drawers.get(form)
            if drawer is None:
                drawer = self._drawers[form] = FormDrawer(form, self._providers)
        return BatchedRenderer(drawn, drawer)
