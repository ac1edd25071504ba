"""`mark: false`, and the agreement that it needs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from services.gateway.media import Mark, MarkText
from tests.contract.gateway.test_doors import problem
from tests.fakes.provenance import VERSION
from tests.fakes.stage import Stage

PLACE = "/v1/account/unlabelled-agreement"
Json = dict[str, Any]


@pytest.fixture
def avatar_id(stage: Stage) -> str:
    return stage.avatars.add(stage.account.id).id


def video(avatar_id: str, **output: object) -> Json:
    script = {"type": "text", "text": "Hello."}
    return {"avatar_id": avatar_id, "script": script, "output": output}


async def test_the_agreement_is_read_accepted_and_ended(client: httpx.AsyncClient) -> None:
    asked = (await client.get(PLACE)).json()
    assert (asked["version"], asked["accepted_by"], asked["accepted_at"]) == (VERSION, None, None)
    accepted = await client.put(PLACE, json={"version": VERSION})
    assert accepted.status_code == 200
    assert accepted.json()["accepted_by"].startswith("key_")
    assert (await client.get(PLACE)).json() == accepted.json()
    assert (await client.delete(PLACE)).status_code == 204
    assert (await client.delete(PLACE)).status_code == 204
    assert (await client.get(PLACE)).json() == asked


async def test_another_text_than_that_of_today_can_not_be_accepted(
    client: httpx.AsyncClient,
) -> None:
    problem(await client.put(PLACE, json={"version": "1999-01"}), 409, "conflict")
    problem(await client.put(PLACE, json={}), 422, "validation_failed")


async def test_videos_bear_the_mark_unless_an_agreement_holds(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    marked = await client.post("/v1/videos", json=video(avatar_id))
    assert (marked.status_code, marked.json()["mark"]) == (202, True)
    problem(
        await client.post("/v1/videos", json=video(avatar_id, mark=False)),
        403,
        "agreement_required",
    )
    await client.put(PLACE, json={"version": VERSION})
    made = await client.post("/v1/videos", json=video(avatar_id, mark=False))
    assert (made.status_code, made.json()["mark"]) == (202, False)
    assert stage.provenance.unlabelled == [made.json()["id"]]
    await client.delete(PLACE)
    refused = await client.post("/v1/videos", json=video(avatar_id, mark=False))
    problem(refused, 403, "agreement_required")


async def test_streams_bear_it_likewise(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    body = {"avatar_id": avatar_id, "mark": False}
    problem(await client.post("/v1/streams", json=body), 403, "agreement_required")
    await client.put(PLACE, json={"version": VERSION})
    made = await client.post("/v1/streams", json=body)
    assert (made.status_code, made.json()["mark"]) == (201, False)
    assert stage.animator.configs[-1].mark is None
    assert stage.provenance.unlabelled == [made.json()["id"]]
    await client.delete(f"/v1/streams/{made.json()['id']}")


async def test_it_needs_its_own_scopes(client: httpx.AsyncClient) -> None:
    key = await client.post("/v1/api-keys", json={"name": "k", "scopes": ["account:write"]})
    assert key.status_code == 201, key.text
    bearer = {"Authorization": f"Bearer {key.json()['secret']}"}
    for method in ("GET", "PUT", "DELETE"):
        body = {"version": VERSION} if method == "PUT" else None
        answer = await client.request(method, PLACE, json=body, headers=bearer)
        problem(answer, 403, "forbidden")


async def test_an_agreement_is_its_own_accounts_alone(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    await client.put(PLACE, json={"version": VERSION})
    _, secret = stage.stranger()
    async with stage.client(secret) as stranger:
        assert (await stranger.get(PLACE)).json()["accepted_by"] is None


async def test_a_stream_shows_the_mark_by_itself(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    made = await client.post("/v1/streams", json={"avatar_id": avatar_id})
    assert made.json()["mark"] is True
    assert stage.animator.configs[-1].mark == Mark(MarkText.ENGLISH)
    await client.delete(f"/v1/streams/{made.json()['id']}")
