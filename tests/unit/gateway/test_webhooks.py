"""Owners are told: signed, again and again for a day, and never inside the house."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from vultus.events.v1 import events_pb2 as events

from services.common.jetstream import Delivery, Discard, RetryLater, to_json
from services.gateway.addresses import PrivateAddress, is_public
from services.gateway.http.views import video_json
from services.gateway.records import NewVideo, Video, VideoSpec, VideoStatus
from services.gateway.signatures import sign
from services.gateway.standing import Gate, Shutdown, ShutdownPhase
from services.gateway.webhooks import (
    GIVE_UP_S,
    RETRY_DELAYS_S,
    Sender,
    WebhookJobs,
)
from tests.fakes.accounts import SECRET
from tests.fakes.stage import Stage

URL = "http://127.0.0.1:9/hook?a=b"


class Endpoint:
    """Answers as it is told and keeps what it got."""

    def __init__(self) -> None:
        self.status = 204
        self.got: list[httpx.Request] = []
        self.failure: Exception | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        if self.failure:
            raise self.failure
        return httpx.Response(self.status, headers={"Location": "http://127.0.0.1/other"})


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
async def web(endpoint: Endpoint) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(endpoint)) as client:
        yield client


@pytest.fixture
def jobs(stage: Stage, web: httpx.AsyncClient) -> WebhookJobs:
    sender = Sender(web, allow_private=True)
    return WebhookJobs(stage.videos, stage.accounts, sender, video_json, Gate(stage.standings))


async def ended(stage: Stage, url: str = URL) -> Video:
    avatar = stage.avatars.add(stage.account.id)
    spec = VideoSpec(avatar.id, "Hello.", None, "vo_en_heart", 1.0, 0, 0, 25, True)
    new = NewVideo(spec, {"order": 7}, url)
    video = await stage.videos.create(stage.account.id, new)
    return stage.videos.put(video, status=VideoStatus.SUCCEEDED)


def delivery(video: Video, attempt: int = 1, age_s: int = 0) -> Delivery:
    job = events.WebhookJob(
        account_id=video.account_id,
        video_id=video.id,
        message_id="msg_1",
        first_try_at_s=int(time.time()) - age_s,
    )
    return Delivery(to_json(job), attempt)


async def test_the_owner_gets_the_video_signed_as_standard_webhooks_wants(
    stage: Stage, jobs: WebhookJobs, endpoint: Endpoint
) -> None:
    video = await ended(stage)
    await jobs.handle(delivery(video))
    (request,) = endpoint.got
    body = json.loads(request.content)
    assert body["type"] == "video.succeeded"
    assert body["data"] == video_json(video)
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    headers = request.headers
    assert headers["webhook-id"] == "msg_1"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"msg_1.{headers['webhook-timestamp']}.".encode() + request.content
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert request.url.query == b"a=b"


def test_the_signature_is_the_one_of_the_specification() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the specification's example
    body = b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_service_that_has_stopped_tells_nobody_any_more(
    stage: Stage, jobs: WebhookJobs, endpoint: Endpoint
) -> None:
    video, now = await ended(stage), datetime.now(UTC)
    stage.standings.shutdown = Shutdown(ShutdownPhase.STOPPED, now, now, "operator:ada")
    with pytest.raises(Discard, match="stopped"):
        await jobs.handle(delivery(video))
    assert endpoint.got == []


@pytest.mark.parametrize("status", [301, 302, 400, 404, 429, 500, 503])
async def test_anything_but_success_is_tried_again(
    stage: Stage, jobs: WebhookJobs, endpoint: Endpoint, status: int
) -> None:
    endpoint.status = status
    with pytest.raises(RetryLater) as again:
        await jobs.handle(delivery(await ended(stage)))
    assert again.value.delay_s == RETRY_DELAYS_S[0]
    assert len(endpoint.got) == 1


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("no"), httpx.ReadTimeout("no"), httpx.RemoteProtocolError("no")]
)
async def test_an_endpoint_that_does_not_answer_is_tried_again(
    stage: Stage, jobs: WebhookJobs, endpoint: Endpoint, failure: Exception
) -> None:
    endpoint.failure = failure
    with pytest.raises(RetryLater):
        await jobs.handle(delivery(await ended(stage)))


async def test_tries_get_rarer_and_end_after_a_day(
    stage: Stage, jobs: WebhookJobs, endpoint: Endpoint
) -> None:
    endpoint.status = 500
    video = await ended(stage)
    age_s, attempt, delays = 0, 1, []
    while age_s <= GIVE_UP_S:
        try:
            await jobs.handle(delivery(video, attempt, age_s))
        except RetryLater as again:
            delays.append(again.delay_s)
            age_s, attempt = age_s + int(again.delay_s), attempt + 1
        except Discard:
            break
    assert delays == sorted(delays)
    assert GIVE_UP_S - RETRY_DELAYS_S[-1] <= age_s <= GIVE_UP_S
    assert len(delays) > 10


async def test_an_endpoint_that_is_gone_is_left_alone(
    stage: Stage, jobs: WebhookJobs, endpoint: Endpoint
) -> None:
    endpoint.status = 410
    with pytest.raises(Discard):
        await jobs.handle(delivery(await ended(stage)))


async def test_what_is_no_longer_there_is_told_to_nobody(
    stage: Stage, jobs: WebhookJobs, endpoint: Endpoint
) -> None:
    video = await ended(stage)
    await jobs.handle(delivery(replace(video, id="vd_other")))
    await jobs.handle(delivery(await ended(stage, "")))
    assert not endpoint.got


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:8080/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
    ],
)
async def test_private_addresses_are_refused_unless_they_are_allowed(
    stage: Stage, web: httpx.AsyncClient, endpoint: Endpoint, url: str
) -> None:
    sender = Sender(web, allow_private=False)
    with pytest.raises(PrivateAddress):
        await sender.post(url, b"", {})
    jobs = WebhookJobs(stage.videos, stage.accounts, sender, video_json, Gate(stage.standings))
    with pytest.raises(Discard):
        await jobs.handle(delivery(await ended(stage, url)))
    assert not endpoint.got


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("2002:7f00:1::", False),
        ("::ffff:8.8.8.8", True),
    ],
)
def test_public_is_what_the_internet_routes(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_the_connection_goes_to_the_address_that_was_checked(
    web: httpx.AsyncClient, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = Sender(web, allow_private=False)
    monkeypatch.setattr(sender, "_address", _always("8.8.8.8"))
    await sender.post("https://example.com:8443/hook", b"", {})
    (request,) = endpoint.got
    assert (request.url.host, request.url.port) == ("8.8.8.8", 8443)
    assert request.headers["host"] == "example.com:8443"
    assert request.extensions["sni_hostname"] == "example.com"


def _always(address: str) -> Callable[[Any], Any]:
    async def resolve(_: Any) -> str:
        return address

    return resolve
