"""`/v1/subjects`: the people behind faces, and minors among them."""

from __future__ import annotations

from typing import Any

import httpx

from services.gateway.records import AvatarStatus
from tests.contract.gateway.test_consents import avatar
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage

Json = dict[str, Any]
PLACE = "/v1/subjects"
MOTHER: Json = {"name": "Anne", "relation": "mother", "statement": "Signed the form."}


async def subject(client: httpx.AsyncClient, **fields: Any) -> Json:
    made = await client.post(PLACE, json={"name": "Ada", **fields})
    assert made.status_code == 201, made.text
    told: Json = made.json()
    return told


def consent(subject_id: str, **more: Any) -> Json:
    return {"subject_id": subject_id, "purposes": ["avatar"], "statement": "Signed.", **more}


async def test_a_subject_is_recorded_told_and_corrected(client: httpx.AsyncClient) -> None:
    made = await subject(client, reference="user-1", birth_year=1980)
    assert (made["minor"], made["guardian"], made["erased_at"]) == (False, None, None)
    assert (await client.get(f"{PLACE}/{made['id']}")).json() == made
    found = await client.get(PLACE, params={"reference": "user-1"})
    assert found.json()["items"] == [made]
    assert (await client.get(PLACE, params={"reference": "x"})).json()["items"] == []
    changed = await client.patch(
        f"{PLACE}/{made['id']}", json={"birth_year": None, "guardian": MOTHER}
    )
    assert changed.json() == {**made, "birth_year": None, "guardian": MOTHER}
    problem(await client.post(PLACE, json={"name": "B", "reference": "user-1"}), 409, "conflict")
    for wrong in ({}, {"name": " "}, {"name": "A", "birth_year": 1}, {"name": "A", "age": 3}):
        problem(await client.post(PLACE, json=wrong), 422, "validation_failed")


async def test_consents_are_listed_by_subject(client: httpx.AsyncClient) -> None:
    one = await subject(client)
    made = (await client.post("/v1/consents", json=consent(one["id"]))).json()
    assert (made["subject_id"], made["subject"], made["given_by"]) == (one["id"], "Ada", "subject")
    await client.post("/v1/consents", json={**consent(""), "subject_id": None, "subject": "Bea"})
    listed = await client.get("/v1/consents", params={"subject_id": one["id"]})
    assert listed.json()["items"] == [made]
    both = {**consent(one["id"]), "subject": "Ada"}
    problem(await client.post("/v1/consents", json=both), 422, "validation_failed")


async def test_for_a_minor_a_guardian_consents(client: httpx.AsyncClient) -> None:
    child = await subject(client, minor=True)
    refused = await client.post("/v1/consents", json=consent(child["id"]))
    problem(refused, 422, "guardian_consent_required")
    await client.patch(f"{PLACE}/{child['id']}", json={"guardian": MOTHER})
    given = consent(child["id"], given_by="guardian")
    assert (await client.post("/v1/consents", json=given)).status_code == 201
    found = await client.post(f"{PLACE}/{child['id']}/minor-finding", json={"reason": "Young."})
    assert (found.json()["erased_at"], found.json()["minor_finding"]["reason"]) == (None, "Young.")


async def test_all_of_a_minor_without_a_guardian_stops_and_goes(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    child = await subject(client, reference="user-1")
    made = (await client.post("/v1/consents", json=consent(child["id"]))).json()
    face = (await avatar(client, consent_id=made["id"])).json()["id"]
    stage.avatars.kept[face] = stage.avatars.ready(face)
    stream = (await client.post("/v1/streams", json={"avatar_id": face})).json()
    assert stage.sessions.find(stream["id"]) is not None
    answer = await client.post(
        f"{PLACE}/{child['id']}/minor-finding", json={"reason": "Her mother wrote."}
    )
    told = answer.json()
    assert (told["name"], told["reference"], told["minor"]) == ("", "", True)
    assert told["minor_finding"]["found_by"].startswith("key_")
    await stage.sessions.close()
    assert stage.sessions.find(stream["id"]) is None
    problem(await client.get(f"/v1/avatars/{face}"), 404, "not_found")
    ended = (await client.get(f"/v1/consents/{made['id']}")).json()
    assert (ended["end_reason"], ended["subject"], ended["statement"]) == ("minor_found", "", "")
    assert (await client.get(f"/v1/consents/{made['id']}/certificate")).status_code == 200
    problem(await client.patch(f"{PLACE}/{child['id']}", json={"name": "B"}), 409, "conflict")


async def test_subjects_are_their_account_s_alone(stage: Stage, client: httpx.AsyncClient) -> None:
    made = await subject(client)
    _, secret = stage.stranger()
    async with stage.client(secret) as stranger:
        assert (await stranger.get(PLACE)).json()["items"] == []
        for method, path, body in (
            ("GET", f"{PLACE}/{made['id']}", None),
            ("PATCH", f"{PLACE}/{made['id']}", {"name": "Eve"}),
            ("POST", f"{PLACE}/{made['id']}/minor-finding", {"reason": "x"}),
            ("POST", "/v1/consents", consent(made["id"])),
        ):
            problem(await stranger.request(method, path, json=body), 404, "not_found")
    assert all(one.status is AvatarStatus.READY for one in stage.avatars.kept.values())
