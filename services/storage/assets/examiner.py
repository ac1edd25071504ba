"""Has untrusted files read in processes of their own.

The readers of Pillow and FFmpeg are large programs in C. Whatever a file does to them happens in a
process that holds no credentials, has its memory and time measured out, and is then gone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import structlog

from services.common.error_classes import class_for
from services.common.errors import AudioUndecodable, DomainError, ImageUndecodable, UnsupportedMedia
from services.common.telemetry import stage
from services.storage.assets.picture import Picture
from services.storage.assets.sound import Sound
from services.storage.provenance.evidence import Evidence, Label
from services.storage.provenance.fingerprint import Fingerprint
from services.storage.provenance.manifest import Manifest

log = structlog.get_logger()

_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LANG", "LD_LIBRARY_PATH")
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
_PROGRAM = (sys.executable, "-m", "services.storage.assets.examine")


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What a file may hold."""

    max_pixels: int = 50_000_000
    max_duration_s: float = 3600.0


class Examiner:
    """Reads pictures and recordings, `parallel` of them at once; the others wait."""

    def __init__(self, limits: MediaLimits, *, parallel: int, timeout_s: float) -> None:
        self._limits = limits
        self._free = asyncio.Semaphore(parallel)
        self._timeout_s = timeout_s

    async def picture(self, source: Path, reader: str, target: Path) -> Picture:
        """Writes the picture as the other services read it.

        Raises ImageUndecodable, ImageTooLarge, StorageFull.
        """
        damaged = ImageUndecodable("the picture can't be read")
        places = str(source), str(target)
        found = await self._run(damaged, "picture", reader, *places, str(self._limits.max_pixels))
        return Picture(**found)

    async def sound(self, source: Path, reader: str) -> Sound:
        """Measures a recording.

        Raises AudioUndecodable, AudioSilent, AudioTooLong, UnsupportedMedia.
        """
        damaged = AudioUndecodable("the recording can't be read")
        limit = str(self._limits.max_duration_s)
        return Sound(**await self._run(damaged, "sound", reader, str(source), limit))

    async def evidence(
        self, source: Path, reader: str, content_type: str, chain: Path
    ) -> Evidence | None:
        """What a file says of where it comes from; None when it breaks its reader."""
        damaged = UnsupportedMedia("the file can't be read")
        places = str(source), content_type, str(chain)
        try:
            found = await self._run(damaged, "evidence", reader, *places)
        except UnsupportedMedia:
            return None
        return Evidence(
            Label(**found["label"]) if found["label"] else None,
            Manifest(**found["manifest"]) if found["manifest"] else None,
        )

    async def fingerprint(self, source: Path, reader: str) -> Fingerprint | None:
        """How a film looks and sounds; None when it breaks its reader."""
        damaged = UnsupportedMedia("the file can't be read")
        try:
            found = await self._run(damaged, "fingerprint", reader, str(source))
        except UnsupportedMedia:
            return None
        return Fingerprint(*(tuple(map(tuple, found[part])) for part in ("landmarks", "shapes")))

    async def _run(self, damaged: DomainError, what: str, *arguments: str) -> dict[str, Any]:
        async with self._free:
            with stage(f"examine_{what}"):
                code, output = await _output(what, *arguments, timeout_s=self._timeout_s)
        if code:
            log.warning("file.broke_its_reader", what=what, exit_code=code)
            raise damaged
        answer = json.loads(output)
        if "found" in answer:
            found: dict[str, Any] = answer["found"]
            return found
        raise class_for(answer["reason"], grpc.StatusCode.INVALID_ARGUMENT)(answer["message"])


async def _output(*arguments: str, timeout_s: float) -> tuple[int, bytes]:
    """Exit status and output; a process that takes too long, or is not waited for, is killed."""
    variables = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *_PROGRAM,
        *arguments,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        env={**variables, **_ENVIRONMENT},
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
    except TimeoutError:
        output = b""
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    return await process.wait(), output
