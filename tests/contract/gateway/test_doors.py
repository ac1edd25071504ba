"""Keys, limits, content types, methods: what every call has in common."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from services.common.errors import Unavailable
from services.gateway.settings import GatewaySettings
from tests.fakes.stage import Stage

OPEN = {
    ("post", "/v1/codes"),
    ("post", "/v1/accounts"),
    ("post", "/v1/sessions"),
    ("get", "/v1/privacy-policy"),
    ("get", "/v1/privacy-policies"),
    ("get", "/v1/account/certificate"),
}
"""What needs neither a key nor a session."""
PROBLEM_FIELDS = {"type", "title", "status", "detail", "code", "request_id", "retryable"}


def problem(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    """Checks the form of a problem and returns it."""
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert set(body) >= PROBLEM_FIELDS
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["request_id"] == response.headers["x-request-id"]
    return body


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer vk_no"])
async def test_without_a_good_key_nothing_is_told(stage: Stage, header: str | None) -> None:
    async with stage.client("") as client:
        headers = {} if header is None else {"Authorization": header}
        response = await client.get("/v1/videos", headers=headers)
    problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_ends_at_once_where_it_was_revoked() -> None:
    stage = Stage(GatewaySettings(key_cache_s=30))
    async with stage.client() as client:
        made = (await client.post("/v1/api-keys", json={"name": "other"})).json()
        other = {"Authorization": f"Bearer {made['secret']}"}
        assert (await client.get("/v1/voices", headers=other)).status_code == 200
        assert (await client.delete(f"/v1/api-keys/{made['id']}")).status_code == 204
        problem(await client.get("/v1/voices", headers=other), 401, "unauthenticated")


async def test_a_good_key_is_believed_for_a_while() -> None:
    stage = Stage(GatewaySettings(key_cache_s=30))
    async with stage.client() as client:
        for _ in range(3):
            await client.get("/v1/voices")
    assert stage.accounts.asked == 1


async def test_too_many_requests_are_told_when_to_come_again() -> None:
    stage = Stage(GatewaySettings(rate_limit="2/minute"))
    async with stage.client() as client:
        answers = [await client.get("/v1/voices") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert problem(answers[2], 429, "overloaded")["retryable"] is True
    assert 1 <= int(answers[2].headers["retry-after"]) <= 61


async def test_a_well_formed_request_id_is_kept_and_another_is_replaced(
    client: httpx.AsyncClient,
) -> None:
    kept = await client.get("/v1/voices", headers={"X-Request-Id": "mine-1"})
    assert kept.headers["x-request-id"] == "mine-1"
    replaced = await client.get("/v1/voices", headers={"X-Request-Id": "not\tmine"})
    assert replaced.headers["x-request-id"].startswith("rq_")


async def test_unknown_paths_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    problem(await client.get("/v2/none"), 404, "not_found")
    response = await client.put("/v1/voices")
    problem(response, 405, "method_not_allowed")
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b"[]", b"null", b'"text"', b"", b'{"a":' * 3000, b"9" * 5000],
    ids=["cut", "not utf-8", "list", "null", "string", "empty", "deep", "huge number"],
)
async def test_bad_json_is_a_validation_problem(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(
        "/v1/videos", content=body, headers={"Content-Type": "application/json"}
    )
    problem(response, 422, "validation_failed")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", ""])
async def test_another_content_type_is_not_supported(client: httpx.AsyncClient, kind: str) -> None:
    response = await client.post("/v1/videos", content=b"{}", headers={"Content-Type": kind})
    problem(response, 415, "unsupported_media")


async def test_unknown_fields_are_named(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/api-keys", json={"name": "a", "colour": "red"})
    errors = problem(response, 422, "validation_failed")["errors"]
    assert errors == [{"location": "body.colour", "message": "Extra inputs are not permitted"}]


async def test_a_problem_never_repeats_what_was_sent(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/api-keys", json={"name": ["s3cr3t"], "other": "s3cr3t"})
    problem(response, 422, "validation_failed")
    assert "s3cr3t" not in response.text


async def test_a_body_that_says_it_is_too_large_is_refused_unread(stage: Stage) -> None:
    read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"{}"

    async with stage.client() as client:
        headers = {"Content-Type": "application/json", "Content-Length": "1000000000"}
        response = await client.post("/v1/videos", content=body(), headers=headers)
    problem(response, 413, "payload_too_large")
    assert not read


async def test_a_body_that_grows_too_large_is_refused_as_it_comes(stage: Stage) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 65536

    async with stage.client() as client:
        headers = {"Content-Type": "application/json"}
        response = await client.post("/v1/videos", content=endless(), headers=headers)
    problem(response, 413, "payload_too_large")
    assert sent < 20


async def test_what_is_down_is_told_as_unavailable(stage: Stage) -> None:
    stage.moderator.error = Unavailable("moderation is down", retry_after_s=7)
    async with stage.client() as client:
        response = await client.post(
            "/v1/speech", json={"voice_id": "vo_en_heart", "text": "Hello."}
        )
    assert problem(response, 503, "unavailable")["retryable"] is True
    assert response.headers["retry-after"] == "7"
    assert not stage.speaker.spoken


async def test_a_defect_is_told_without_its_trace(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a secret path")

    monkeypatch.setattr(stage.accounts, "account", broken)
    async with stage.client() as client:
        response = await client.get("/v1/account")
    problem(response, 500, "internal")
    assert "secret" not in response.text


async def test_health_needs_no_key_and_tells_what_is_missing(stage: Stage) -> None:
    async with stage.client("") as client:
        assert (await client.get("/healthz")).json()["status"] == "ok"
        assert (await client.get("/readyz")).status_code == 200
        stage.peers.answers["tts"] = False
        response = await client.get("/readyz")
        assert (response.status_code, response.json()["checks"]["tts"]) == (503, False)
        stage.peers.answers["tts"] = True
        stage.closing.set()
        assert (await client.get("/readyz")).status_code == 503


async def test_metrics_are_open_only_without_a_port_of_their_own(stage: Stage) -> None:
    async with stage.client("") as client:
        assert b"vultus_" in (await client.get("/metrics")).content
    private = Stage(GatewaySettings(metrics_listen="127.0.0.1:0"))
    async with private.client("") as client:
        problem(await client.get("/metrics"), 404, "not_found")


async def test_the_documentation_needs_no_other_server(stage: Stage) -> None:
    async with stage.client("") as client:
        page = (await client.get("/docs")).text
        links = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(links) == 3
        for link in links:
            assert link.startswith("/docs/")
            assert (await client.get(link)).status_code == 200
        problem(await client.get("/docs/../app.py"), 404, "not_found")
        problem(await client.get("/docs/other.js"), 404, "not_found")


async def test_openapi_declares_how_every_operation_fails(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            declared = set(operation["responses"])
            if (method, path) in OPEN:
                assert "security" not in operation, (method, path)
                assert declared >= {"422", "429", "500", "503", "504"}, (method, path)
            elif path.startswith("/v1"):
                assert operation["security"], (method, path)
                everywhere = {"401", "403", "422", "429", "500", "503", "504"}
                assert declared >= everywhere, (method, path)
            if "requestBody" in operation:
                assert declared >= {"413", "415"}, (method, path)
            if "{" in path:
                assert "404" in declared, (method, path)
    references = json.dumps(schema).split('"$ref": "#/components/schemas/')[1:]
    named = {reference.partition('"')[0] for reference in references}
    assert named <= set(schema["components"]["schemas"])
