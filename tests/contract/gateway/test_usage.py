"""`/v1/usage` and `/v1/quotas`: what is told of them, and how speech is counted."""

from __future__ import annotations

from datetime import date

import httpx
import pytest

from services.common.errors import QuotaExceeded, Unavailable
from services.gateway.live.drives import DriveQueue
from services.gateway.records import StreamSpec
from services.gateway.usage import Quota, UsageOfDay
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage

SPEECH = {"text": "Good day to you all.", "voice_id": "vo_en_heart"}


async def test_usage_is_told_by_day_with_its_sum(stage: Stage, client: httpx.AsyncClient) -> None:
    for day, video_ms in ((1, 1_500), (2, 2_250), (9, 1)):
        at = date(2026, 11, day)
        stage.usage.known[stage.account.id, at] = UsageOfDay(at, video_ms=video_ms, videos=1)
    stage.usage.known["ac_other", date(2026, 11, 1)] = UsageOfDay(date(2026, 11, 1), videos=7)
    told = await client.get("/v1/usage", params={"from": "2026-11-01", "to": "2026-11-05"})
    body = told.json()
    assert [(item["day"], item["video_s"]) for item in body["items"]] == [
        ("2026-11-01", 1.5),
        ("2026-11-02", 2.25),
    ]
    assert (body["total"]["video_s"], body["total"]["videos"]) == (3.75, 2)
    assert (body["first"], body["last"], body["time_zone"]) == ("2026-11-01", "2026-11-05", "UTC")


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2020-01-01", "to": "2026-11-01"},
        {"from": "yesterday"},
        {"by": "week"},
    ],
)
async def test_days_that_are_none_are_refused(
    client: httpx.AsyncClient, query: dict[str, str]
) -> None:
    problem(await client.get("/v1/usage", params=query), 422, "validation_failed")


async def test_left_to_itself_the_list_has_thirty_days(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/usage")).json()
    span = date.fromisoformat(body["last"]) - date.fromisoformat(body["first"])
    assert span.days == 29


async def test_limits_are_told(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.usage.limits = [
        Quota("streams_at_once", 2, 1, None, is_own=True),
        Quota("stored_bytes", None, 7, None, is_own=False),
    ]
    assert (await client.get("/v1/quotas")).json()["items"] == [
        {"name": "streams_at_once", "limit": 2, "used": 1, "resets_at": None},
        {"name": "stored_bytes", "limit": None, "used": 7, "resets_at": None},
    ]


async def test_speech_is_counted_each_time_it_is_made(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    for _ in range(2):
        assert (await client.post("/v1/speech", json=SPEECH)).is_success
    (day,) = stage.usage.known.values()
    assert day.speech_ms > 0
    assert len(stage.usage.told) == 2


async def test_speech_is_not_withheld_when_it_cant_be_counted(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.usage.failures = [Unavailable("down")]
    assert (await client.post("/v1/speech", json=SPEECH)).is_success
    assert stage.usage.known == {}


async def test_a_used_up_month_of_speech_is_told_with_its_end(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.usage.limits = [Quota("speech_s_a_month", 60, 61, None, is_own=False)]
    answer = await client.post("/v1/speech", json=SPEECH)
    told = problem(answer, 403, "quota_exceeded")
    assert told["retryable"] is False
    assert told["quota"] == {
        "name": "speech_s_a_month",
        "limit": 60,
        "used": 61,
        "resets_at": "2100-02-01T00:00:00Z",
    }
    assert stage.speaker.spoken == []


async def test_too_many_at_once_may_come_again(
    stage: Stage, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        facts = {"quota": "videos_at_once", "limit": "2", "used": "2"}
        raise QuotaExceeded("two are being made", retry_after_s=30, **facts)

    monkeypatch.setattr(stage.videos, "create", refuse)
    avatar = stage.avatars.add(stage.account.id)
    answer = await client.post(
        "/v1/videos", json={"avatar_id": avatar.id, "script": {"type": "text", "text": "Hello."}}
    )
    told = problem(answer, 429, "quota_exceeded")
    assert told["retryable"] is True
    assert answer.headers["Retry-After"] == "30"
    assert told["quota"] == {"name": "videos_at_once", "limit": 2, "used": 2}


async def test_what_a_stream_said_of_texts_is_counted_once_at_its_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    avatar = stage.avatars.add(stage.account.id)
    spec = StreamSpec(avatar.id, "", 0, 0, 25, 900, 3_600, record=False)
    session, _ = await stage.sessions.create(stage.account.id, spec)
    monkeypatch.setattr(DriveQueue, "spoken_ms", 1_500)
    stage.usage.failures = [Unavailable("down")]
    await stage.sessions.end(session, "deleted")
    (day,) = stage.usage.known.values()
    assert day.speech_ms == 1_500
    assert stage.usage.told == {(stage.account.id, session.id)}
