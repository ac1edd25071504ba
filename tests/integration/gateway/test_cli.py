"""`vultus` and the operator's accounts, against a gateway and a worker on a real queue."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from services.gateway import accounts
from services.gateway.look import Look
from services.gateway.media import Transparent
from services.gateway.records import Suggestion, Verdict, VideoStatus
from services.local.cli import app
from tests.fakes.stage import Stage
from tests.integration.gateway.conftest import House


class Terminal:
    """Runs commands as a shell without a terminal would."""

    def __init__(self, url: str, key: str, home: Path) -> None:
        self._environment = {
            "VULTUS_URL": url,
            "VULTUS_API_KEY": key,
            "VULTUS_HOME": str(home),
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }

    async def __call__(self, *arguments: str) -> Result:
        runner = CliRunner(env=self._environment)
        return await asyncio.to_thread(runner.invoke, app, list(arguments))


@pytest.fixture(autouse=True)
def _silent_servers() -> Iterator[None]:
    """The servers run in this process: their lines must not stand among the command's."""
    level = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=level)
    yield
    structlog.reset_defaults()


@pytest.fixture
async def vultus(house: House, stage: Stage, tmp_path: Path) -> AsyncIterator[Terminal]:
    async with house.gateway(event_interval_s=0.1) as client, house.worker():
        yield Terminal(str(client.base_url), stage.secret, tmp_path)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "ada.png"
    path.write_bytes(b"IMG" + bytes(5000))
    return path


async def test_say_makes_an_avatar_and_saves_its_video(
    vultus: Terminal, stage: Stage, picture: Path, tmp_path: Path
) -> None:
    target = tmp_path / "deep" / "me.mp4"
    result = await vultus(
        "say", str(picture), "Hello there. Good day.", "--out", str(target), "--authorised"
    )
    assert result.exit_code == 0, result.output
    assert str(target) in result.stdout
    (video,) = stage.videos.kept.values()
    assert video.content is not None
    assert target.read_bytes() == stage.objects.kept[video.content]
    assert [path.name for path in target.parent.iterdir()] == ["me.mp4"]


async def test_say_takes_an_avatar_a_voice_a_size_and_a_recording(
    vultus: Terminal, stage: Stage, tmp_path: Path
) -> None:
    avatar = stage.avatars.add(stage.account.id)
    target = str(tmp_path / "a.mp4")
    options = ["--voice", "vo_zh_xiaoxiao", "--width", "256", "--fps", "30"]
    result = await vultus("say", avatar.id, "Hello.", "--out", target, *options)
    assert result.exit_code == 0, result.output
    (video,) = stage.videos.kept.values()
    assert (video.spec.voice_id, video.spec.width, video.spec.fps) == ("vo_zh_xiaoxiao", 256, 30)
    wrong = await vultus("say", avatar.id, "--out", target)
    assert wrong.exit_code == 2


async def test_a_picture_is_not_used_before_somebody_says_that_it_may_be(
    vultus: Terminal, stage: Stage, picture: Path
) -> None:
    result = await vultus("say", str(picture), "Hello.")
    assert result.exit_code == 2
    assert "--authorised" in result.output
    assert not stage.objects.kept


async def test_a_refused_video_is_told_with_its_reason(
    vultus: Terminal, stage: Stage, tmp_path: Path
) -> None:
    avatar = stage.avatars.add(stage.account.id)
    stage.moderator.verdict = Verdict(Suggestion.BLOCK, ("violence",))
    target = tmp_path / "a.mp4"
    result = await vultus("say", avatar.id, "Hello.", "--out", str(target))
    assert result.exit_code == 1
    assert "rejected" in result.output
    assert "violence" in result.output
    assert not target.exists()


async def test_an_unknown_voice_is_told_without_a_trace(vultus: Terminal, stage: Stage) -> None:
    avatar = stage.avatars.add(stage.account.id)
    result = await vultus("say", avatar.id, "Hello.", "--voice", "vo_none")
    assert result.exit_code == 1
    assert "not_found" in result.output
    assert "Traceback" not in result.output


async def test_lists_are_lines_for_other_programs(vultus: Terminal, stage: Stage) -> None:
    voices = await vultus("voices", "--language", "zh")
    assert voices.stdout == "vo_zh_xiaoxiao\tXiaoxiao\tzh-CN\tfemale\n"
    made = [stage.avatars.add(stage.account.id).id for _ in range(3)]
    avatars = await vultus("avatars", "list")
    assert [line.split("\t")[0] for line in avatars.stdout.splitlines()] == sorted(
        made, reverse=True
    )


async def test_videos_are_shown_saved_cancelled_and_erased(
    vultus: Terminal, stage: Stage, tmp_path: Path
) -> None:
    avatar = stage.avatars.add(stage.account.id)
    await vultus("say", avatar.id, "Hello.", "--out", str(tmp_path / "a.mp4"))
    (video_id,) = stage.videos.kept
    shown = json.loads((await vultus("videos", "get", video_id)).stdout)
    assert shown["status"] == "succeeded"
    copy = tmp_path / "b.mp4"
    await vultus("videos", "download", video_id, "--out", str(copy))
    assert copy.read_bytes() == (tmp_path / "a.mp4").read_bytes()
    assert (await vultus("videos", "cancel", video_id)).stdout == "succeeded\n"
    assert video_id in (await vultus("videos", "list")).stdout
    assert (await vultus("videos", "delete", video_id)).exit_code == 0
    assert stage.videos.kept[video_id].deleted_at is not None
    assert (await vultus("videos", "get", video_id)).exit_code == 1


@pytest.mark.parametrize(("background", "kind"), [(None, "mp4"), (Transparent(), "webm")])
async def test_a_video_is_saved_as_what_it_is(
    vultus: Terminal,
    stage: Stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    background: Transparent | None,
    kind: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    avatar = stage.avatars.add(stage.account.id)
    await vultus("say", avatar.id, "Hello.", "--out", str(tmp_path / "a.mp4"))
    ((video_id, video),) = stage.videos.kept.items()
    stage.videos.put(video, spec=replace(video.spec, look=Look(background=background)))
    saved = await vultus("videos", "download", video_id)
    assert saved.stdout == f"{video_id}.{kind}\n"
    assert (tmp_path / f"{video_id}.{kind}").read_bytes() == (tmp_path / "a.mp4").read_bytes()


async def test_avatars_and_keys_are_made_and_ended(
    vultus: Terminal, stage: Stage, picture: Path
) -> None:
    made = await vultus("avatars", "create", str(picture), "--name", "Ada", "--authorised")
    avatar_id = made.stdout.strip()
    assert stage.avatars.kept[avatar_id].name == "Ada"
    assert (await vultus("avatars", "delete", avatar_id)).exit_code == 0
    assert not stage.avatars.kept
    secret = (await vultus("keys", "create", "other")).stdout.strip()
    key = stage.accounts.keys[secret]
    assert (await vultus("keys", "revoke", key.id)).exit_code == 0
    assert stage.accounts.keys[secret].revoked_at is not None
    assert key.id in (await vultus("keys", "list")).stdout


async def test_without_a_server_it_is_said_plainly(stage: Stage, tmp_path: Path) -> None:
    vultus = Terminal("http://127.0.0.1:1", "vk_x", tmp_path)
    result = await vultus("voices")
    assert result.exit_code == 1
    assert "http://127.0.0.1:1 does not answer" in result.output


async def test_without_a_key_it_is_said_plainly(tmp_path: Path) -> None:
    result = await Terminal("http://127.0.0.1:1", "", tmp_path)("voices")
    assert result.exit_code == 1
    assert "VULTUS_API_KEY" in result.output


async def test_a_video_that_ends_before_it_is_followed_is_still_saved(
    vultus: Terminal, stage: Stage, tmp_path: Path
) -> None:
    avatar = stage.avatars.add(stage.account.id)
    result = await vultus("say", avatar.id, "Hi.", "--out", str(tmp_path / "a.mp4"))
    assert result.exit_code == 0
    (video,) = stage.videos.kept.values()
    assert video.status is VideoStatus.SUCCEEDED


async def test_the_operator_makes_accounts_and_keys(
    house: House,
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("VULTUS_GATEWAY_STORAGE_ADDRESS", house.addresses.storage)

    async def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["accounts", *arguments])
        status = await asyncio.to_thread(accounts.main)
        assert status == 0
        lines = capsys.readouterr().out.splitlines()
        return "\n".join(line for line in lines if "rpc.served" not in line)

    made = (await run("create", "other")).split()
    account_id, secret = made[1], made[3]
    assert stage.accounts.keys[secret].account_id == account_id
    assert account_id in await run("list")
    another = (await run("key", account_id, "second")).split()
    assert another[1] in await run("keys", account_id)
    assert "ended" in await run("revoke", account_id, another[1])
    monkeypatch.setattr(sys, "argv", ["accounts", "revoke", account_id, "key_none"])
    assert await asyncio.to_thread(accounts.main) == 1
    assert "no such API key" in capsys.readouterr().err
