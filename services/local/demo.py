"""`python -m services.local demo`: a portrait speaks a sentence, through the whole stack."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from services.common.errors import StartupError
from services.common.models import MODELS_FOLDER
from services.local.client import ApiClient, ApiError
from services.local.log_files import LogFiles
from services.local.output import Output
from services.local.say import Wish, say
from services.local.settings import LocalSettings
from services.local.state import HomeFolders, RunningStack, find_running
from services.local.up import running_stack

_PORTRAIT = "demo_portrait.jpg"
_TEXT = "Hello! One portrait and one sentence are enough to make me speak. Nice to meet you."
_EXIT_FAILED = 1
_EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Makes the video, in a stack of its own unless one runs already; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m services.local demo")
    parser.add_argument("--image", help="a portrait of somebody who allows it")
    parser.add_argument("--text", help="what is said")
    parser.add_argument("--voice", help="an id of GET /v1/voices")
    parser.add_argument("--audio", type=Path, help="a recording instead of a text")
    parser.add_argument("--out", type=Path, default=Path("out/demo.mp4"))
    options = parser.parse_args(arguments)
    settings = LocalSettings()
    wish = Wish(
        avatar=options.image or str(settings.home / MODELS_FOLDER / _PORTRAIT),
        text=None if options.audio else options.text or _TEXT,
        audio=options.audio,
        voice=options.voice,
        out=options.out,
    )
    try:
        return asyncio.run(_demo(settings, wish))
    except (ApiError, StartupError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return _EXIT_FAILED
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED


async def _demo(settings: LocalSettings, wish: Wish) -> int:
    console = Console(stderr=True, soft_wrap=True)
    if wish.audio is not None and not wish.audio.is_file():
        raise ApiError(f"{wish.audio} is no file")
    async with _stack(settings, console) as stack:
        client = ApiClient(stack.url, stack.api_key())
        try:
            video = await asyncio.to_thread(say, client, wish, console)
        finally:
            client.close()
    sys.stdout.write(f"{wish.out}  ({video['duration_s']:.1f} s)\n")
    return 0


@asynccontextmanager
async def _stack(settings: LocalSettings, console: Console) -> AsyncIterator[RunningStack]:
    """The stack that runs, or a new one whose lines go into its log files alone."""
    if running := find_running(settings.home):
        yield running
        return
    logs = HomeFolders(settings.home.resolve()).logs
    console.print(f"starting the stack (logs: {logs}) …")
    output = Output(LogFiles(logs, settings.logs_kept))
    try:
        async with running_stack(settings, output) as stack:
            yield stack
    finally:
        output.close()
