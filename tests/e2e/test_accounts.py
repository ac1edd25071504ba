"""A person signs up by phone on the whole stack, with the code that the local default logs."""

from __future__ import annotations

import re

import httpx

from tests.e2e.conftest import Api, Stack, eventually

PHONE = "+8613800138000"


def code_of(stack: Stack, purpose: str) -> str:
    """The code that was written to the gateway's log."""

    def written() -> str | None:
        lines = [each for each in stack.log("gateway").splitlines() if purpose in each]
        found = [re.search(r"\bcode\W+([0-9]{6})\b", line) for line in lines]
        codes = [match[1] for match in found if match]
        return codes[-1] if codes else None

    return eventually("the code", written)


def test_a_phone_becomes_an_account_that_is_its_own(stack: Stack, api: Api) -> None:
    with httpx.Client(base_url=api.http.base_url, trust_env=False, timeout=60) as stranger:
        body = {"phone": PHONE, "purpose": "sign_up"}
        assert stranger.post("/v1/codes", json=body).status_code == httpx.codes.ACCEPTED
        new = {
            "phone": PHONE,
            "code": code_of(stack, "sign_up"),
            "kind": "enterprise",
            "name": "Ada's",
        }
        made = stranger.post("/v1/accounts", json=new)
        assert made.status_code == httpx.codes.CREATED, made.text
        stranger.headers["Authorization"] = f"Bearer {made.json()['token']}"
        me = stranger.get("/v1/me").json()
        assert (me["phone"], me["role"]) == (PHONE, "owner")
        assert me["account_id"] != api.get("/v1/account")["id"]
        key = stranger.post("/v1/api-keys", json={"name": "reader", "scopes": ["videos:read"]})
        stranger.headers["Authorization"] = f"Bearer {key.json()['secret']}"
        assert stranger.get("/v1/videos").json()["items"] == []
        assert stranger.get("/v1/avatars").status_code == httpx.codes.FORBIDDEN
    assert PHONE not in stack.log("gateway")
