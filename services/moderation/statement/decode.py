"""Reads one untrusted film in a process of its own.

`python -m services.moderation.statement.decode` takes the film by standard input. A line of JSON
with what was found, or the error, goes to standard output; after it the pixels and the samples. A
process that ends in another way has met a film that breaks its reader.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

import numpy as np

from services.common.errors import DomainError
from services.moderation.statement.film import Film, Picture, read_film

_MAX_MEMORY_BYTES = 2 * 1024**3


def main() -> None:
    """Reads the film."""
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    output = sys.stdout.buffer
    try:
        film = read_film(sys.stdin.buffer.read())
    except DomainError as error:
        output.write(_line({"reason": error.reason, "message": error.message}))
        return
    found = {
        "sizes": [one.rgb.shape for one in film.pictures],
        "times_s": [one.time_s for one in film.pictures],
    }
    output.write(_line(found))
    for picture in film.pictures:
        output.write(picture.rgb.tobytes())
    output.write(film.sound.tobytes())


def read_answer(output: bytes) -> Film | tuple[str, str]:
    """What such a process wrote: the film, or reason and message of the error."""
    line, _, rest = output.partition(b"\n")
    found = json.loads(line)
    if "reason" in found:
        return found["reason"], found["message"]
    pictures, at = [], 0
    for shape, time_s in zip(found["sizes"], found["times_s"], strict=True):
        count = int(np.prod(shape))
        rgb = np.frombuffer(rest, np.uint8, count, at).reshape(shape)
        pictures.append(Picture(rgb, time_s))
        at += count
    return Film(pictures, np.frombuffer(rest[at:], np.float32))


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode() + b"\n"


if __name__ == "__main__":
    main()
