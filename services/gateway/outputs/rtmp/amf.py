"""AMF0, the form of RTMP's commands: numbers, texts, booleans, null, objects and lists."""

from __future__ import annotations

import struct
from collections.abc import Mapping

Value = float | bool | str | None | Mapping[str, "Value"] | list["Value"]

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED = 0, 1, 2, 3, 5, 6
_ECMA_ARRAY, _OBJECT_END, _STRICT_ARRAY, _DATE, _LONG_STRING = 8, 9, 10, 11, 12
_MAX_DEPTH = 8
_MAX_SHORT = 0xFFFF


class MalformedAmf(Exception):
    """It is no AMF0, or none that a server has reason to send."""


def encode(*values: Value) -> bytes:
    """Values one after the other."""
    return b"".join(map(_encoded, values))


def decode(data: bytes) -> list[Value]:
    """All values. Raises MalformedAmf."""
    reader = _Reader(data)
    values = []
    while not reader.done:
        values.append(reader.value(0))
    return values


def _encoded(value: Value) -> bytes:
    match value:
        case bool():
            return bytes([_BOOLEAN, value])
        case int() | float():
            return bytes([_NUMBER]) + struct.pack(">d", value)
        case str():
            data = value.encode()
            if len(data) > _MAX_SHORT:
                return bytes([_LONG_STRING]) + len(data).to_bytes(4, "big") + data
            return bytes([_STRING]) + _named(value)
        case None:
            return bytes([_NULL])
        case list():
            return bytes([_STRICT_ARRAY]) + len(value).to_bytes(4, "big") + encode(*value)
        case _:
            fields = b"".join(_named(name) + _encoded(field) for name, field in value.items())
            return bytes([_OBJECT]) + fields + b"\0\0" + bytes([_OBJECT_END])


def _named(name: str) -> bytes:
    data = name.encode()
    return len(data).to_bytes(2, "big") + data


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def done(self) -> bool:
        return self._at >= len(self._data)

    def value(self, depth: int) -> Value:
        if depth > _MAX_DEPTH:
            raise MalformedAmf("too deep")
        marker = self._take(1)[0]
        if marker in (_OBJECT, _ECMA_ARRAY):
            return self._fields(depth, counted=marker == _ECMA_ARRAY)
        if marker == _STRICT_ARRAY:
            return self._list(depth)
        return self._scalar(marker)

    def _scalar(self, marker: int) -> Value:
        if marker in (_NULL, _UNDEFINED):
            return None
        if marker == _BOOLEAN:
            return self._take(1) != b"\0"
        if marker in (_STRING, _LONG_STRING):
            return self._text(2 if marker == _STRING else 4)
        if marker in (_NUMBER, _DATE):
            number: float = struct.unpack(">d", self._take(8))[0]
            if marker == _DATE:
                self._take(2)  # a time zone that is not used
            return number
        raise MalformedAmf(f"marker {marker}")

    def _list(self, depth: int) -> list[Value]:
        length = int.from_bytes(self._take(4), "big")
        if length > len(self._data):
            raise MalformedAmf("a list longer than its message")
        return [self.value(depth + 1) for _ in range(length)]

    def _fields(self, depth: int, *, counted: bool) -> dict[str, Value]:
        if counted:
            self._take(4)  # servers do not keep to it
        fields: dict[str, Value] = {}
        while True:
            name = self._text(2)
            if not name and self._data[self._at : self._at + 1] == bytes([_OBJECT_END]):
                self._at += 1
                return fields
            fields[name] = self.value(depth + 1)

    def _text(self, length_bytes: int) -> str:
        length = int.from_bytes(self._take(length_bytes), "big")
        return self._take(length).decode("utf-8", errors="replace")

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise MalformedAmf("it ends early")
        self._at += size
        return taken
