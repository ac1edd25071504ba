"""Every call by every kind of caller: a table by hand, so that a wrong declaration fails.

A new operation needs a line in WHO, and a body in BODIES where it has a path parameter and takes
one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from services.gateway.http.api import ROUTERS
from services.gateway.http.open_route import OpenRoute
from services.gateway.http.route import Route
from services.gateway.http.whep import GuestRoute
from services.gateway.media import ObjectRef
from services.gateway.notices import NoticeKind, NoticeText
from services.gateway.permissions import SCOPES_OF_ROLE, Role, Scope
from services.gateway.rights import Archive
from services.gateway.settings import GatewaySettings
from tests.contract.gateway.test_doors import problem
from tests.contract.gateway.test_keys import bearing
from tests.fakes.stage import Stage

O, OD, ODR, ODA, ODRA, OR, ORA, OA = "O", "OD", "ODR", "ODA", "ODRA", "OR", "ORA", "OA"  # noqa: E741
PERSON, OPEN, GUEST = "whoever is signed in", "everybody", "whoever came in by the same secret"
RECEIPT = "whoever has a receipt"
WHO = {
    "upload_asset": OD,
    "list_assets": OD,
    "get_asset": OD,
    "delete_asset": OD,
    "create_consent": OD,
    "list_consents": ODRA,
    "get_consent": ODRA,
    "withdraw_consent": OD,
    "get_certificate": ODRA,
    "create_challenge": OD,
    "get_challenge": ODRA,
    "check_recording": OD,
    "create_subject": OD,
    "list_subjects": ODRA,
    "get_subject": ODRA,
    "change_subject": OD,
    "report_minor": OD,
    "create_avatar": OD,
    "list_avatars": OD,
    "get_avatar": OD,
    "get_avatar_preview": OD,
    "delete_avatar": OD,
    "list_voices": OD,
    "create_speech": OD,
    "check_content": ODR,
    "get_policy": ODR,
    "put_policy": OR,
    "list_policies": ODR,
    "get_policy_version": ODR,
    "list_reviews": OR,
    "get_review": OR,
    "get_review_content": OR,
    "decide_review": OR,
    "get_training_data": OR,
    "create_video": OD,
    "list_videos": OD,
    "get_video": OD,
    "follow_video": OD,
    "cancel_video": OD,
    "delete_video": OD,
    "replay_video_webhook": OD,
    "get_video_content": OD,
    "head_video_content": OD,
    "get_video_subtitles": OD,
    "get_video_manifest": OD,
    "create_stream": OD,
    "list_streams": OD,
    "get_stream": OD,
    "delete_stream": OD,
    "create_stream_token": OD,
    "create_drive": OD,
    "change_stream": OD,
    "act_in_stream": OD,
    "get_drive": OD,
    "interrupt_stream": OD,
    "watch_stream": OD,
    "add_viewer_candidates": GUEST,
    "end_viewer": GUEST,
    "create_output": OD,
    "list_outputs": OD,
    "get_output": OD,
    "delete_output": OD,
    "speak_in_stream": OD,
    "add_voice_candidates": GUEST,
    "end_voice": GUEST,
    "get_account": ODA,
    "set_guardian": O,
    "get_guardian": ODA,
    "request_deregistration": O,
    "get_deregistration": ODA,
    "cancel_deregistration": O,
    "get_account_certificate": RECEIPT,
    "list_audit_entries": OA,
    "export_audit": OA,
    "verify_audit": OA,
    "list_operator_accesses": ODA,
    "create_api_key": OD,
    "list_api_keys": ODA,
    "rotate_api_key": OD,
    "revoke_api_key": OD,
    "create_privacy_request": O,
    "prove_identity": O,
    "list_privacy_requests": OA,
    "get_privacy_request": OA,
    "cancel_privacy_request": O,
    "get_privacy_archive": O,
    "head_privacy_archive": O,
    "list_restrictions": OA,
    "request_code": OPEN,
    "sign_up": OPEN,
    "sign_in": OPEN,
    "list_sessions": PERSON,
    "end_sessions": PERSON,
    "end_session": PERSON,
    "get_me": PERSON,
    "update_me": PERSON,
    "change_phone": PERSON,
    "leave_account": PERSON,
    "list_members": OA,
    "invite_member": O,
    "change_member": O,
    "remove_member": O,
    "list_quotas": ODA,
    "get_usage": ODA,
    "get_retention": ODA,
    "get_unlabelled_agreement": OD,
    "accept_unlabelled_agreement": O,
    "end_unlabelled_agreement": O,
    "verify_file": OD,
    "list_notices": ODRA,
    "acknowledge_notice": O,
    "set_notice_webhook": O,
    "get_notice_webhook": ODRA,
    "get_privacy_policy": OPEN,
    "list_privacy_policies": OPEN,
    "accept_privacy_policy": O,
    "list_acceptances": ODRA,
}
"""By operation: the roles that may, by their first letters."""
GUARDIAN = {"name": "Anne", "relation": "mother", "statement": "She signed."}
FORM = "\r\n".join(
    [
        "--x",
        'Content-Disposition: form-data; name="file"; filename="a.mp4"',
        "",
        "0000ftypisom",
        "--x--",
        "",
    ]
)
BODIES: dict[str, Any] = {
    "withdraw_consent": {},
    "check_recording": FORM,
    "change_subject": {"name": "Cid"},
    "report_minor": {"reason": "Her mother wrote."},
    "decide_review": {"decision": "approve"},
    "create_stream_token": {},
    "create_drive": {"text": "Hello."},
    "change_stream": {"expression": {"name": "happy"}},
    "act_in_stream": {"name": "nod"},
    "create_output": {"url": "rtmp://live.example.com/app/key"},
    "watch_stream": "v=0",
    "speak_in_stream": "v=0",
    "add_viewer_candidates": "a=mid:0",
    "add_voice_candidates": "a=mid:0",
    "rotate_api_key": {},
    "prove_identity": {"code": "123456"},
    "change_member": {"role": "auditor"},
    "set_guardian": {"minor": True, "guardian": GUARDIAN},
    "set_notice_webhook": {"url": None},
    "accept_privacy_policy": {"version": "1"},
}
TYPES = {
    "check_recording": "multipart/form-data; boundary=x",
    "watch_stream": "application/sdp",
    "speak_in_stream": "application/sdp",
    "add_viewer_candidates": "application/trickle-ice-sdpfrag",
    "add_voice_candidates": "application/trickle-ice-sdpfrag",
}
OPERATIONS = {
    route.name: route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.path.startswith("/v1")
}


def test_the_table_names_every_operation() -> None:
    assert set(WHO) == set(OPERATIONS)


def test_every_operation_comes_through_the_door() -> None:
    assert all(isinstance(route, Route) for route in OPERATIONS.values())
    assert {name for name, route in OPERATIONS.items() if isinstance(route, OpenRoute)} == {
        name for name, who in WHO.items() if who in (OPEN, RECEIPT)
    }
    assert {name for name, route in OPERATIONS.items() if isinstance(route, GuestRoute)} == {
        name for name, who in WHO.items() if who == GUEST
    }


def test_no_role_may_what_an_owner_may_not() -> None:
    assert SCOPES_OF_ROLE[Role.OWNER] == frozenset(Scope)
    assert {scope for scopes in SCOPES_OF_ROLE.values() for scope in scopes} == set(Scope)


def test_an_auditor_changes_nothing_and_sees_no_media() -> None:
    scopes = SCOPES_OF_ROLE[Role.AUDITOR]
    assert all(scope.value.endswith(":read") for scope in scopes)
    media = {"assets", "avatars", "videos", "streams", "voices", "reviews"}
    assert not media & {scope.value.partition(":")[0] for scope in scopes}


class House:
    """An account with one of everything, and all kinds of callers."""

    def __init__(self) -> None:
        unlimited = "100000/minute"
        settings = GatewaySettings(key_cache_s=0, rate_limit=unlimited, open_rate_limit=unlimited)
        self.stage = Stage(settings)
        self.things: dict[str, str] = {}

    async def fill(self, client: httpx.AsyncClient) -> None:
        """Makes the things."""
        stage, account_id = self.stage, self.stage.account.id
        avatar = stage.avatars.add(account_id)
        script = {"type": "text", "text": "Hello."}
        stage.moderator.doubtful = ["doubt"]
        self.things = {
            "asset_id": await self._made(client, "assets", files={"file": ("a.png", b"IMG")}),
            "avatar_id": avatar.id,
            "consent_id": await self._made(
                client,
                "consents",
                json={"subject": "Ada", "purposes": ["avatar"], "statement": "She signed."},
            ),
            "challenge_id": await self._made(
                client,
                "consents/challenges",
                json={"subject": "Ada", "purposes": ["voice"], "language": "en"},
            ),
            "subject_id": await self._made(client, "subjects", json={"name": "Bea"}),
            "video_id": await self._made(
                client, "videos", json={"avatar_id": avatar.id, "script": script}
            ),
            "stream_id": await self._made(client, "streams", json={"avatar_id": avatar.id}),
            "key_id": await self._made(client, "api-keys", json={"name": "k"}),
            "member_id": stage.people.add(account_id, Role.OWNER)[0],
            "review_id": await self._review(client),
            "request_id": await self._archived(client),
            "notice_id": stage.notices.tell(
                account_id, NoticeKind.OTHER, en=NoticeText("Hello")
            ).id,
        }
        stream = self.things["stream_id"]
        self.things["drive_id"] = await self._made(
            client, f"streams/{stream}/drives", json={"text": "Hello."}
        )

    async def _made(self, client: httpx.AsyncClient, path: str, **how: Any) -> str:
        response = await client.post(f"/v1/{path}", **how)
        assert response.is_success, response.text
        return str(response.json()["id"])

    async def _review(self, client: httpx.AsyncClient) -> str:
        speech = {"voice_id": "vo_en_heart", "text": "A doubt."}
        response = await client.post("/v1/speech", json=speech)
        return str(problem(response, 409, "review_pending")["review_id"])

    async def _archived(self, client: httpx.AsyncClient) -> str:
        """A request whose archive can be fetched."""
        body = {"kind": "export", "about": {"account": True}}
        request_id = await self._made(client, "privacy/requests", json=body)
        place = ObjectRef("exports", f"{self.stage.account.id}/{request_id}.zip")
        self.stage.objects.kept[place] = b"PK"
        archive = Archive(place, 2, "ab" * 32, self.stage.clock())
        made = self.stage.rights.kept[request_id]
        self.stage.rights.kept[request_id] = replace(made, archive=archive)
        return request_id

    def path(self, route: APIRoute) -> str:
        """Where the account's own thing is."""
        return re.sub(r"{(\w+)}", lambda found: self.things.get(found[1], "1"), route.path)

    async def answer(
        self, client: httpx.AsyncClient, name: str, secret: str | None
    ) -> httpx.Response:
        """What a caller is answered, about the account's own things."""
        route, body = OPERATIONS[name], BODIES.get(name)
        method = min(route.methods or ())
        how: dict[str, Any] = {"json": body}
        if isinstance(body, str):
            how = {"content": body, "headers": {"Content-Type": TYPES[name]}}
        headers = {**how.pop("headers", {}), **(bearing(secret) if secret else {})}
        return await client.request(method, self.path(route), headers=headers, **how)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    async with house.stage.client() as client:
        await house.fill(client)
    yield house
    await house.stage.sessions.close()


def lacks_scope(response: httpx.Response) -> bool:
    """Whether it was refused for what the caller may not do."""
    told = response.request.method == "HEAD" or "needs the scope" in response.text
    return response.status_code == 403 and told


async def test_without_a_secret_nothing_is_told(house: House) -> None:
    async with house.stage.client("") as client:
        answers = {name: await house.answer(client, name, None) for name in OPERATIONS}
    told = {name for name, answer in answers.items() if answer.status_code != 401}
    assert told == {name for name, who in WHO.items() if who == OPEN}


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_may_what_the_table_says(house: House, role: Role) -> None:
    may = {name for name, who in WHO.items() if who.isupper() and role[0].upper() in who}
    _, token = house.stage.people.add(house.stage.account.id, role, "+442071838750")
    refused = set()
    async with house.stage.client("") as client:
        for name in sorted(set(WHO) - may, key=list(WHO).index):
            if WHO[name].isupper():
                response = await house.answer(client, name, token)
                refused |= {name} if lacks_scope(response) else set()
        granted = {
            name
            for name in may
            if (scope := _scope_of(name)) is not None and scope in SCOPES_OF_ROLE[role]
        }
    assert refused == {name for name, who in WHO.items() if who.isupper()} - may
    assert granted == may


def _scope_of(name: str) -> Scope | None:
    route = OPERATIONS[name]
    assert isinstance(route, Route)
    return route.scope


async def test_a_key_needs_the_very_scope_and_no_other(house: House) -> None:
    stage, wrong = house.stage, []
    async with stage.client("") as client:
        for name, who in WHO.items():
            if not who.isupper():
                continue
            scope = _scope_of(name)
            assert scope is not None
            others = stage.accounts.key_with(stage.account.id, *(set(Scope) - {scope}))
            if not lacks_scope(await house.answer(client, name, others)):
                wrong.append(f"{name} goes without {scope}")
        for name, who in WHO.items():
            # What ends things comes last, so that the others find theirs.
            if who.isupper() and OPERATIONS[name].methods == {"GET"} and name != "follow_video":
                alone = stage.accounts.key_with(stage.account.id, _scope_of(name) or "")
                if (await house.answer(client, name, alone)).status_code in (401, 403):
                    wrong.append(f"{name} does not go with {_scope_of(name)}")
    assert not wrong


async def test_an_api_key_does_nothing_that_is_a_persons_own(house: House) -> None:
    async with house.stage.client("") as client:
        for name, who in WHO.items():
            if who == PERSON:
                response = await house.answer(client, name, house.stage.secret)
                assert "an API key is nobody" in str(problem(response, 403, "forbidden"))


async def test_another_accounts_owner_finds_nothing(house: House) -> None:
    stage, found = house.stage, []
    stranger, key = stage.stranger()
    _, token = stage.people.add(stranger.id, Role.OWNER, "+442071838750")
    before = house.things.copy()
    async with stage.client("") as client:
        for secret in (key, token):
            for name, who in WHO.items():
                names = re.findall(r"{(\w+)}", OPERATIONS[name].path)
                if not names or names == ["version"] or (who == PERSON and secret == key):
                    continue
                response = await house.answer(client, name, secret)
                if response.status_code != 404:
                    found.append(f"{name}: {response.status_code} {response.text}")
    assert not found
    assert house.things == before


async def test_another_accounts_owner_lists_nothing_of_it(house: House) -> None:
    stage = house.stage
    _, key = stage.stranger()
    async with stage.client(key) as client:
        for name, route in OPERATIONS.items():
            if name.startswith("list_") and "{" not in route.path and WHO[name] != PERSON:
                told = (await client.get(route.path)).text
                assert not [thing for thing in house.things.values() if thing in told], name
