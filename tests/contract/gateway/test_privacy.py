"""`/v1/privacy`: requests of people, what they made, and what may not be used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from services.gateway.media import ObjectRef
from services.gateway.rights import Archive, Decision, RequestState, Restriction
from tests.contract.gateway.test_consents import consent
from tests.contract.gateway.test_doors import problem
from tests.contract.gateway.test_identity import sign_up
from tests.fakes.stage import Stage

Json = dict[str, Any]
PLACE = "/v1/privacy/requests"
WHOLE: Json = {"kind": "export", "about": {"account": True}}
SPEECH = {"text": "Hello.", "voice_id": "vo_en_heart"}
PASSPORT = "She showed her passport at our desk."


async def asked(client: httpx.AsyncClient, body: Json) -> Json:
    made = await client.post(PLACE, json=body)
    assert made.status_code == 201, made.text
    told: Json = made.json()
    return told


async def exported(stage: Stage, client: httpx.AsyncClient, content: bytes) -> str:
    """The place of an export that was carried out."""
    request_id = (await asked(client, WHOLE))["id"]
    await stage.rights.decide(request_id, Decision.CONFIRM, note="called back")
    done = await stage.rights.decide(request_id, Decision.FULFIL, note="made")
    ref = ObjectRef("exports", f"{stage.account.id}/{request_id}.zip")
    stage.objects.kept[ref] = content
    archive = Archive(ref, len(content), "ab" * 32, stage.clock())
    stage.rights.kept[request_id] = replace(done, archive=archive)
    return f"{PLACE}/{request_id}"


async def test_a_request_about_the_account_waits_for_who_asks(client: httpx.AsyncClient) -> None:
    made = await asked(client, {**WHOLE, "details": "All of it."})
    assert (made["state"], made["identity"], made["due_at"]) == ("identity_pending", None, None)
    assert made["about"] == {"account": True, "consent_id": None, "whole_subject": False}
    assert made["requested_by"].startswith("key_")
    assert (await client.get(f"{PLACE}/{made['id']}")).json() == made
    [listed] = (await client.get(PLACE)).json()["items"]
    assert listed == {**made, "details": "", "steps": []}


@pytest.mark.parametrize("about", ["consent_id", "subject"])
async def test_a_request_about_a_person_is_open_at_once(
    client: httpx.AsyncClient, about: str
) -> None:
    held = await consent(client)
    target = {"consent_id": held["id"], "subject": held["subject"]}[about]
    body = {"kind": "access", "about": {about: target}, "attested_identity": PASSPORT}
    made = await asked(client, body)
    assert (made["state"], made["identity"]) == ("open", "attested")
    assert made["about"] == {
        "account": False,
        "consent_id": held["id"],
        "whole_subject": about == "subject",
    }


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "export"},
        {**WHOLE, "kind": "profiling"},
        {**WHOLE, "about": {"account": False}},
        {**WHOLE, "about": {}},
        {**WHOLE, "about": {"account": True, "subject": "Ada"}},
        {**WHOLE, "attested_identity": PASSPORT},
        {**WHOLE, "about": {"subject": "Ada"}},
        {**WHOLE, "corrections": {"av_1": "Ada"}},
        {**WHOLE, "kind": "correction"},
        {**WHOLE, "details": "x" * 2_001},
        {**WHOLE, "colour": "red"},
    ],
)
async def test_requests_that_say_nothing_are_refused(client: httpx.AsyncClient, body: Json) -> None:
    problem(await client.post(PLACE, json=body), 422, "validation_failed")


async def test_a_request_is_taken_back(client: httpx.AsyncClient) -> None:
    made = await asked(client, WHOLE)
    ended = (await client.delete(f"{PLACE}/{made['id']}")).json()
    assert ended["state"] == "cancelled"
    assert [step["state"] for step in ended["steps"]] == ["identity_pending", "cancelled"]


async def test_an_api_key_alone_proves_nothing(client: httpx.AsyncClient) -> None:
    made = await asked(client, WHOLE)
    answer = await client.post(f"{PLACE}/{made['id']}/identity", json={"code": "123456"})
    problem(answer, 403, "forbidden")


async def test_a_person_proves_that_they_ask(stage: Stage, client: httpx.AsyncClient) -> None:
    async with stage.client((await sign_up(stage, client))["token"]) as person:
        made = await asked(person, WHOLE)
        place = f"{PLACE}/{made['id']}/identity"
        problem(await person.post(place, json={"code": "000000"}), 422, "code_invalid")
        opened = (await person.post(place, json={"code": "123456"})).json()
        assert (opened["state"], opened["identity"]) == ("open", "code")
        problem(await person.post(place, json={"code": "123456"}), 409, "conflict")


async def test_what_is_being_carried_out_goes_on(stage: Stage, client: httpx.AsyncClient) -> None:
    made = await asked(client, WHOLE)
    kept = stage.rights.kept[made["id"]]
    stage.rights.kept[made["id"]] = replace(kept, state=RequestState.IN_PROGRESS)
    problem(await client.delete(f"{PLACE}/{made['id']}"), 409, "conflict")


async def test_an_archive_is_fetched_whole_and_in_parts(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    place = f"{await exported(stage, client, b'PK-archive')}/archive"
    whole = await client.get(place)
    assert (whole.status_code, whole.content) == (200, b"PK-archive")
    assert whole.headers["content-type"] == "application/zip"
    assert whole.headers["content-disposition"].endswith('.zip"')
    part = await client.get(place, headers={"Range": "bytes=3-6"})
    assert (part.status_code, part.content) == (206, b"arch")
    assert part.headers["content-range"] == "bytes 3-6/10"
    known = await client.get(place, headers={"If-None-Match": whole.headers["etag"]})
    assert known.status_code == 304
    problem(await client.get(place, headers={"Range": "bytes=10-"}), 416, "range_not_satisfiable")
    head = await client.head(place)
    assert (head.headers["content-length"], head.content) == ("10", b"")


async def test_an_archive_that_is_not_there_is_told_so(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    made = await asked(client, WHOLE)
    problem(await client.get(f"{PLACE}/{made['id']}/archive"), 409, "conflict")


async def test_requests_are_their_account_s_alone(stage: Stage, client: httpx.AsyncClient) -> None:
    place = await exported(stage, client, b"PK")
    held = await consent(client)
    _, secret = stage.stranger()
    async with stage.client(secret) as stranger:
        assert (await stranger.get(PLACE)).json()["items"] == []
        for method, path in (("GET", place), ("DELETE", place), ("GET", f"{place}/archive")):
            problem(await stranger.request(method, path), 404, "not_found")
        body = {"kind": "access", "about": {"consent_id": held["id"]}}
        answer = await stranger.post(PLACE, json={**body, "attested_identity": PASSPORT})
        problem(answer, 404, "not_found")


async def test_a_restricted_account_may_not_speak(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.rights.restricted[stage.account.id] = [Restriction("", "pr_1", stage.clock())]
    problem(await client.post("/v1/speech", json=SPEECH), 403, "restricted")
    told = (await client.get("/v1/privacy/restrictions")).json()["items"]
    assert [(one["consent_id"], one["request_id"]) for one in told] == [(None, "pr_1")]


async def test_a_restricted_person_s_account_may(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.rights.restricted[stage.account.id] = [Restriction("cn_1", "pr_1", stage.clock())]
    assert (await client.post("/v1/speech", json=SPEECH)).status_code == 200
