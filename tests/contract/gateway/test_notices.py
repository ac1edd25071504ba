"""`/v1/notices`, `/v1/privacy-policy`: what is told, and what has to be accepted first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from services.gateway.notices import NoticeKind, NoticeText
from services.gateway.standing import (
    ChangeKind,
    NewPrivacyPolicy,
    PolicyChange,
    Shutdown,
    ShutdownPhase,
)
from tests.contract.gateway.test_consents import consent
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage

Json = dict[str, Any]
TEXT = NoticeText("Keys leaked", "A backup was lost.", "Keys of 2025.", "Ended.", "Rotate.", "x@y")


def publish(stage: Stage, version: str, *kinds: ChangeKind) -> None:
    changes = tuple(PolicyChange(kind, {"en": "What is new."}) for kind in kinds)
    material = any(kind is not ChangeKind.OTHER for kind in kinds)
    texts = {"zh": "隐私政策", "en": "Privacy"}
    stage.standings.publish(
        NewPrivacyPolicy(version, texts, changes, material, stage.clock(), "operator:ada")
    )


def stop(stage: Stage) -> None:
    now = stage.clock()
    stage.standings.shutdown = Shutdown(
        ShutdownPhase.STOPPED, now, now + timedelta(days=30), "operator:ada"
    )


async def test_notices_are_told_and_read(stage: Stage, client: httpx.AsyncClient) -> None:
    told = stage.notices.tell(stage.account.id, NoticeKind.INCIDENT, en=TEXT)
    stage.notices.tell("ac_other", NoticeKind.INCIDENT, en=TEXT)
    (one,) = (await client.get("/v1/notices?unread=true")).json()["items"]
    assert (one["id"], one["kind"], one["read_at"]) == (told.id, "incident", None)
    assert one["texts"]["en"]["remedies"] == "Rotate."
    read = (await client.post(f"/v1/notices/{told.id}/receipt")).json()
    assert read["read_by"].startswith("key_")
    assert (await client.get("/v1/notices?unread=true")).json()["items"] == []
    assert (await client.get("/v1/notices")).json()["items"] == [read]


async def test_anothers_notice_is_not_there(stage: Stage, client: httpx.AsyncClient) -> None:
    told = stage.notices.tell("ac_other", NoticeKind.INCIDENT, en=TEXT)
    problem(await client.post(f"/v1/notices/{told.id}/receipt"), 404, "not_found")


async def test_where_notices_are_posted_to(client: httpx.AsyncClient) -> None:
    place = "/v1/account/webhook"
    assert (await client.get(place)).json() == {"url": None}
    said = {"url": "https://example.com/hook"}
    assert (await client.put(place, json=said)).json() == said
    assert (await client.get(place)).json() == said
    private = await client.put(place, json={"url": "http://127.0.0.1/hook"})
    problem(private, 422, "validation_failed")
    assert (await client.put(place, json={"url": None})).json() == {"url": None}


async def test_the_policy_is_open_to_everybody(stage: Stage) -> None:
    async with stage.client("") as nobody:
        problem(await nobody.get("/v1/privacy-policy"), 404, "not_found")
        publish(stage, "2026-12", ChangeKind.PURPOSE)
        told = (await nobody.get("/v1/privacy-policy")).json()
        assert (told["version"], told["material"], told["texts"]["en"]) == (
            "2026-12",
            True,
            "Privacy",
        )
        assert told["changes"] == [{"kind": "purpose", "summaries": {"en": "What is new."}}]
        (listed,) = (await nobody.get("/v1/privacy-policies")).json()["items"]
        assert "texts" not in listed
        missing = await nobody.get("/v1/privacy-policy?version=2027")
        problem(missing, 404, "not_found")


async def test_nothing_new_is_made_before_a_material_version_is_accepted(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    given = await consent(client)
    publish(stage, "2026-12", ChangeKind.PURPOSE)
    upload = {"files": {"file": ("me.png", b"IMG")}}
    async with stage.client() as fresh:
        refused = await fresh.post("/v1/assets", **upload)  # type: ignore[arg-type]
        told = problem(refused, 403, "policy_acceptance_required")
        assert "2026-12" in str(told["detail"])
        body = {"voice_id": "vo_en_heart", "text": "Hello."}
        problem(await fresh.post("/v1/speech", json=body), 403, "policy_acceptance_required")
        assert (await fresh.get("/v1/consents")).status_code == 200
        withdrawn = await fresh.post(f"/v1/consents/{given['id']}/withdrawal", json={})
        assert withdrawn.status_code == 200
        place = "/v1/privacy-policy/acceptances"
        assert (await fresh.get(place)).json() == {"items": [], "to_accept": "2026-12"}
        unknown = await fresh.post(place, json={"version": "1999"})
        problem(unknown, 404, "not_found")
        accepted = await fresh.post(place, json={"version": "2026-12"})
        assert accepted.status_code == 201
        assert (await fresh.get(place)).json() == {"items": [accepted.json()], "to_accept": None}
        assert (await fresh.post("/v1/assets", **upload)).status_code == 201  # type: ignore[arg-type]


async def test_a_small_change_asks_nothing(stage: Stage, client: httpx.AsyncClient) -> None:
    publish(stage, "1", ChangeKind.PURPOSE)
    await client.post("/v1/privacy-policy/acceptances", json={"version": "1"})
    publish(stage, "2", ChangeKind.OTHER)
    async with stage.client() as fresh:
        await consent(fresh)


async def test_a_service_that_ends_takes_nothing_and_gives_back(stage: Stage) -> None:
    async with stage.client() as before:
        given = await consent(before)
    stop(stage)
    async with stage.client() as client, stage.client("") as nobody:
        upload = await client.post("/v1/assets", files={"file": ("me.png", b"IMG")})
        told = problem(upload, 410, "service_closing")
        assert "exported" in str(told["detail"])
        sign_up = {
            "phone": "+8613800138000",
            "code": "123456",
            "kind": "personal",
            "name": "Ada",
        }
        problem(await nobody.post("/v1/accounts", json=sign_up), 410, "service_closing")
        assert (await client.get(f"/v1/consents/{given['id']}")).status_code == 200
        ended = await client.post(f"/v1/consents/{given['id']}/withdrawal", json={})
        assert ended.status_code == 200
        code = {"phone": "+8613800138000", "purpose": "sign_in"}
        assert (await nobody.post("/v1/codes", json=code)).status_code == 202
