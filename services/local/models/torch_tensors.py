"""Reads the tensors of a file that PyTorch saved before version 1.6, without PyTorch.

Such a file is a few pickles, then the numbers. Of what a pickle can name, only the three things
that such a file needs are known here; anything else is refused before it is looked up.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_MAGIC = 0x1950A86A20F9469CFC6C
_FLOAT = "float"


class _View:
    """A tensor whose numbers are still to come."""

    def __init__(self, storage: str, offset: int, shape: tuple[int, ...]) -> None:
        self.storage = storage
        self.offset = offset
        self.shape = shape


def _tensor(storage: str, offset: int, shape: tuple[int, ...], *_: object) -> _View:
    return _View(storage, offset, shape)


class _Reader(pickle.Unpickler):
    _KNOWN: Mapping[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch", "FloatStorage"): _FLOAT,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Knows what tensors need, and nothing else."""
        try:
            return self._KNOWN[module, name]
        except KeyError as error:
            raise ValueError(f"{module}.{name} has no place in a file of tensors") from error

    def persistent_load(self, pid: Any) -> str:
        """A storage's key."""
        kind, storage, key, *_ = pid
        if kind != "storage" or storage != _FLOAT:
            raise ValueError("only float tensors can be read")
        return str(key)


def read_tensors(content: bytes, section: str) -> Mapping[str, Array]:
    """The tensors of one section of a checkpoint, by name.

    Raises ValueError when the file is of another kind.
    """
    stream = io.BytesIO(content)
    try:
        magic, _, _ = (_Reader(stream).load() for _ in range(3))
        checkpoint, keys = _Reader(stream).load(), _Reader(stream).load()
    except (pickle.UnpicklingError, EOFError) as error:
        raise ValueError("this is no file of tensors") from error
    if magic != _MAGIC:
        raise ValueError("this is no file of tensors")
    storages = {key: _numbers(stream) for key in keys}
    return {
        name: _array(storages[view.storage], view)
        for name, view in checkpoint[section].items()
        if isinstance(view, _View)
    }


def _numbers(stream: io.BytesIO) -> Array:
    (count,) = struct.unpack("<q", stream.read(8))
    return np.frombuffer(stream.read(4 * count), "<f4", count)


def _array(numbers: Array, view: _View) -> Array:
    size = int(np.prod(view.shape))
    return numbers[view.offset : view.offset + size].reshape(view.shape)
