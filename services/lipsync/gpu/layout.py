"""Named numbers in one vector, so that a graph takes them in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.lipsync.gpu.graph import Value


class Layout:
    """Which numbers stand where."""

    def __init__(self, **shapes: tuple[int, ...]) -> None:
        self._shapes = shapes
        self._sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
        self.size = sum(self._sizes.values())

    def packed(self, values: Mapping[str, Any]) -> NDArray[np.float32]:
        """The vector [size] of the values; they must be the layout's."""
        if values.keys() != self._shapes.keys():
            raise ValueError(f"not of this layout: {values.keys() ^ self._shapes.keys()}")
        vector = np.empty(self.size, np.float32)
        start = 0
        for name, shape in self._shapes.items():
            end = start + self._sizes[name]
            vector[start:end] = np.broadcast_to(values[name], shape).ravel()
            start = end
        return vector

    def unpacked(self, vectors: Value) -> dict[str, Value]:
        """The values [n, …] of vectors [n, size] in a graph."""
        parts = vectors.parts(*self._sizes.values(), axis=1)
        return {
            name: part.reshaped(-1, *shape)
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }
