"""People over HTTP: codes, sign-up, sessions, who one is, members."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
import structlog
from pydantic import ValidationError

from services.common.errors import Unavailable
from services.gateway.app import code_sender_of
from services.gateway.code_sender import CodeMessage, LogSender, WebhookSender
from services.gateway.permissions import SCOPES_OF_ROLE, Role, Scope
from services.gateway.settings import GatewaySettings
from services.gateway.signatures import sign
from tests.contract.gateway.test_doors import problem
from tests.contract.gateway.test_keys import bearing
from tests.fakes.stage import Stage

ADA, EVE = "+8613800138000", "+442071838750"
SECRET = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="  # noqa: S105 - of no endpoint
MESSAGE = CodeMessage(ADA, "012345", "sign_in", "zh")


async def code_for(stage: Stage, client: httpx.AsyncClient, phone: str, purpose: str) -> str:
    stage.clock.advance(minutes=1)
    body = {"phone": phone, "purpose": purpose, "language": "zh"}
    response = await client.post("/v1/codes", json=body)
    assert response.status_code == 202, response.text
    return stage.code_sender.sent[-1].code


async def sign_up(
    stage: Stage, client: httpx.AsyncClient, phone: str = ADA, **more: str
) -> dict[str, str]:
    code = await code_for(stage, client, phone, "sign_up")
    body = {"phone": phone, "code": code, "kind": "enterprise", "name": "Ada's", **more}
    response = await client.post("/v1/accounts", json=body)
    assert response.status_code == 201, response.text
    told: dict[str, str] = response.json()
    return told


async def sign_in(
    stage: Stage, client: httpx.AsyncClient, phone: str, **more: str
) -> httpx.Response:
    code = await code_for(stage, client, phone, "sign_in")
    return await client.post("/v1/sessions", json={"phone": phone, "code": code, **more})


async def test_a_phone_becomes_an_account_and_a_session(stage: Stage) -> None:
    async with stage.client("") as client:
        made = await sign_up(stage, client, "+86 138-0013-8000", user_name="Ada", email="a@b.org")
        sent = stage.code_sender.sent[-1]
        assert (sent.phone, sent.purpose, sent.language) == (ADA, "sign_up", "zh")
        session = bearing(made["token"])
        me = (await client.get("/v1/me", headers=session)).json()
        assert me["id"] == made["person_id"]
        assert (me["phone"], me["user_name"], me["email"]) == (ADA, "Ada", "a@b.org")
        assert (me["role"], set(me["scopes"])) == ("owner", set(Scope))
        account = (await client.get("/v1/account", headers=session)).json()
        assert account["id"] == made["account_id"]
        assert account["kind"] == "enterprise"
        again = (await sign_in(stage, client, ADA)).json()
        assert (again["person_id"], again["account_id"]) == (me["id"], account["id"])


async def test_the_answer_is_the_same_whoever_the_phone_is(stage: Stage) -> None:
    async with stage.client("") as client:
        await sign_up(stage, client, ADA)
        answers = []
        for phone in (ADA, EVE):
            stage.clock.advance(minutes=1)
            body = {"phone": phone, "purpose": "sign_in"}
            response = await client.post("/v1/codes", json=body)
            answers.append((response.status_code, set(response.json())))
    assert answers[0] == answers[1]


async def test_a_wrong_code_lets_nobody_in(stage: Stage) -> None:
    async with stage.client("") as client:
        await sign_up(stage, client)
        await code_for(stage, client, ADA, "sign_in")
        body = {"phone": ADA, "code": "000000"}
        problem(await client.post("/v1/sessions", json=body), 422, "code_invalid")
        new = {**body, "kind": "personal", "name": "x"}
        problem(await client.post("/v1/accounts", json=new), 422, "code_invalid")


async def test_who_has_several_accounts_names_one(stage: Stage) -> None:
    async with stage.client("") as client:
        first = await sign_up(stage, client)
        await sign_up(stage, client)
        answer = problem(await sign_in(stage, client, ADA), 422, "validation_failed")
        assert first["account_id"] in str(answer["detail"])
        chosen = await sign_in(stage, client, ADA, account_id=first["account_id"])
        assert chosen.json()["account_id"] == first["account_id"]
        problem(await sign_in(stage, client, EVE), 404, "not_found")
        other = await sign_in(stage, client, EVE, account_id=first["account_id"])
        problem(other, 404, "not_found")


@pytest.mark.parametrize("phone", ["", "138 0013 8000", "+86 1", "+1 555 555 555 555", "phone", 5])
async def test_what_is_no_phone_is_refused(client: httpx.AsyncClient, phone: object) -> None:
    body = {"phone": phone, "purpose": "sign_in"}
    answer = problem(await client.post("/v1/codes", json=body), 422, "validation_failed")
    assert "body.phone" in json.dumps(answer["errors"])


async def test_a_phone_of_the_operators_country_needs_no_code() -> None:
    stage = Stage(GatewaySettings(phone_region="CN"))
    async with stage.client("") as client:
        response = await client.post(
            "/v1/codes", json={"phone": "138 0013 8000", "purpose": "sign_in"}
        )
    assert response.json()["phone"] == ADA


async def test_strangers_are_counted_by_where_they_come_from() -> None:
    stage = Stage(GatewaySettings(open_rate_limit="2/minute"))
    async with stage.client("") as client:
        body = {"phone": ADA, "code": "123456"}
        answers = [await client.post("/v1/sessions", json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert problem(answers[2], 429, "overloaded")["retryable"] is True


async def test_a_code_that_could_not_be_sent_is_told(
    stage: Stage, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: CodeMessage) -> None:
        raise Unavailable("the code could not be sent", retry_after_s=60)

    monkeypatch.setattr(stage.code_sender, "send", broken)
    body = {"phone": ADA, "purpose": "sign_in"}
    problem(await client.post("/v1/codes", json=body), 503, "unavailable")


async def test_sessions_are_listed_and_ended(stage: Stage) -> None:
    async with stage.client("") as client:
        first = await sign_up(stage, client)
        second = (await sign_in(stage, client, ADA)).json()
        one, two = bearing(first["token"]), bearing(second["token"])
        listed = (await client.get("/v1/sessions", headers=two)).json()["items"]
        assert {each["id"]: each["current"] for each in listed} == {
            first["id"]: False,
            second["id"]: True,
        }
        path = f"/v1/sessions/{first['id']}"
        assert (await client.delete(path, headers=two)).status_code == 204
        problem(await client.get("/v1/me", headers=one), 401, "unauthenticated")
        problem(await client.delete(path, headers=two), 404, "not_found")
        third = (await sign_in(stage, client, ADA)).json()
        kept = await client.delete("/v1/sessions?others_only=true", headers=two)
        assert kept.status_code == 204
        gone = await client.get("/v1/me", headers=bearing(third["token"]))
        problem(gone, 401, "unauthenticated")
        assert (await client.delete("/v1/sessions/current", headers=two)).status_code == 204
        problem(await client.get("/v1/me", headers=two), 401, "unauthenticated")


async def test_signing_out_holds_at_once_where_it_was_done() -> None:
    stage = Stage(GatewaySettings(key_cache_s=30))
    _, token = stage.people.add(stage.account.id, Role.OWNER)
    async with stage.client(token) as client:
        assert (await client.get("/v1/me")).is_success
        await client.delete("/v1/sessions")
        problem(await client.get("/v1/me"), 401, "unauthenticated")


async def test_another_persons_session_does_not_exist(stage: Stage) -> None:
    async with stage.client("") as client:
        mine = await sign_up(stage, client, ADA)
        other = await sign_up(stage, client, EVE)
        path = f"/v1/sessions/{other['id']}"
        response = await client.delete(path, headers=bearing(mine["token"]))
        problem(response, 404, "not_found")
        assert (await client.get("/v1/me", headers=bearing(other["token"]))).is_success


async def test_one_tells_who_one_is_and_takes_it_back(stage: Stage) -> None:
    _, token = stage.people.add(stage.account.id, Role.AUDITOR)
    async with stage.client(token) as client:
        told = await client.patch("/v1/me", json={"user_name": " Ada ", "email": "a@b.org"})
        assert (told.json()["user_name"], told.json()["email"]) == ("Ada", "a@b.org")
        kept = (await client.patch("/v1/me", json={"email": None})).json()
        assert (kept["user_name"], kept["email"]) == ("Ada", None)
        for wrong in ({"email": "ada"}, {"user_name": ""}, {"phone": EVE}):
            problem(await client.patch("/v1/me", json=wrong), 422, "validation_failed")


async def test_another_phone_signs_in_from_then_on(stage: Stage) -> None:
    async with stage.client("") as client:
        made = await sign_up(stage, client, ADA)
        other = (await sign_in(stage, client, ADA)).json()
        session = bearing(made["token"])
        old = await code_for(stage, client, ADA, "old_phone")
        code = await code_for(stage, client, EVE, "new_phone")
        body = {"phone": EVE, "code": code, "old_code": old}
        for change in ({"code": "000000"}, {"old_code": code}):
            wrong = {**body, **change}
            refused = await client.post("/v1/me/phone", json=wrong, headers=session)
            problem(refused, 422, "code_invalid")
        told = await client.post("/v1/me/phone", json=body, headers=session)
        assert told.json()["phone"] == EVE
        elsewhere = await client.get("/v1/me", headers=bearing(other["token"]))
        problem(elsewhere, 401, "unauthenticated")
        problem(await sign_in(stage, client, ADA), 404, "not_found")
        assert (await sign_in(stage, client, EVE)).json()["person_id"] == made["person_id"]


async def test_an_api_key_is_nobody(client: httpx.AsyncClient) -> None:
    for path in ("/v1/me", "/v1/sessions"):
        problem(await client.get(path), 403, "forbidden")


async def test_members_are_invited_changed_and_removed(stage: Stage) -> None:
    async with stage.client("") as client:
        owner = bearing((made := await sign_up(stage, client, ADA))["token"])
        body = {"phone": EVE, "role": "reviewer"}
        invited = (await client.post("/v1/members", json=body, headers=owner)).json()
        assert (invited["status"], invited["phone"]) == ("invited", "+44 207****8750")
        joined = (await sign_in(stage, client, EVE)).json()
        assert joined["account_id"] == made["account_id"]
        listed = (await client.get("/v1/members", headers=owner)).json()["items"]
        assert [(each["id"], each["role"], each["status"]) for each in listed] == [
            (made["person_id"], "owner", "active"),
            (joined["person_id"], "reviewer", "active"),
        ]
        path = f"/v1/members/{joined['person_id']}"
        assert (await client.patch(path, json={"role": "auditor"}, headers=owner)).is_success
        member = bearing(joined["token"])
        assert (await client.get("/v1/me", headers=member)).json()["role"] == "auditor"
        assert (await client.delete(path, headers=owner)).status_code == 204
        problem(await client.get("/v1/me", headers=member), 401, "unauthenticated")


async def test_the_last_owner_neither_leaves_nor_is_lowered(stage: Stage) -> None:
    person_id, token = stage.people.add(stage.account.id, Role.OWNER)
    async with stage.client(token) as client:
        path = f"/v1/members/{person_id}"
        problem(await client.patch(path, json={"role": "auditor"}), 409, "conflict")
        problem(await client.delete(path), 409, "conflict")
        problem(await client.delete("/v1/me/membership"), 409, "conflict")


async def test_whoever_is_no_owner_may_still_leave(stage: Stage) -> None:
    stage.people.add(stage.account.id, Role.OWNER, ADA)
    _, token = stage.people.add(stage.account.id, Role.AUDITOR, EVE)
    async with stage.client(token) as client:
        assert (await client.delete("/v1/me/membership")).status_code == 204
        problem(await client.get("/v1/me"), 401, "unauthenticated")


async def test_nobody_makes_others_more_than_they_are(stage: Stage) -> None:
    owner_id, _ = stage.people.add(stage.account.id, Role.OWNER, ADA)
    auditor_id, _ = stage.people.add(stage.account.id, Role.AUDITOR, EVE)
    scopes = {"members:read", "members:write"} | SCOPES_OF_ROLE[Role.AUDITOR]
    async with stage.client(stage.accounts.key_with(stage.account.id, *scopes)) as client:
        body = {"phone": "+14155552671", "role": "owner"}
        problem(await client.post("/v1/members", json=body), 403, "forbidden")
        path = f"/v1/members/{auditor_id}"
        problem(await client.patch(path, json={"role": "developer"}), 403, "forbidden")
        problem(await client.delete(f"/v1/members/{owner_id}"), 403, "forbidden")
        assert (await client.delete(path)).status_code == 204


async def test_another_accounts_members_do_not_exist(stage: Stage) -> None:
    member_id, _ = stage.people.add(stage.account.id, Role.OWNER)
    _, secret = stage.stranger()
    async with stage.client(secret) as client:
        path = f"/v1/members/{member_id}"
        problem(await client.patch(path, json={"role": "auditor"}), 404, "not_found")
        problem(await client.delete(path), 404, "not_found")
        assert (await client.get("/v1/members")).json()["items"] == []


async def test_the_log_says_that_whoever_reads_it_gets_in() -> None:
    with structlog.testing.capture_logs() as lines:
        await LogSender().send(MESSAGE)
    (line,) = lines
    assert (line["code"], line["phone"]) == ("012345", "+86 138****8000")
    assert "whoever reads this log can sign in" in line["note"]


def endpoint(answer: Callable[[httpx.Request], httpx.Response]) -> WebhookSender:
    return WebhookSender("http://sms.internal/send", SECRET, httpx.MockTransport(answer))


async def test_the_operators_endpoint_gets_codes_that_are_signed() -> None:
    came: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        came.append(request)
        return httpx.Response(204)

    with structlog.testing.capture_logs() as lines:
        await endpoint(answer).send(MESSAGE)
    (request,) = came
    assert json.loads(request.content) == {
        "type": "code.requested",
        "data": {"phone": ADA, "code": "012345", "purpose": "sign_in", "language": "zh"},
    }
    message_id, at_s = request.headers["webhook-id"], int(request.headers["webhook-timestamp"])
    signature = sign(SECRET, message_id, at_s, request.content)
    assert request.headers["webhook-signature"] == signature
    assert "012345" not in str(lines)
    assert "138" not in str(lines)


@pytest.mark.parametrize("trouble", [httpx.Response(500), httpx.ConnectError("down")])
async def test_an_endpoint_that_refuses_is_told(trouble: httpx.Response | Exception) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(trouble, Exception):
            raise trouble
        return trouble

    with pytest.raises(Unavailable):
        await endpoint(answer).send(MESSAGE)


def test_the_settings_say_how_codes_are_sent() -> None:
    assert isinstance(code_sender_of(GatewaySettings()), LogSender)
    told = GatewaySettings.model_validate(
        {"code_webhook_url": "https://sms.example.org", "code_webhook_secret": SECRET}
    )
    assert isinstance(code_sender_of(told), WebhookSender)
    for secret in ("", "whsec_", "whsec_?", "c2VjcmV0IHNlY3JldCBzZWNyZXQ="):
        with pytest.raises(ValidationError, match="code_webhook_secret"):
            GatewaySettings.model_validate(
                {"code_webhook_url": "https://sms.example.org", "code_webhook_secret": secret}
            )


async def closing(stage: Stage, client: httpx.AsyncClient) -> tuple[dict[str, str], str]:
    """An account that is being deregistered, signed in to, and the receipt."""
    made = await sign_up(stage, client)
    code = await code_for(stage, client, ADA, "deregistration")
    body = {"code": code, "reason": "We are done."}
    answer = await client.post(
        "/v1/account/deregistration", json=body, headers=bearing(made["token"])
    )
    assert answer.status_code == 202, answer.text
    return made, answer.json()["receipt"]


async def test_while_an_account_closes_nothing_new_is_made_and_all_else_goes_on(
    stage: Stage,
) -> None:
    async with stage.client("") as client:
        made, _ = await closing(stage, client)
        owner = bearing(made["token"])
        account = (await client.get("/v1/account", headers=owner)).json()
        end = (await client.get("/v1/account/deregistration", headers=owner)).json()
        assert account["erases_at"] == end["erases_at"]
        for path in ("/v1/videos", "/v1/streams", "/v1/api-keys", "/v1/avatars", "/v1/speech"):
            problem(await client.post(path, json={}, headers=owner), 403, "account_closing")
            if path != "/v1/speech":
                assert (await client.get(path, headers=owner)).is_success, path
        for method, path in (
            ("POST", "/v1/videos/vd_none/cancel"),
            ("DELETE", "/v1/videos/vd_none"),
            ("DELETE", "/v1/avatars/av_none"),
        ):
            problem(await client.request(method, path, headers=owner), 404, "not_found")
        withdrawn = await client.post("/v1/consents/cn_none/withdrawal", json={}, headers=owner)
        problem(withdrawn, 404, "not_found")


async def test_an_owner_takes_the_end_back(stage: Stage) -> None:
    async with stage.client("") as client:
        made, _ = await closing(stage, client)
        owner = bearing(made["token"])
        path = "/v1/account/deregistration"
        assert (await client.delete(path, headers=owner)).status_code == 204
        problem(await client.delete(path, headers=owner), 404, "not_found")
        assert (await client.get("/v1/account", headers=owner)).json()["erases_at"] is None
        again = await client.post("/v1/api-keys", json={"name": "k"}, headers=owner)
        assert again.status_code == 201


async def test_a_key_ends_no_account_even_with_every_scope(client: httpx.AsyncClient) -> None:
    body = {"code": "123456"}
    answer = await client.post("/v1/account/deregistration", json=body)
    assert "an API key is nobody" in str(problem(answer, 403, "forbidden"))


async def test_the_receipt_fetches_the_certificate_when_all_is_gone(stage: Stage) -> None:
    async with stage.client("") as client:
        made, receipt = await closing(stage, client)
        path = "/v1/account/certificate"
        problem(await client.get(path), 401, "unauthenticated")
        problem(await client.get(path, headers=bearing("vr_guess")), 404, "not_found")
        problem(await client.get(path, headers=bearing(receipt)), 409, "conflict")
        stage.clock.advance(days=15)
        told = (await client.get(path, headers=bearing(receipt))).json()
        assert told["erased"] == {"type": "account_erasure", "account_id": made["account_id"]}
