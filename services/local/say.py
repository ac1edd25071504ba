"""From a picture and a text to a file, with a bar that shows how far it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from services.local.client import ApiClient, ApiError, Json

_PREPARE_TIMEOUT_S = 300.0
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be said by whom; `text` or `audio`."""

    avatar: str
    """The id of an avatar, or the path of a picture."""
    text: str | None
    audio: Path | None
    voice: str | None
    out: Path
    width: int | None = None
    height: int | None = None
    fps: int = 25


def say(client: ApiClient, wish: Wish, console: Console) -> Json:
    """Makes the video and saves it; returns it as the API tells it. Raises ApiError."""
    columns = (
        TextColumn("{task.description:<14}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("preparing", total=1.0)
        avatar = avatar_of(client, wish.avatar)
        video = client.create("/v1/videos", _body(client, wish, avatar["id"]))
        try:
            for state in client.follow(video["id"]):
                video = state
                progress.update(bar, description=state["status"], completed=state["progress"])
        except KeyboardInterrupt:
            client.act(f"/v1/videos/{video['id']}/cancel")
            raise
        if video["status"] != "succeeded":
            raise ApiError(_why(video))
        client.download(f"/v1/videos/{video['id']}/content", wish.out)
    return video


def avatar_of(client: ApiClient, avatar: str, name: str | None = None) -> Json:
    """The avatar with that id, or a new one of that picture, once it is ready."""
    if avatar.startswith("av_"):
        found = client.get(f"/v1/avatars/{avatar}")
    else:
        picture = Path(avatar)
        if not picture.is_file():
            raise ApiError(f"{picture} is no file and no avatar's id")
        found = client.upload(
            "/v1/avatars",
            "image",
            picture,
            name=(name or picture.stem)[:100] or "portrait",
            subject_authorised="true",
        )
    return _ready(client, found)


def _ready(client: ApiClient, avatar: Json) -> Json:
    deadline = time.monotonic() + _PREPARE_TIMEOUT_S
    while avatar["status"] == "preparing":
        if time.monotonic() > deadline:
            raise ApiError("the avatar is not ready after five minutes; see the worker's log")
        time.sleep(_POLL_S)
        avatar = client.get(f"/v1/avatars/{avatar['id']}")
    if avatar["status"] != "ready":
        raise ApiError(_why(avatar))
    return avatar


def _body(client: ApiClient, wish: Wish, avatar_id: str) -> Json:
    output: dict[str, Any] = {"fps": wish.fps}
    if wish.width:
        output["width"] = wish.width
    if wish.height:
        output["height"] = wish.height
    body: Json = {"avatar_id": avatar_id, "output": output}
    if wish.audio is not None:
        asset = client.upload("/v1/assets", "file", wish.audio)
        body["script"] = {"type": "audio", "asset_id": asset["id"]}
        return body
    body["script"] = {"type": "text", "text": wish.text or ""}
    if wish.voice:
        body["voice_id"] = wish.voice
    return body


def _why(thing: Json) -> str:
    error = thing.get("error") or {}
    labels = ", ".join(error.get("categories") or ())
    found = f" [{labels}]" if labels else ""
    return f"{thing['status']}: {error.get('detail', 'no reason was given')}{found}"
