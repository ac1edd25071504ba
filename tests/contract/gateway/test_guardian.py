"""The guardian of an account's holder over HTTP: without one, nothing new."""

from __future__ import annotations

from typing import Any

from tests.contract.gateway.test_doors import problem
from tests.contract.gateway.test_identity import ADA, code_for
from tests.contract.gateway.test_keys import bearing
from tests.fakes.stage import Stage

PLACE = "/v1/account/guardian"
MOTHER = {"name": "Anne Lovelace", "relation": "mother", "statement": "She signed the form."}


async def sign_up(stage: Stage, client: Any, **more: Any) -> dict[str, str]:
    code = await code_for(stage, client, ADA, "sign_up")
    body = {"phone": ADA, "code": code, "kind": "personal", "name": "Ada's", **more}
    response = await client.post("/v1/accounts", json=body)
    assert response.status_code == 201, response.text
    return bearing(response.json()["token"])


async def test_a_minor_makes_nothing_new_before_a_guardian_consents(stage: Stage) -> None:
    year = stage.accounts.now().year
    async with stage.client("") as client:
        owner = await sign_up(stage, client, birth_year=year - 16)
        for path in ("/v1/videos", "/v1/streams", "/v1/avatars", "/v1/api-keys", "/v1/speech"):
            refused = await client.post(path, json={}, headers=owner)
            problem(refused, 422, "guardian_consent_required")
        assert (await client.get("/v1/videos", headers=owner)).is_success
        gone = await client.delete("/v1/videos/vd_none", headers=owner)
        problem(gone, 404, "not_found")

        told = (await client.get(PLACE, headers=owner)).json()
        assert (told["minor"], told["birth_year"], told["guardian"]) == (True, year - 16, None)
        body = {"minor": True, "birth_year": year - 16, "guardian": MOTHER}
        set_ = await client.put(PLACE, json=body, headers=owner)
        assert set_.json()["guardian"] == MOTHER
        assert (await client.get(PLACE, headers=owner)).json() == set_.json()
        made = await client.post("/v1/api-keys", json={"name": "k"}, headers=owner)
        assert made.status_code == 201

        await client.put(PLACE, json={"minor": True}, headers=owner)
        refused = await client.post("/v1/api-keys", json={"name": "k"}, headers=owner)
        problem(refused, 422, "guardian_consent_required")


async def test_nobody_else_is_asked_for_one(stage: Stage) -> None:
    year = stage.accounts.now().year
    async with stage.client("") as client:
        owner = await sign_up(stage, client, birth_year=year - 40)
        problem(await client.get(PLACE, headers=owner), 404, "not_found")
        made = await client.post("/v1/api-keys", json={"name": "k"}, headers=owner)
        assert made.status_code == 201
        for body in ({"minor": False}, {}, {"minor": True, "birth_year": year - 40}):
            refused = await client.put(PLACE, json=body, headers=owner)
            assert refused.status_code in (400, 422), refused.text
    async with stage.client() as firm:
        problem(await firm.put(PLACE, json={"minor": True}), 409, "conflict")
