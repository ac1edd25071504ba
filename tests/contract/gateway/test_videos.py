"""Video jobs over HTTP: asked for, followed, fetched, stopped, erased."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from services.common.errors import Unavailable
from services.gateway.media import ObjectRef
from services.gateway.records import AvatarStatus, Trouble, Video, VideoStatus
from services.gateway.settings import GatewaySettings
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage

SOUND = b"SND" + bytes(5000)
MP4 = bytes(range(256)) * 20
TEXT = {"type": "text", "text": "Hello there."}


@pytest.fixture
def avatar_id(stage: Stage) -> str:
    return stage.avatars.add(stage.account.id).id


async def made(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str, name: str = "file.mp4"
) -> Video:
    """A video that has succeeded, with its file and words."""
    response = await client.post("/v1/videos", json={"avatar_id": avatar_id, "script": TEXT})
    video = stage.videos.kept[response.json()["id"]]
    content, words = ObjectRef("videos", name), ObjectRef("videos", "words")
    stage.objects.kept[content] = MP4
    stage.objects.kept[words] = json.dumps(
        {
            "words": [
                {"text": "Hello", "start_us": 0, "end_us": 400_000, "char_start": 0, "char_end": 5},
                {
                    "text": "there",
                    "start_us": 400_000,
                    "end_us": 900_000,
                    "char_start": 6,
                    "char_end": 11,
                },
            ]
        }
    ).encode()
    return stage.videos.put(
        video,
        status=VideoStatus.SUCCEEDED,
        content=content,
        words=words,
        size_bytes=len(MP4),
        duration_s=1.5,
        progress=1.0,
    )


async def test_a_job_is_recorded_queued_and_told(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    metadata = {"order": 7, "price": 1.5, "rush": True, "note": "für Ada", "none": None}
    body = {"avatar_id": avatar_id, "script": TEXT, "metadata": metadata}
    response = await client.post("/v1/videos", json=body)
    assert response.status_code == 202
    video = response.json()
    assert (video["status"], video["progress"], video["queue_position"]) == ("queued", 0, 0)
    assert (video["voice_id"], video["fps"]) == ("vo_en_heart", 25)
    assert video["metadata"] == metadata
    (job,) = stage.queue.of("videos")
    assert (job.account_id, job.video_id) == (stage.account.id, video["id"])
    assert (await client.get(f"/v1/videos/{video['id']}")).json() == video
    assert (await client.get("/v1/videos")).json()["items"] == [video]


async def test_a_queue_that_is_down_loses_no_job(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    stage.queue.error = Unavailable("the queue is down")
    response = await client.post("/v1/videos", json={"avatar_id": avatar_id, "script": TEXT})
    assert response.status_code == 202
    assert stage.videos.kept


@pytest.mark.parametrize(
    ("text", "voice"),
    [("Hello.", "vo_en_heart"), ("你好。", "vo_zh_xiaoxiao"), ("Hi 小明", "vo_zh_xiaoxiao")],
)
async def test_a_text_without_a_voice_gets_one_of_its_language(
    client: httpx.AsyncClient, avatar_id: str, text: str, voice: str
) -> None:
    body = {"avatar_id": avatar_id, "script": {"type": "text", "text": text}}
    assert (await client.post("/v1/videos", json=body)).json()["voice_id"] == voice


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "text_empty"),
        (" \n\t ", "text_empty"),
        ("😀🎉👍", "text_empty"),
        ("...!?", "text_empty"),
        ("x" * 20_001, "text_too_long"),
        ("Привет, мир", "unsupported_language"),
        ("こんにちは", "unsupported_language"),
        ("مرحبا", "unsupported_language"),
        ("a\x00b", "validation_failed"),
    ],
)
async def test_a_text_that_nobody_can_say_is_refused_at_once(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str, text: str, code: str
) -> None:
    body = {"avatar_id": avatar_id, "script": {"type": "text", "text": text}}
    problem(await client.post("/v1/videos", json=body), 422, code)
    assert not stage.videos.kept


@pytest.mark.parametrize("text", ["x" * 20_000, "<speak>hi</speak>", "12:30", "50%", "€5", "😀 hi"])
async def test_a_text_that_can_be_said_is_accepted_as_it_is(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str, text: str
) -> None:
    body = {"avatar_id": avatar_id, "script": {"type": "text", "text": text}}
    response = await client.post("/v1/videos", json=body)
    assert response.status_code == 202
    assert stage.videos.kept[response.json()["id"]].spec.text == text


@pytest.mark.parametrize(
    ("output", "size"),
    [
        ({}, (None, None)),
        ({"width": 256}, (256, 320)),
        ({"width": 256.0}, (256, 320)),
        ({"height": 1280}, (1024, 1280)),
        ({"width": 1080, "height": 1920}, (1080, 1920)),
    ],
)
async def test_one_side_follows_the_other_in_the_avatars_shape(
    client: httpx.AsyncClient,
    avatar_id: str,
    output: dict[str, Any],
    size: tuple[int | None, int | None],
) -> None:
    body = {"avatar_id": avatar_id, "script": TEXT, "output": output}
    video = (await client.post("/v1/videos", json=body)).json()
    assert (video["width"], video["height"]) == size


@pytest.mark.parametrize(
    "change",
    [
        {"output": {"width": 255}},
        {"output": {"width": 301}},
        {"output": {"height": 100}},
        {"output": {"width": 2000}},
        {"output": {"height": 256}},
        {"output": {"width": 1200, "height": 1200}},
        {"output": {"fps": 24}},
        {"output": {"fps": "25"}},
        {"output": {"subtitles": "burned"}},
        {"output": {"background": "#fff"}},
        {"script": {"type": "text"}},
        {"script": {"type": "song", "text": "la"}},
        {"script": {"type": "text", "text": "a", "asset_id": "as_1"}},
        {"script": "Hello"},
        {"voice_id": 5},
        {"speed": 0.4},
        {"speed": 2.1},
        {"webhook_url": "ftp://example.com/"},
        {"webhook_url": "http://127.0.0.1:8080/"},
        {"webhook_url": "http://169.254.169.254/latest"},
        {"webhook_url": "https://localhost/"},
        {"webhook_url": "https://user:pass@example.com/"},
        {"webhook_url": "https:///nohost"},
        {"webhook_url": "http://[::1]/"},
        {"metadata": {"a": {"deep": 1}}},
        {"metadata": {"a": 2**60}},
        {"metadata": {str(i): i for i in range(51)}},
        {"metadata": {"a": "x" * 501}},
        {"unknown": 1},
    ],
    ids=lambda change: json.dumps(change)[:40],
)
async def test_a_wrong_request_is_refused_and_nothing_is_recorded(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str, change: dict[str, Any]
) -> None:
    body = {"avatar_id": avatar_id, "script": TEXT, **change}
    problem(await client.post("/v1/videos", json=body), 422, "validation_failed")
    assert not stage.videos.kept


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_numbers_that_are_none_are_refused(
    client: httpx.AsyncClient, avatar_id: str, text: str
) -> None:
    body = json.dumps({"avatar_id": avatar_id, "script": TEXT, "metadata": {"a": 0}})
    response = await client.post(
        "/v1/videos",
        content=body.replace(": 0}", f": {text}}}"),
        headers={"Content-Type": "application/json"},
    )
    problem(response, 422, "validation_failed")


async def test_half_a_surrogate_pair_is_refused(client: httpx.AsyncClient, avatar_id: str) -> None:
    half = "a\ud800"
    for change in ({"script": {"type": "text", "text": half}}, {"metadata": {"a": half}}):
        body = json.dumps({"avatar_id": avatar_id, "script": TEXT} | change)
        response = await client.post(
            "/v1/videos", content=body, headers={"Content-Type": "application/json"}
        )
        problem(response, 422, "validation_failed")


async def test_unknown_avatars_voices_and_recordings_are_not_there(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    stranger, _ = stage.stranger()
    theirs = stage.avatars.add(stranger.id).id
    recording = {"type": "audio", "asset_id": "as_none"}
    for body in (
        {"avatar_id": theirs, "script": TEXT},
        {"avatar_id": "av_none", "script": TEXT},
        {"avatar_id": avatar_id, "script": TEXT, "voice_id": "vo_none"},
        {"avatar_id": avatar_id, "script": recording},
    ):
        problem(await client.post("/v1/videos", json=body), 404, "not_found")


async def test_an_avatar_that_is_not_ready_is_refused(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    preparing = stage.avatars.add(stage.account.id, AvatarStatus.PREPARING)
    body = {"avatar_id": preparing.id, "script": TEXT}
    problem(await client.post("/v1/videos", json=body), 409, "avatar_not_ready")


async def test_a_recording_is_a_script_without_voice_or_subtitles(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    asset = (await client.post("/v1/assets", files={"file": ("a.wav", SOUND)})).json()
    body: dict[str, Any] = {
        "avatar_id": avatar_id,
        "script": {"type": "audio", "asset_id": asset["id"]},
    }
    video = (await client.post("/v1/videos", json=body)).json()
    spec = stage.videos.kept[video["id"]].spec
    assert (spec.audio_asset_id, spec.text, spec.subtitles) == (asset["id"], None, False)
    for wrong in ({"voice_id": "vo_en_heart"}, {"output": {"subtitles": "sidecar"}}):
        problem(await client.post("/v1/videos", json=body | wrong), 422, "validation_failed")
    picture = (await client.post("/v1/assets", files={"file": ("a", b"IMG")})).json()
    body["script"]["asset_id"] = picture["id"]
    problem(await client.post("/v1/videos", json=body), 415, "unsupported_media")


async def test_the_same_key_makes_one_job(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    body = {"avatar_id": avatar_id, "script": TEXT}
    keyed = {"Idempotency-Key": "k"}
    first = await client.post("/v1/videos", json=body, headers=keyed)
    again = await client.post("/v1/videos", json=body, headers=keyed)
    assert (again.status_code, again.json()) == (202, first.json())
    assert len(stage.videos.kept) == 1
    other = await client.post("/v1/videos", json=body | {"speed": 1.5}, headers=keyed)
    problem(other, 409, "idempotency_conflict")


async def test_the_whole_file_comes_with_its_size_and_tag(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    video = await made(stage, client, avatar_id)
    response = await client.get(f"/v1/videos/{video.id}/content")
    assert (response.status_code, response.content) == (200, MP4)
    assert response.headers["content-type"] == "video/mp4"
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-disposition"] == f'attachment; filename="{video.id}.mp4"'
    head = await client.head(f"/v1/videos/{video.id}/content")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "content-type"):
        assert head.headers[name] == response.headers[name]
    tag = {"If-None-Match": response.headers["etag"]}
    same = await client.get(f"/v1/videos/{video.id}/content", headers=tag)
    assert (same.status_code, same.content) == (304, b"")


async def test_a_transparent_file_is_told_as_what_it_is(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    video = await made(stage, client, avatar_id, "file.webm")
    url = f"/v1/videos/{video.id}/content"
    for response in (
        await client.get(url),
        await client.get(url, headers={"Range": "bytes=1-9"}),
        await client.head(url),
    ):
        assert response.headers["content-type"] == "video/webm"
        assert response.headers["content-disposition"] == f'attachment; filename="{video.id}.webm"'


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-1999", 100, 1999),
        ("bytes=5000-", 5000, 5119),
        ("bytes=-1", 5119, 5119),
        ("bytes=-9999", 0, 5119),
        ("bytes=10-99999", 10, 5119),
    ],
)
async def test_one_range_is_served(
    stage: Stage,
    client: httpx.AsyncClient,
    avatar_id: str,
    asked: str,
    first: int,
    last: int,
) -> None:
    video = await made(stage, client, avatar_id)
    url = f"/v1/videos/{video.id}/content"
    response = await client.get(url, headers={"Range": asked})
    assert (response.status_code, response.content) == (206, MP4[first : last + 1])
    assert response.headers["content-range"] == f"bytes {first}-{last}/{len(MP4)}"
    assert response.headers["content-length"] == str(last + 1 - first)


@pytest.mark.parametrize("asked", ["bytes=5120-", "bytes=9999-10000", "bytes=-0"])
async def test_a_range_outside_is_told_with_the_size(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str, asked: str
) -> None:
    video = await made(stage, client, avatar_id)
    response = await client.get(f"/v1/videos/{video.id}/content", headers={"Range": asked})
    problem(response, 416, "range_not_satisfiable")
    assert response.headers["content-range"] == f"bytes */{len(MP4)}"


@pytest.mark.parametrize("asked", ["bytes=5-1", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5", "-"])
async def test_a_range_that_means_nothing_is_ignored(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str, asked: str
) -> None:
    video = await made(stage, client, avatar_id)
    response = await client.get(f"/v1/videos/{video.id}/content", headers={"Range": asked})
    assert (response.status_code, len(response.content)) == (200, len(MP4))


async def test_a_range_of_another_file_is_ignored(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    video = await made(stage, client, avatar_id)
    url = f"/v1/videos/{video.id}/content"
    other = await client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert other.status_code == 200
    same = await client.get(url, headers={"Range": "bytes=0-9", "If-Range": f'"{video.id}"'})
    assert same.status_code == 206


async def test_a_storage_that_is_down_is_told_before_the_first_byte(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    video = await made(stage, client, avatar_id)
    stage.objects.error = Unavailable("storage is down")
    problem(await client.get(f"/v1/videos/{video.id}/content"), 503, "unavailable")


async def test_what_is_not_made_has_no_file(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    body = {"avatar_id": avatar_id, "script": TEXT}
    video = (await client.post("/v1/videos", json=body)).json()
    for part in ("content", "subtitles", "manifest"):
        problem(await client.get(f"/v1/videos/{video['id']}/{part}"), 409, "conflict")


async def test_subtitles_come_as_webvtt_and_srt(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    video = await made(stage, client, avatar_id)
    url = f"/v1/videos/{video.id}/subtitles"
    vtt = await client.get(url)
    assert vtt.headers["content-type"] == "text/vtt; charset=utf-8"
    assert vtt.text == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello there.\n"
    srt = await client.get(url, params={"format": "srt"})
    assert srt.text == "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n"
    problem(await client.get(url, params={"format": "ass"}), 422, "validation_failed")
    stage.videos.put(stage.videos.kept[video.id], words=None)
    problem(await client.get(url), 404, "not_found")


async def test_a_manifest_beside_a_video_comes_as_it_is(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    video = await made(stage, client, avatar_id)
    url = f"/v1/videos/{video.id}/manifest"
    problem(await client.get(url), 404, "not_found")
    stage.provenance.manifests[video.account_id, video.id] = b"JUMBF"
    answer = await client.get(url)
    assert answer.headers["content-type"] == "application/c2pa"
    assert answer.content == b"JUMBF"


async def test_a_queued_video_is_cancelled_at_once_and_its_owner_told(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    body = {"avatar_id": avatar_id, "script": TEXT, "webhook_url": "https://example.com/"}
    video = (await client.post("/v1/videos", json=body)).json()
    response = await client.post(f"/v1/videos/{video['id']}/cancel")
    assert (response.status_code, response.json()["status"]) == (202, "cancelled")
    assert f"control.videos.{video['id']}" in stage.bus.said
    assert len(stage.queue.of("webhooks")) == 1
    again = await client.post(f"/v1/videos/{video['id']}/cancel")
    assert again.json()["status"] == "cancelled"
    assert len(stage.queue.of("webhooks")) == 1


async def test_an_erased_video_is_gone_and_its_record_stays(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    video = await made(stage, client, avatar_id)
    assert (await client.delete(f"/v1/videos/{video.id}")).status_code == 204
    for part in ("", "/content", "/subtitles", "/manifest", "/events"):
        problem(await client.get(f"/v1/videos/{video.id}{part}"), 404, "not_found")
    problem(await client.delete(f"/v1/videos/{video.id}"), 404, "not_found")
    assert stage.videos.kept[video.id].deleted_at is not None


async def test_another_accounts_video_is_not_there(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    video = await made(stage, client, avatar_id)
    _, secret = stage.stranger()
    async with stage.client(secret) as other:
        for method, path in (
            ("GET", ""),
            ("GET", "/content"),
            ("GET", "/subtitles"),
            ("GET", "/manifest"),
            ("GET", "/events"),
            ("POST", "/cancel"),
            ("POST", "/webhook/replay"),
            ("DELETE", ""),
        ):
            response = await other.request(method, f"/v1/videos/{video.id}{path}")
            problem(response, 404, "not_found")
        assert (await other.get("/v1/videos")).json()["items"] == []


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """The videos that a stream of events told."""
    lines = response.text.splitlines()
    return [json.loads(line[5:]) for line in lines if line.startswith("data:")]


async def test_events_of_an_ended_video_are_its_last_state(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    video = await made(stage, client, avatar_id)
    response = await client.get(f"/v1/videos/{video.id}/events")
    assert response.headers["content-type"].startswith("text/event-stream")
    (last,) = events(response)
    assert last == (await client.get(f"/v1/videos/{video.id}")).json()


async def test_events_follow_a_video_to_its_end_even_without_news(avatar_id: str) -> None:
    stage = Stage(GatewaySettings(event_interval_s=0.01))
    avatar = stage.avatars.add(stage.account.id)
    looked = 0
    get = stage.videos.get

    async def get_and_go_on(account_id: str, video_id: str) -> Video:
        nonlocal looked
        looked += 1
        video = await get(account_id, video_id)
        if looked == 4:
            stage.videos.put(video, status=VideoStatus.RENDERING, progress=0.5)
        if looked == 6:
            trouble = Trouble("unavailable", "storage is down", True)
            stage.videos.put(video, status=VideoStatus.FAILED, error=trouble)
        if looked == 5:
            raise Unavailable("storage is down")
        return video

    async with stage.client() as client:
        body = {"avatar_id": avatar.id, "script": TEXT}
        video = (await client.post("/v1/videos", json=body)).json()
        stage.videos.get = get_and_go_on  # type: ignore[method-assign]  # a catalog that moves on
        response = await client.get(f"/v1/videos/{video['id']}/events")
    told = events(response)
    assert [state["status"] for state in told] == ["queued", "rendering", "failed"]
    assert told[-1]["error"]["code"] == "unavailable"
    assert ": still there" in response.text


async def test_events_end_when_the_process_drains(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    body = {"avatar_id": avatar_id, "script": TEXT}
    video = (await client.post("/v1/videos", json=body)).json()
    stage.closing.set()
    response = await client.get(f"/v1/videos/{video['id']}/events")
    assert [state["status"] for state in events(response)] == ["queued"]


async def test_a_webhook_is_replayed_with_the_same_id(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    video = await made(stage, client, avatar_id)
    url = f"/v1/videos/{video.id}/webhook/replay"
    problem(await client.post(url), 409, "conflict")
    stage.videos.put(video, webhook_url="https://example.com/")
    for _ in range(2):
        assert (await client.post(url)).status_code == 202
    jobs = stage.queue.of("webhooks")
    assert len(jobs) == 2
    assert jobs[0].message_id == jobs[1].message_id
