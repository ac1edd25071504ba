"""What is noted of calls, when, and how it is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from services.common.errors import InvalidInput, Unavailable
from services.gateway.audit.noting import Audit
from services.gateway.audit.records import Entry, NewEntry, OperatorAccess
from services.gateway.http.api import ROUTERS
from services.gateway.http.noting import Noting
from services.gateway.http.route import Route
from tests.contract.gateway.test_doors import problem
from tests.fakes.audit import FakeAudit
from tests.fakes.stage import Stage

Json = dict[str, Any]
CONSENT = {"subject": "Ada", "purposes": ["avatar"], "statement": "She signed."}
NOT_NOTED = {
    "check_content",
    "follow_video",
    "get_asset",
    "get_avatar",
    "get_drive",
    "get_notice_webhook",
    "get_output",
    "get_policy",
    "get_policy_version",
    "get_retention",
    "get_stream",
    "get_unlabelled_agreement",
    "get_usage",
    "get_video",
    "head_video_content",
    "list_assets",
    "list_avatars",
    "list_notices",
    "list_outputs",
    "list_policies",
    "list_quotas",
    "list_streams",
    "list_videos",
    "list_voices",
    "verify_file",
}
"""Operations that change nothing, and tell neither media nor anything of people."""


def notings() -> dict[str, Noting]:
    return {
        route.name: route.noting
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and isinstance(route, Route)
    }


async def noted(stage: Stage) -> list[Entry]:
    await stage.audit.flush()
    return stage.audit_record.kept


def brief(entries: list[Entry]) -> list[tuple[str, str, str]]:
    return [(entry.action, entry.target, entry.outcome) for entry in entries]


def test_all_that_changes_something_or_tells_of_people_is_noted() -> None:
    never = {name for name, noting in notings().items() if noting is Noting.NEVER}
    assert never == NOT_NOTED


def test_what_is_told_and_what_is_privileged_is_noted_before_it_is() -> None:
    when = notings()
    told = ("get_avatar_preview", "get_video_content", "get_video_subtitles", "get_video_manifest")
    for name in told:
        assert when[name] is Noting.FIRST
    for name in ("get_review_content", "list_consents", "get_account", "watch_stream", "get_me"):
        assert when[name] is Noting.FIRST
    for name in ("withdraw_consent", "decide_review", "create_api_key", "invite_member"):
        assert when[name] is Noting.TWICE
    for name in ("create_video", "create_drive", "create_output", "delete_avatar"):
        assert when[name] is Noting.SOON


async def test_a_call_is_noted_by_whom_on_what_and_how_it_ended(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    files = {"file": ("a.png", b"IMG")}
    made = (await client.post("/v1/assets", files=files)).json()["id"]
    await client.delete(f"/v1/assets/{made}", headers={"X-Request-Id": "mine-1"})
    await client.delete(f"/v1/assets/{made}")
    await client.get(f"/v1/assets/{made}")
    entries = await noted(stage)
    assert brief(entries) == [
        ("upload_asset", made, "201"),
        ("delete_asset", made, "204"),
        ("delete_asset", made, "404"),
    ]
    entry = entries[1]
    assert (entry.account_id, entry.actor_kind) == (stage.account.id, "key")
    assert (entry.request_id, entry.address) == ("mine-1", "127.0.0.0/24")
    assert entry.actor == stage.accounts.keys[stage.secret].id


async def test_a_privileged_act_is_noted_before_it_is_tried(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    made = (await client.post("/v1/consents", json=CONSENT)).json()["id"]
    assert brief(await noted(stage)) == [
        ("create_consent", "", "begun"),
        ("create_consent", made, "201"),
    ]
    stage.audit_record.down = True
    refused = await client.post(f"/v1/consents/{made}/withdrawal", json={})
    problem(refused, 503, "unavailable")
    stage.audit_record.down = False
    told = (await client.get(f"/v1/consents/{made}")).json()
    assert told["ended_at"] is None


async def test_what_can_not_be_noted_is_not_told(stage: Stage, client: httpx.AsyncClient) -> None:
    avatar = stage.avatars.add(stage.account.id)
    stage.objects.kept[avatar.preview] = b"JPEG"
    place = f"/v1/avatars/{avatar.id}/preview"
    stage.audit_record.down = True
    problem(await client.get(place), 503, "unavailable")
    stage.audit_record.down = False
    assert (await client.get(place)).status_code == 200
    assert brief(await noted(stage)) == [("get_avatar_preview", avatar.id, "200")]


async def test_other_calls_go_on_and_are_noted_later(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.audit_record.down = True
    files = {"file": ("a.png", b"IMG")}
    assert (await client.post("/v1/assets", files=files)).status_code == 201
    with pytest.raises(Unavailable):
        await stage.audit.flush()
    stage.audit_record.down = False
    assert len(await noted(stage)) == 1


async def test_who_was_refused_is_noted_too(stage: Stage) -> None:
    key = stage.accounts.key_with(stage.account.id, "videos:read")
    async with stage.client(key) as client:
        problem(await client.get("/v1/consents"), 403, "forbidden")
        problem(await client.post("/v1/streams/st_x/drives", json={}), 403, "forbidden")
    async with stage.client("vk_nobody") as client:
        problem(await client.get("/v1/consents"), 401, "unauthenticated")
    assert brief(await noted(stage)) == [("list_consents", "", "403"), ("create_drive", "?", "403")]


async def test_nothing_that_callers_make_up_comes_into_the_chain(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    await client.get("/v1/consents/Ada-Lovelace")
    await client.post("/v1/consents", json={"subject": "Ada-Lovelace"})
    entries = await noted(stage)
    assert sorted(brief(entries)) == [
        ("create_consent", "", "422"),
        ("create_consent", "", "begun"),
        ("get_consent", "?", "404"),
    ]
    assert "Ada-Lovelace" not in repr(entries)


async def test_what_happens_in_streams_is_noted_by_key_and_by_token(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    avatar = stage.avatars.add(stage.account.id)
    stream = (await client.post("/v1/streams", json={"avatar_id": avatar.id})).json()
    place = f"/v1/streams/{stream['id']}"
    async with stage.client(stream["token"]) as guest:
        drive = (await guest.post(f"{place}/drives", json={"text": "Hello."})).json()["id"]
    created, driven = await noted(stage)
    assert brief([created, driven]) == [
        ("create_stream", stream["id"], "201"),
        ("create_drive", f"{stream['id']}/{drive}", "202"),
    ]
    assert (driven.account_id, driven.actor) == (stage.account.id, stream["id"])


async def test_the_chain_is_listed_exported_and_verified(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    made = (await client.post("/v1/consents", json=CONSENT)).json()["id"]
    await stage.audit.flush()
    page = (await client.get("/v1/audit", params={"target": made})).json()
    assert [entry["action"] for entry in page["items"]] == ["create_consent"]
    assert page["items"][0]["outcome"] == "201"
    first = (await client.get("/v1/audit", params={"limit": 1})).json()
    # Looking at it is noted, too.
    assert first["items"][0]["action"] == "list_audit_entries"
    rest = (await client.get("/v1/audit", params={"cursor": first["next_cursor"]})).json()
    assert [entry["seq"] for entry in rest["items"]] == [2, 1]
    lines = (await client.get("/v1/audit/export")).text.splitlines()
    assert "audit_head" in lines[-1]
    told = (await client.get("/v1/audit/verification")).json()
    assert (told["whole"], told["broken_seq"], told["problem"]) == (True, None, None)
    for wrong in ({"since": "yesterday"}, {"actor_kind": "god"}, {"cursor": "x"}):
        problem(await client.get("/v1/audit", params=wrong), 422, "validation_failed")


async def test_another_account_sees_nothing_of_it(stage: Stage, client: httpx.AsyncClient) -> None:
    await client.post("/v1/consents", json=CONSENT)
    await stage.audit.flush()
    stranger, secret = stage.stranger()
    async with stage.client(secret) as other:
        assert (await other.get("/v1/audit")).json()["items"] == []
        assert stage.account.id not in (await other.get("/v1/audit/export")).text
    assert stranger.id != stage.account.id


async def test_one_bad_entry_does_not_keep_the_others_waiting() -> None:
    class Strict(FakeAudit):
        async def record(self, entries: Any) -> None:
            if any(not entry.action for entry in entries):
                raise InvalidInput("an audit entry says who did what")
            await super().record(entries)

    record = Strict(lambda: datetime.now(UTC))
    audit = Audit(record)
    for action in ("one", "", "two"):
        await audit.leave(NewEntry("ac_1", "key_1", action, "", "200", "", ""))
    await audit.close()
    assert [entry.action for entry in record.kept] == ["one", "two"]


async def test_the_owner_sees_what_the_operator_opened(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    now = stage.clock()
    facts = ("vd_1", "ada", "a complaint about this video", "C-7", "")
    access = OperatorAccess("oa_1", stage.account.id, *facts, now, now)
    stage.audit_record.accesses.append(access)
    place = "/v1/account/operator-accesses"
    (told,) = (await client.get(place)).json()["items"]
    assert (told["target"], told["operator"], told["reason"], told["case"]) == facts[:4]
    _, secret = stage.stranger()
    async with stage.client(secret) as other:
        assert (await other.get(place)).json()["items"] == []
