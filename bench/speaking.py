"""What a video costs, and what the stack holds in memory, through the real services."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

from rich.console import Console

from bench.figures import Figure
from services.common.models import MODELS_FOLDER
from services.local.client import ApiClient
from services.local.output import Output
from services.local.say import Wish, avatar_of, say
from services.local.settings import LocalSettings
from services.local.state import HomeFolders
from services.local.up import running_stack

_PORTRAIT = "demo_portrait.jpg"
_TEXTS = {
    "English": (
        "The lighthouse keeper climbed the stairs every evening before sunset. He lit the lamp, "
        "wrote a line into the book, and listened to the sea. In winter the storms came over the "
        "bay, and the light was the only thing that stood still. Ships turned their bows towards "
        "it, and the crews counted the seconds between the flashes. In the morning he walked down "
        "to the harbour, bought bread and a newspaper, and told nobody how long the night was."
    ),
    "Mandarin": (
        "守灯塔的老人每天傍晚都要走上台阶。他点亮灯，在本子上写一行字，然后听着大海的声音。"
        "冬天的时候，风暴从海湾那边过来，只有这盏灯一动不动。船只朝着灯光转过船头，"
        "水手们数着每次闪光之间的秒数。第二天早上，他走到港口，买了面包和报纸，"
        "没有告诉任何人这个夜晚有多长。"
    ),
}
_SETTLED_S = 3.0
_MB = 1e6


def speaking(home: Path) -> list[Figure]:
    """Wall time of videos of half a minute, and memory before and after; in a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder)
        (own / MODELS_FOLDER).symlink_to((home / MODELS_FOLDER).resolve())
        return asyncio.run(_speaking(LocalSettings(home=own, gateway_port=0)))


async def _speaking(settings: LocalSettings) -> list[Figure]:
    output = Output(HomeFolders(settings.home.resolve()).logs)
    try:
        async with running_stack(settings, output) as stack:
            await asyncio.sleep(_SETTLED_S)
            figures = [Figure("memory of the idle stack", memory_mb(settings), "MB", 2500, 1500)]
            client = ApiClient(stack.url, stack.api_key())
            figures += await asyncio.to_thread(_videos, client, settings)
            client.close()
            figures.append(Figure("memory after the videos", memory_mb(settings), "MB"))
            return figures
    finally:
        output.close()


def _videos(client: ApiClient, settings: LocalSettings) -> list[Figure]:
    console = Console(stderr=True)
    avatar = avatar_of(client, str(settings.home / MODELS_FOLDER / _PORTRAIT))
    figures = []
    for language, text in _TEXTS.items():
        out = settings.home / f"{language}.mp4"
        start = time.perf_counter()
        video = say(client, Wish(avatar["id"], text, None, None, out, 512, 512), console)
        taken_s = time.perf_counter() - start
        length_s = float(video["duration_s"])
        name = f"{language} text to MP4, {length_s:.0f} s at 512×512: wall time / length"
        figures.append(Figure(name, taken_s / length_s, "", 1.5, 0.6))
    return figures


def memory_mb(settings: LocalSettings) -> float:
    """Proportional set size of all processes of the stack, the supervisor left out."""
    state = json.loads(HomeFolders(settings.home.resolve()).state.read_text("utf-8"))
    return sum(_pss_bytes(process["pid"]) for process in state["processes"].values()) / _MB


def _pss_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
