"""Has untrusted films read in processes of their own.

Whatever a film does to FFmpeg happens in a process that holds no credentials, has its memory and
time measured out, and is then gone.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE

import grpc
import structlog

from services.common.error_classes import class_for
from services.common.errors import InvalidInput
from services.moderation.statement.decode import read_answer
from services.moderation.statement.film import Film

log = structlog.get_logger()

_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LANG", "LD_LIBRARY_PATH")
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
_PROGRAM = (sys.executable, "-m", "services.moderation.statement.decode")
_TIMEOUT_S = 60.0


async def film_of(content: bytes) -> Film:
    """The film. Raises UnsupportedMedia, InvalidInput, PayloadTooLarge."""
    code, output = await _output(content)
    if code:
        log.warning("film.broke_its_reader", exit_code=code)
        raise InvalidInput("the film can't be read")
    answer = await asyncio.to_thread(read_answer, output)
    if isinstance(answer, Film):
        return answer
    reason, message = answer
    raise class_for(reason, grpc.StatusCode.INVALID_ARGUMENT)(message)


async def _output(content: bytes) -> tuple[int, bytes]:
    """Exit status and output; a process that takes too long, or is not waited for, is killed."""
    variables = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *_PROGRAM, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={**variables, **_ENVIRONMENT}
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            output, _ = await process.communicate(content)
    except TimeoutError:
        output = b""
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    return await process.wait(), output
