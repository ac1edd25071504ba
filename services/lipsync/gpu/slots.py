"""Keeps avatars' tensors on the device, so that a frame uploads but a few numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.common.onnx import CUDA, open_session
from services.lipsync.gpu.avatar import Table
from services.lipsync.gpu.graph import Graph, Shape

_FIRST = 4
"""Slots at the beginning; they are doubled when they are taken."""


def device_of(providers: Sequence[str]) -> str:
    """The device on which tensors are kept, as ONNX Runtime calls it."""
    return "cuda" if CUDA in providers else "cpu"


class Slots:
    """Tensors of many avatars, stacked. Not thread-safe but for `release`."""

    def __init__(self, tables: Mapping[str, Table], providers: Sequence[str]) -> None:
        self._tables = tables
        self._device = device_of(providers)
        # ONNX Runtime has no call that writes a part of a tensor, but writes its outputs anywhere.
        self._copying = open_session(_copying(tables), providers)
        self._count = _FIRST
        self._free = deque(range(_FIRST))
        self.stacked = self._room(_FIRST)
        """The tensors [slots, …] on the device, by their names."""

    def take(self, record: Mapping[str, NDArray[Any]]) -> int:
        """Puts an avatar's tensors into a free slot; `stacked` may be replaced."""
        if not self._free:
            self._grow()
        slot = self._free.popleft()
        binding = self._copying.io_binding()
        for name, array in record.items():
            binding.bind_cpu_input(_source(name), array[None])
            self._bind_target(binding, name, slot, 1)
        self._copying.run_with_iobinding(binding)
        return slot

    def release(self, slot: int) -> None:
        """Gives a slot back; from any thread, even from a destructor."""
        self._free.append(slot)

    def _grow(self) -> None:
        count, old = self._count, self.stacked
        self.stacked = self._room(2 * count)
        binding = self._copying.io_binding()
        for name, tensor in old.items():
            binding.bind_ortvalue_input(_source(name), tensor)
            self._bind_target(binding, name, 0, count)
        self._copying.run_with_iobinding(binding)
        self._free.extend(range(count, 2 * count))
        self._count = 2 * count

    def _room(self, count: int) -> dict[str, onnxruntime.OrtValue]:
        return {
            name: onnxruntime.OrtValue.ortvalue_from_shape_and_type(
                (count, *table.shape), table.dtype.type, self._device, 0
            )
            for name, table in self._tables.items()
        }

    def _bind_target(self, binding: Any, name: str, slot: int, count: int) -> None:
        """Makes an output of the copying write into slots from `slot` on."""
        table = self._tables[name]
        size = int(np.prod(table.shape)) * table.dtype.itemsize
        binding.bind_output(
            name,
            self._device,
            0,
            table.dtype.type,
            (count, *table.shape),
            self.stacked[name].data_ptr() + slot * size,
        )


def _source(name: str) -> str:
    return f"from_{name}"


def _copying(tables: Mapping[str, Table]) -> bytes:
    """A graph that gives back what it is given."""
    graph = Graph()
    for name, table in tables.items():
        shape: Shape = ("slots", *table.shape)
        graph.output(graph.input(_source(name), table.dtype, shape), name, table.dtype, shape)
    return graph.model()
