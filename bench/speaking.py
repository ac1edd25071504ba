"""What a video costs, and what the stack holds in memory, through the real services."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from rich.console import Console

from bench.figures import Figure
from bench.stack import MeasuredStack
from services.common.models import MODELS_FOLDER
from services.local.client import ApiClient
from services.local.say import Wish, avatar_of, say

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


async def speaking(stack: MeasuredStack) -> list[Figure]:
    """Wall time of videos of half a minute, and memory before and after."""
    idle = Figure("memory of the idle stack", stack.memory_mb(), "MB", 2500, 1500)
    client = ApiClient(stack.url, stack.key)
    videos = await asyncio.to_thread(_videos, client, stack.home)
    client.close()
    return [idle, *videos, Figure("memory after the videos", stack.memory_mb(), "MB")]


def _videos(client: ApiClient, home: Path) -> list[Figure]:
    console = Console(stderr=True)
    avatar = avatar_of(client, str(home / MODELS_FOLDER / _PORTRAIT))
    figures = []
    for language, text in _TEXTS.items():
        out = home / f"{language}.mp4"
        start = time.perf_counter()
        video = say(client, Wish(avatar["id"], text, None, None, out, 512, 512), console)
        taken_s = time.perf_counter() - start
        length_s = float(video["duration_s"])
        name = f"{language} text to MP4, {length_s:.0f} s at 512×512: wall time / length"
        figures.append(Figure(name, taken_s / length_s, "", 1.5, 0.6))
    return figures
