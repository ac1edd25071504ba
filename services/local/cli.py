"""`vultus`: the HTTP API from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.local.client import ApiClient, ApiError, Json
from services.local.say import Wish, avatar_of, say
from services.local.settings import LocalSettings
from services.local.state import HomeFolders, find_running

app = typer.Typer(
    help="Make portraits speak, through a Vultus server.",
    no_args_is_help=True,
    add_completion=False,
)
avatars = typer.Typer(help="Faces that can speak.", no_args_is_help=True)
videos = typer.Typer(help="Videos and the jobs that make them.", no_args_is_help=True)
keys = typer.Typer(help="API keys of your account.", no_args_is_help=True)
app.add_typer(avatars, name="avatars")
app.add_typer(videos, name="videos")
app.add_typer(keys, name="keys")

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

Authorised = Annotated[
    bool,
    typer.Option("--authorised", help="The person shown allows this use of the picture."),
]


@contextmanager
def api() -> Iterator[ApiClient]:
    """The server of VULTUS_URL, or the stack of VULTUS_HOME; ends the command on an error."""
    settings = LocalSettings()
    running = find_running(settings.home)
    url = os.environ.get("VULTUS_URL") or (
        running.url if running else f"http://127.0.0.1:{settings.gateway_port}"
    )
    client = ApiClient(url, _key(settings))
    try:
        yield client
    except ApiError as error:
        err.print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(1) from error
    finally:
        client.close()


def _key(settings: LocalSettings) -> str:
    if key := os.environ.get("VULTUS_API_KEY"):
        return key
    file = HomeFolders(settings.home.resolve()).api_key
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        err.print(f"no API key: set VULTUS_API_KEY, or start the stack, which writes {file}")
        raise typer.Exit(1) from error


def require_consent(avatar: str, authorised: bool) -> None:
    """Asks whether the person in a new picture allows its use, unless that was said already."""
    if avatar.startswith("av_") or authorised:
        return
    question = "Does the person shown allow this use of the picture?"
    if not sys.stdin.isatty():
        err.print(f"{question} Say so with --authorised.")
        raise typer.Exit(2)
    typer.confirm(question, abort=True)


@app.command()
def up() -> None:
    """Start the whole stack on this machine and keep it up."""
    raise typer.Exit(subprocess.call([sys.executable, "-m", "services.local", "up"]))


@app.command("say")
def say_command(
    avatar: Annotated[str, typer.Argument(help="A picture, or the id of an avatar.")],
    text: Annotated[str | None, typer.Argument(help="What is said.")] = None,
    audio: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A recording instead.")
    ] = None,
    voice: Annotated[str | None, typer.Option(help="See `vultus voices`.")] = None,
    out_file: Annotated[Path, typer.Option("--out", "-o", help="The MP4.")] = Path("out.mp4"),
    width: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    fps: Annotated[int, typer.Option(help="25 or 30.")] = 25,
    authorised: Authorised = False,
) -> None:
    """Make a person say something, and save the video."""
    if (text is None) == (audio is None):
        err.print("give a text, or a recording with --audio")
        raise typer.Exit(2)
    require_consent(avatar, authorised)
    with api() as client:
        wish = Wish(avatar, text, audio, voice, out_file, width, height, fps)
        video = say(client, wish, err)
        typer.echo(f"{out_file}  ({video['duration_s']:.1f} s, {video['id']})")


@app.command()
def voices(
    language: Annotated[str | None, typer.Option(help="en or zh.")] = None,
) -> None:
    """List the voices."""
    with api() as client:
        query = {"language": language} if language else {}
        items = client.get("/v1/voices", **query)["items"]
    _table(items, "id", "name", "language", "gender")


@avatars.command("list")
def list_avatars() -> None:
    """List your avatars."""
    with api() as client:
        items = list(client.all("/v1/avatars"))
    _table(items, "id", "name", "status", "width", "height", "created_at")


@avatars.command("create")
def create_avatar(
    picture: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    name: Annotated[str | None, typer.Option(help="The file's name when left out.")] = None,
    authorised: Authorised = False,
) -> None:
    """Make an avatar of a picture and wait until it is ready."""
    require_consent(str(picture), authorised)
    with api() as client:
        typer.echo(avatar_of(client, str(picture), name)["id"])


@avatars.command("delete")
def delete_avatar(avatar_id: str) -> None:
    """Erase an avatar."""
    with api() as client:
        client.delete(f"/v1/avatars/{avatar_id}")


@videos.command("list")
def list_videos() -> None:
    """List your videos."""
    with api() as client:
        items = list(client.all("/v1/videos"))
    _table(items, "id", "status", "progress", "duration_s", "created_at")


@videos.command("get")
def get_video(video_id: str) -> None:
    """Show one video as JSON."""
    with api() as client:
        out.print_json(data=client.get(f"/v1/videos/{video_id}"))


@videos.command("cancel")
def cancel_video(video_id: str) -> None:
    """Stop a video."""
    with api() as client:
        typer.echo(client.act(f"/v1/videos/{video_id}/cancel")["status"])


@videos.command("delete")
def delete_video(video_id: str) -> None:
    """Erase a video's content."""
    with api() as client:
        client.delete(f"/v1/videos/{video_id}")


@videos.command("download")
def download_video(
    video_id: str,
    out_file: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Save a video: an MP4, or a WebM when it is transparent."""
    with api() as client:
        transparent = client.get(f"/v1/videos/{video_id}")["background"]["type"] == "transparent"
        target = out_file or Path(f"{video_id}.{'webm' if transparent else 'mp4'}")
        client.download(f"/v1/videos/{video_id}/content", target)
    typer.echo(target)


@keys.command("list")
def list_keys() -> None:
    """List the keys."""
    with api() as client:
        items = client.get("/v1/api-keys")["items"]
    _table(items, "id", "name", "prefix", "created_at", "last_used_at", "revoked_at")


@keys.command("create")
def create_key(name: str) -> None:
    """Make a key; it is shown once."""
    with api() as client:
        typer.echo(client.create("/v1/api-keys", {"name": name})["secret"])


@keys.command("revoke")
def revoke_key(key_id: str) -> None:
    """End a key."""
    with api() as client:
        client.delete(f"/v1/api-keys/{key_id}")


def _table(items: list[Json], *columns: str) -> None:
    """A table on a terminal, tab-separated lines for other programs."""
    rows = [[_cell(item.get(column)) for column in columns] for item in items]
    if not out.is_terminal:
        for row in rows:
            typer.echo("\t".join(row))
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
