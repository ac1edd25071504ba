"""What must survive: processes killed in the middle of a job, a full disk, a poisonous job."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import nats
import pytest

from services.common.jetstream import DEAD_STREAM
from tests.e2e.conftest import ENDED, Api, Json, Stack, eventually

pytestmark = pytest.mark.slow

# Long enough that every stage of it can be met; a quarter of a minute of speech.
TEXT = (
    "The lighthouse keeper climbed the stairs every evening before sunset. "
    "He lit the lamp, wrote a line into the book, and listened to the sea. "
    "When the storm came, the light was the only thing that stood still."
)
SERVICES = ("storage", "tts", "lipsync", "moderation", "worker", "gateway", "nats", "s3")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("faults") / "vultus")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def api(own: Stack) -> Iterator[Api]:
    """Opened anew each time: the gateway may have been killed meanwhile."""
    with own.api() as api:
        yield api


@pytest.fixture(scope="module")
def avatar_id(own: Stack) -> str:
    with own.api() as api:
        return api.avatar()


@pytest.mark.parametrize("name", SERVICES)
def test_a_job_is_finished_once_when_something_is_killed_in_its_middle(
    own: Stack, api: Api, avatar_id: str, name: str
) -> None:
    video_id = api.video(avatar_id, TEXT)
    assert api.until(video_id, "rendering")["status"] == "rendering"
    own.kill(name)
    video = api.ended(video_id)
    assert video["status"] == "succeeded", video
    assert len(api.content(video_id)) == video["bytes"]
    assert own.log("worker").count(f"video_id={video_id}") >= 1
    assert finished(own, video_id) == 1


def finished(own: Stack, video_id: str) -> int:
    """How often the worker's log says that the video is done."""
    lines = own.log("worker").splitlines()
    return sum(video_id in line and "video.succeeded" in line for line in lines)


@pytest.mark.parametrize(
    "status", ["queued", "moderating", "synthesising", "rendering", "archiving"]
)
def test_a_job_can_be_cancelled_in_every_state(
    own: Stack, api: Api, avatar_id: str, status: str
) -> None:
    before = api.video(avatar_id, TEXT) if status == "queued" else None
    video_id = api.video(avatar_id, TEXT)
    if api.until(video_id, status)["status"] in ENDED:
        pytest.skip("it went by too fast to be met")
    api.post(f"/v1/videos/{video_id}/cancel")
    video = api.ended(video_id)
    assert video["status"] == "cancelled" or (status, video["status"]) == ("archiving", "succeeded")
    again = api.post(f"/v1/videos/{video_id}/cancel")
    assert again["status"] == video["status"]
    if before:
        api.post(f"/v1/videos/{before}/cancel")
        assert api.ended(before)["status"] == "cancelled"


def test_a_poisonous_job_goes_to_the_dead_letters_and_blocks_nobody(
    own: Stack, api: Api, avatar_id: str
) -> None:
    async def publish() -> None:
        client = await nats.connect(f"nats://{own.process('nats')['address']}")
        await client.jetstream().publish("jobs.videos", b'{"nonsense": ')
        await client.close()

    async def dead() -> int:
        client = await nats.connect(f"nats://{own.process('nats')['address']}")
        state = (await client.jetstream().stream_info(DEAD_STREAM)).state
        await client.close()
        return int(state.messages)

    asyncio.run(publish())
    video = api.ended(api.video(avatar_id, "I am fine."))
    assert video["status"] == "succeeded"
    eventually("the dead letter", lambda: asyncio.run(dead()))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=420m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False).returncode:  # noqa: S603 - mount
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607 - umount


def test_a_full_disk_fails_the_job_with_its_reason_and_the_stack_goes_on(small_disk: Path) -> None:
    stack = Stack(small_disk / "vultus")
    stack.start()
    try:
        with stack.api() as api:
            avatar_id = api.avatar()
            assert api.ended(api.video(avatar_id, "There is room."))["status"] == "succeeded"
            ballast = small_disk / "ballast"
            fill(ballast)
            video = api.ended(api.video(avatar_id, "There is none for something as long. " * 12))
            assert video["status"] == "failed"
            assert video["error"]["code"] == "storage_full"
            ballast.unlink()
            assert api.http.get("/readyz").status_code == httpx.codes.OK

            def works() -> Json | None:
                video = api.ended(api.video(avatar_id, "There is room again."))
                return video if video["status"] == "succeeded" else None

            eventually("a video after the disk has room again", works)
    finally:
        assert stack.stop() == 0


def fill(ballast: Path) -> None:
    """Leaves a disk without room, but for what those who hold the catalog need."""
    with ballast.open("wb") as file:
        free = os.statvfs(ballast.parent)
        file.write(bytes(max(0, free.f_bavail * free.f_frsize - 2_000_000)))


def test_no_process_is_left_when_the_stack_stops(own: Stack) -> None:
    other = Stack(own.home.parent / "brief")
    other.start()
    pids = [process["pid"] for process in other.state()["processes"].values()]
    assert other.stop() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
