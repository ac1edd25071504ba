"""`/v1/consents`: the ledger, and what stops when a consent ends."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.gateway.records import AvatarStatus, VideoStatus
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage

Json = dict[str, Any]
CONSENT: Json = {
    "subject": "employee 4711",
    "purposes": ["avatar"],
    "statement": "Signed our release form on 2026-11-01.",
}
PLACE = "/v1/consents"


async def consent(client: httpx.AsyncClient, **more: Any) -> Json:
    made = await client.post(PLACE, json={**CONSENT, **more})
    assert made.status_code == 201, made.text
    told: Json = made.json()
    return told


async def avatar(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    files = {"image": ("me.png", b"IMG")}
    return await client.post("/v1/avatars", files=files, data={"name": "Ada", **fields})


async def test_a_consent_is_recorded_and_told(client: httpx.AsyncClient) -> None:
    made = await consent(client, valid_until="2100-01-01T00:00:00Z")
    assert {name: made[name] for name in CONSENT} == CONSENT
    assert made["attested_by"].startswith("key_")
    assert (made["ended_at"], made["end_reason"], made["erased"]) == (None, None, None)
    assert (await client.get(f"{PLACE}/{made['id']}")).json() == made
    assert (await client.get(PLACE)).json()["items"] == [made]


@pytest.mark.parametrize(
    "change",
    [
        {"subject": " "},
        {"purposes": []},
        {"purposes": ["advertising"]},
        {"statement": "  "},
        {"valid_until": "2100-01-01"},
        {"valid_until": "2020-01-01T00:00:00Z"},
        {"colour": "red"},
    ],
)
async def test_consents_that_say_nothing_are_refused(
    client: httpx.AsyncClient, change: Json
) -> None:
    answer = await client.post(PLACE, json={**CONSENT, **change})
    problem(answer, 422, "validation_failed")


async def test_an_avatar_names_its_consent_or_brings_one(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    made = await consent(client)
    under = await avatar(client, consent_id=made["id"])
    assert (under.status_code, under.json()["consent_id"]) == (201, made["id"])
    own = (await avatar(client, subject_authorised="true")).json()
    told = (await client.get(f"{PLACE}/{own['consent_id']}")).json()
    assert (told["subject"], told["purposes"]) == ("Ada", ["avatar"])
    problem(await avatar(client), 422, "consent_required")
    problem(await avatar(client, consent_id="cn_nobody"), 404, "not_found")
    assert len(stage.avatars.kept) == 2


async def test_nothing_is_left_of_a_picture_whose_consent_has_ended(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    made = await consent(client)
    await client.post(f"{PLACE}/{made['id']}/withdrawal", json={})
    problem(await avatar(client, consent_id=made["id"]), 422, "consent_required")
    assert not stage.objects.kept


async def test_a_withdrawal_ends_streams_jobs_and_avatars_at_once(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    made = await consent(client)
    face = (await avatar(client, consent_id=made["id"])).json()["id"]
    stage.avatars.kept[face] = stage.avatars.ready(face)
    stream = (await client.post("/v1/streams", json={"avatar_id": face})).json()
    script = {"type": "text", "text": "Hello."}
    video = (await client.post("/v1/videos", json={"avatar_id": face, "script": script})).json()
    session = stage.sessions.find(stream["id"])
    assert session is not None

    answer = await client.post(f"{PLACE}/{made['id']}/withdrawal", json={"note": "by letter"})
    told = answer.json()
    assert (told["end_reason"], told["note"]) == ("withdrawn", "by letter")
    assert told["erased"]["avatars"] == [face]
    assert told["erased"]["videos"] == [video["id"]]
    assert told["erased"]["streams"] == [stream["id"]]
    await stage.sessions.close()
    assert stage.sessions.find(stream["id"]) is None
    assert stage.streams.kept[stream["id"]].reason == "consent_withdrawn"
    assert stage.videos.kept[video["id"]].status is VideoStatus.CANCELLED
    assert f"control.videos.{video['id']}" in stage.bus.said
    problem(await client.get(f"/v1/avatars/{face}"), 404, "not_found")
    again = await client.post(f"{PLACE}/{made['id']}/withdrawal", json={})
    assert again.json() == told


async def test_a_stream_on_another_gateway_ends_when_that_looks(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    made = await consent(client)
    face = (await avatar(client, consent_id=made["id"])).json()["id"]
    stage.avatars.kept[face] = stage.avatars.ready(face)
    stream = (await client.post("/v1/streams", json={"avatar_id": face})).json()
    session = stage.sessions.find(stream["id"])
    assert session is not None
    await stage.consents.withdraw(stage.account.id, made["id"], note="", erase_videos=False)
    with session.events.listen() as events:
        await stage.sessions.lost(stream["id"])
        ended = [event async for event in events]
    assert ended[-1].fields["reason"] == "consent_withdrawn"


async def test_the_certificate_can_be_checked_by_anybody(client: httpx.AsyncClient) -> None:
    made = await consent(client)
    place = f"{PLACE}/{made['id']}/certificate"
    problem(await client.get(place), 409, "conflict")
    await client.post(f"{PLACE}/{made['id']}/withdrawal", json={})
    told = (await client.get(place)).json()
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(told["public_key"]))
    key.verify(base64.b64decode(told["signature"]), told["statement"].encode())
    assert told["erased"]["consent_id"] == made["id"]


async def test_consents_are_their_account_s_alone(stage: Stage, client: httpx.AsyncClient) -> None:
    made = await consent(client)
    _, secret = stage.stranger()
    async with stage.client(secret) as stranger:
        assert (await stranger.get(PLACE)).json()["items"] == []
        for method, path, body in (
            ("GET", f"{PLACE}/{made['id']}", None),
            ("GET", f"{PLACE}/{made['id']}/certificate", None),
            ("POST", f"{PLACE}/{made['id']}/withdrawal", {}),
        ):
            problem(await stranger.request(method, path, json=body), 404, "not_found")
        problem(await avatar(stranger, consent_id=made["id"]), 404, "not_found")
    assert all(one.status is AvatarStatus.READY for one in stage.avatars.kept.values())
