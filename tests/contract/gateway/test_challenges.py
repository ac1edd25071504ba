"""`/v1/consents/challenges`: what is read on camera, and what follows."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from services.common.errors import InvalidInput, Overloaded
from tests.contract.gateway.test_doors import problem
from tests.fakes.challenges import FILM, found
from tests.fakes.stage import Stage

Json = dict[str, Any]
PLACE = "/v1/consents/challenges"


async def challenge(client: httpx.AsyncClient, **more: Any) -> Json:
    body = {"subject": "Ada", "purposes": ["voice"], "language": "en", **more}
    made = await client.post(PLACE, json=body)
    assert made.status_code == 201, made.text
    told: Json = made.json()
    return told


async def send(client: httpx.AsyncClient, which: Json, film: bytes = FILM) -> httpx.Response:
    place = f"{PLACE}/{which['id']}/recording"
    return await client.put(place, files={"file": ("me.webm", film)})


async def portrait(client: httpx.AsyncClient) -> str:
    made = await client.post("/v1/assets", files={"file": ("me.png", b"IMG")})
    return str(made.json()["id"])


async def test_a_phrase_that_is_read_becomes_a_verified_consent(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    asset = await portrait(client)
    asked = await challenge(client, purposes=["avatar", "voice"], asset_id=asset)
    assert (asked["tries_left"], asked["consent_id"], asked["checks"]) == (3, None, [])
    stage.statements.found = found("mouth")
    made = (await send(client, asked)).json()
    assert (made["evidence"], made["statement"]) == ("verified", asked["phrase"])
    assert made["purposes"] == ["avatar", "voice"]
    assert {check["name"]: check["passed"] for check in made["checks"]}["mouth"] is False
    [(_, seen, phrase)] = stage.statements.seen
    assert seen == (await stage.assets.get(stage.account.id, asset)).picture
    assert phrase.text == asked["phrase"]
    told = (await client.get(f"{PLACE}/{asked['id']}")).json()
    assert (told["consent_id"], told["tries_left"]) == (made["id"], 2)
    problem(await send(client, asked), 409, "conflict")


async def test_what_is_wrong_is_said_with_what_to_do(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    asked = await challenge(client)
    stage.statements.found = found("words", "face", "mouth")
    for left in (2, 1, 0):
        told = problem(await send(client, asked), 422, "consent_not_verified")
        for part in ("words: read the whole phrase", "face: let one face", f"tries left: {left}"):
            assert part in str(told["detail"])
        assert "mouth" not in str(told["detail"])
    problem(await send(client, asked), 409, "conflict")
    told = (await client.get(f"{PLACE}/{asked['id']}")).json()
    failed = [one["name"] for one in told["checks"] if not one["passed"]]
    assert failed == ["words", "face", "mouth"]
    assert not stage.challenges.films
    assert (await client.get("/v1/consents")).json()["items"] == []


async def test_what_nobody_could_look_at_is_no_try(stage: Stage, client: httpx.AsyncClient) -> None:
    asked = await challenge(client)
    stage.statements.error = Overloaded("too many")
    # As large as films are.
    large = FILM + bytes(2_000_000)
    problem(await send(client, asked, large), 429, "overloaded")
    assert (await client.get(f"{PLACE}/{asked['id']}")).json()["tries_left"] == 3
    stage.statements.error = InvalidInput("the film has no pictures")
    problem(await send(client, asked), 422, "validation_failed")
    assert (await client.get(f"{PLACE}/{asked['id']}")).json()["tries_left"] == 2
    problem(await send(client, asked, b"no film"), 415, "unsupported_media")
    assert not stage.challenges.films


@pytest.mark.parametrize(
    "change",
    [
        {"purposes": []},
        {"purposes": ["avatar"]},
        {"language": "fr"},
        {"subject": None},
        {"subject_id": "su_1"},
        {"valid_until": "2020-01-01T00:00:00Z"},
    ],
)
async def test_challenges_that_say_nothing_are_refused(
    client: httpx.AsyncClient, change: Json
) -> None:
    body = {"subject": "Ada", "purposes": ["voice"], "language": "en", **change}
    problem(await client.post(PLACE, json=body), 422, "validation_failed")


async def test_for_a_minor_a_guardian_consents(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/subjects", json={"name": "Cid", "minor": True})
    body = {"subject_id": made.json()["id"], "purposes": ["voice"], "language": "zh"}
    problem(await client.post(PLACE, json=body), 422, "guardian_consent_required")


async def test_challenges_are_their_account_s_alone(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    asset = await portrait(client)
    asked = await challenge(client)
    _, secret = stage.stranger()
    async with stage.client(secret) as stranger:
        problem(await stranger.get(f"{PLACE}/{asked['id']}"), 404, "not_found")
        problem(await send(stranger, asked), 404, "not_found")
        body = {"subject": "A", "purposes": ["avatar"], "language": "en", "asset_id": asset}
        problem(await stranger.post(PLACE, json=body), 404, "not_found")
    assert not stage.statements.seen
