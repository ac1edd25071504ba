"""API keys: scopes, expiry, rotation, and that nobody gives what they have not."""

from __future__ import annotations

import httpx
import pytest

from services.gateway.settings import GatewaySettings
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage


def bearing(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def made(client: httpx.AsyncClient, **body: object) -> dict[str, str]:
    response = await client.post("/v1/api-keys", json={"name": "k", **body})
    assert response.status_code == 201, response.text
    told: dict[str, str] = response.json()
    return told


async def test_a_key_without_the_scope_is_told_which_one_it_lacks(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    key = bearing((await made(client, scopes=["videos:read"]))["secret"])
    assert (await client.get("/v1/videos", headers=key)).status_code == 200
    body = problem(await client.get("/v1/avatars", headers=key), 403, "forbidden")
    assert body["detail"] == "this needs the scope avatars:read"
    refused = await client.delete("/v1/videos/vd_none", headers=key)
    assert problem(refused, 403, "forbidden")["detail"] == "this needs the scope videos:write"


async def test_nobody_gives_what_they_may_not_do_themselves(client: httpx.AsyncClient) -> None:
    own = ["keys:read", "keys:write", "videos:read"]
    key = bearing((await made(client, scopes=own))["secret"])
    more = {"name": "k", "scopes": ["videos:read", "videos:write"]}
    problem(await client.post("/v1/api-keys", json=more, headers=key), 403, "forbidden")
    as_much = (await client.post("/v1/api-keys", json={"name": "k"}, headers=key)).json()
    assert as_much["scopes"] == own


async def test_a_key_that_may_do_more_is_neither_rotated_nor_revoked(
    client: httpx.AsyncClient,
) -> None:
    greater = await made(client)
    key = bearing((await made(client, scopes=["keys:write", "videos:read"]))["secret"])
    rotate = f"/v1/api-keys/{greater['id']}/rotation"
    problem(await client.post(rotate, json={}, headers=key), 403, "forbidden")
    revoke = await client.delete(f"/v1/api-keys/{greater['id']}", headers=key)
    problem(revoke, 403, "forbidden")
    lesser = await made(client, scopes=["videos:read"])
    revoked = await client.delete(f"/v1/api-keys/{lesser['id']}", headers=key)
    assert revoked.status_code == 204


async def test_a_rotated_secret_goes_on_for_the_overlap(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    key = await made(client)
    path = f"/v1/api-keys/{key['id']}/rotation"
    rotated = (await client.post(path, json={"overlap_s": 3600})).json()
    assert rotated["id"] == key["id"]
    for secret in (key["secret"], rotated["secret"]):
        assert (await client.get("/v1/voices", headers=bearing(secret))).status_code == 200
    stage.clock.advance(hours=1)
    old = await client.get("/v1/voices", headers=bearing(key["secret"]))
    problem(old, 401, "unauthenticated")
    new = await client.get("/v1/voices", headers=bearing(rotated["secret"]))
    assert new.status_code == 200


async def test_a_rotation_without_overlap_ends_a_believed_secret_at_once() -> None:
    stage = Stage(GatewaySettings(key_cache_s=30))
    async with stage.client() as client:
        key = await made(client)
        assert (await client.get("/v1/voices", headers=bearing(key["secret"]))).is_success
        await client.post(f"/v1/api-keys/{key['id']}/rotation", json={"overlap_s": 0})
        old = await client.get("/v1/voices", headers=bearing(key["secret"]))
        problem(old, 401, "unauthenticated")


async def test_the_secret_of_a_rotation_is_told_once(client: httpx.AsyncClient) -> None:
    path = f"/v1/api-keys/{(await made(client))['id']}/rotation"
    headers = {"Idempotency-Key": "again"}
    first, second = [(await client.post(path, json={}, headers=headers)).json() for _ in range(2)]
    assert first["secret"]
    assert second == {**first, "secret": None}


@pytest.mark.parametrize("overlap_s", [-1, 604_801, "1", None])
async def test_an_overlap_has_its_limits(client: httpx.AsyncClient, overlap_s: object) -> None:
    path = f"/v1/api-keys/{(await made(client))['id']}/rotation"
    problem(await client.post(path, json={"overlap_s": overlap_s}), 422, "validation_failed")


async def test_a_key_ends_at_its_time(stage: Stage, client: httpx.AsyncClient) -> None:
    key = await made(client, expires_at="2026-01-01T01:00:00Z")
    assert key["expires_at"] == "2026-01-01T01:00:00Z"
    assert (await client.get("/v1/voices", headers=bearing(key["secret"]))).is_success
    stage.clock.advance(hours=1)
    response = await client.get("/v1/voices", headers=bearing(key["secret"]))
    problem(response, 401, "unauthenticated")
    late = {"name": "k", "expires_at": "2026-01-01T00:30:00Z"}
    problem(await client.post("/v1/api-keys", json=late), 422, "validation_failed")


@pytest.mark.parametrize("scopes", [[], ["*"], ["videos"], ["videos:admin"], "videos:read"])
async def test_what_is_no_scope_is_refused(client: httpx.AsyncClient, scopes: object) -> None:
    body = {"name": "k", "scopes": scopes}
    problem(await client.post("/v1/api-keys", json=body), 422, "validation_failed")


async def test_another_accounts_key_does_not_exist(stage: Stage, client: httpx.AsyncClient) -> None:
    key = await made(client)
    _, secret = stage.stranger()
    for response in (
        await client.post(f"/v1/api-keys/{key['id']}/rotation", json={}, headers=bearing(secret)),
        await client.delete(f"/v1/api-keys/{key['id']}", headers=bearing(secret)),
    ):
        problem(response, 404, "not_found")


async def test_the_secret_of_webhooks_is_told_to_whoever_may_make_keys(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/v1/account")).json()["webhook_secret"].startswith("whsec_")
    key = bearing((await made(client, scopes=["account:read"]))["secret"])
    assert (await client.get("/v1/account", headers=key)).json()["webhook_secret"] is None


async def test_a_streams_calls_need_its_scopes(stage: Stage, client: httpx.AsyncClient) -> None:
    avatar = stage.avatars.add(stage.account.id)
    stream = (await client.post("/v1/streams", json={"avatar_id": avatar.id})).json()
    path = f"/v1/streams/{stream['id']}"
    reader = bearing(stage.accounts.key_with(stage.account.id, "streams:read"))
    problem(await client.post(f"{path}/interrupt", headers=reader), 403, "forbidden")
    problem(
        await client.post(f"{path}/drives", json={"text": "Hello."}, headers=reader),
        403,
        "forbidden",
    )
    writer = bearing(stage.accounts.key_with(stage.account.id, "streams:write"))
    whep = {**writer, "Content-Type": "application/sdp"}
    problem(await client.post(f"{path}/whep", content="v=0", headers=whep), 403, "forbidden")
    token = bearing(stream["token"])
    assert (await client.post(f"{path}/interrupt", headers=token)).is_success
