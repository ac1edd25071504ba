"""People ask about their data: followed through the whole stack."""

from __future__ import annotations

import hashlib
import io
import json
from zipfile import ZipFile

import httpx
import pytest

from tests.e2e.conftest import PORTRAIT, Api, Json, Refused, Stack, eventually
from tests.e2e.test_live import live

SUBJECT = "employee 4711"
ATTESTED = "She showed her passport at our desk."


def asked(api: Api, kind: str, about: Json, **more: object) -> Json:
    made = api.post("/v1/privacy/requests", {"kind": kind, "about": about, **more})
    return ended(api, made["id"]) if made["state"] == "open" else made


def ended(api: Api, request_id: str) -> Json:
    """The request once it is fulfilled."""

    def fulfilled() -> Json | None:
        request = api.get(f"/v1/privacy/requests/{request_id}")
        assert request["state"] not in {"refused", "cancelled"}
        return request if request["state"] == "fulfilled" else None

    return eventually("the answer", fulfilled)


def archive(api: Api, request: Json) -> ZipFile:
    """What an export made, fetched in two parts."""
    place = f"/v1/privacy/requests/{request['id']}/archive"
    size = request["archive"]["size_bytes"]
    parts = [
        api.http.get(place, headers={"Range": f"bytes={part}"})
        for part in (f"0-{size // 2 - 1}", f"{size // 2}-")
    ]
    assert {part.status_code for part in parts} == {httpx.codes.PARTIAL_CONTENT}
    content = b"".join(part.content for part in parts)
    assert hashlib.sha256(content).hexdigest() == request["archive"]["sha256"]
    return ZipFile(io.BytesIO(content))


def test_a_person_is_told_restricted_and_forgotten(stack: Stack) -> None:
    with stack.api(stack.account("rights")) as api:
        consent = api.post(
            "/v1/consents", {"subject": SUBJECT, "purposes": ["avatar"], "statement": "Signed."}
        )
        made = api.upload("/v1/avatars", "image", PORTRAIT, name="Ada", consent_id=consent["id"])
        face = made["id"]
        eventually("the avatar", lambda: api.get(f"/v1/avatars/{face}")["status"] == "ready")
        video = api.ended(api.video(face, "This is mine."))
        about = {"subject": SUBJECT}

        export = asked(api, "export", about, attested_identity=ATTESTED)
        file = archive(api, export)
        for listed in json.loads(file.read("index.json"))["files"]:
            content = file.read(listed["name"])
            assert hashlib.sha256(content).hexdigest() == listed["sha256"]
        assert file.read(f"media/videos/{video['id']}.mp4") == api.content(video["id"])
        [portrait] = [name for name in file.namelist() if name.startswith("media/assets/")][:1]
        assert file.read(portrait)

        with live(api, face) as stream:
            stream.say("drive", text="We shall talk for a while, and then it is over.")
            stream.heard("drive.started")
            asked(api, "restriction", about, attested_identity=ATTESTED)
            assert stream.heard("stream.state")["reason"] == "restricted"
        with pytest.raises(Refused, match="restricted"):
            api.video(face, "Once more.")
        assert api.content(video["id"])
        asked(api, "lifting", about, attested_identity=ATTESTED)
        api.ended(api.video(face, "Once more."))

        gone = asked(api, "deletion", about, attested_identity=ATTESTED)
        assert gone["report"]["consents"] == [consent["id"]]
        for path in (f"/v1/avatars/{face}", f"/v1/videos/{video['id']}"):
            with pytest.raises(Refused, match="not_found"):
                api.get(path)
        assert api.get(f"/v1/consents/{consent['id']}/certificate")["erased"]["videos"]


def test_an_account_waits_until_its_operator_knows_who_asks(stack: Stack) -> None:
    with stack.api(stack.account("asks")) as api:
        made = asked(api, "access", {"account": True})
        assert (made["state"], made["due_at"]) == ("identity_pending", None)
        printed = stack.operate("requests", "confirm", made["id"], "--reason", "called back")
        assert made["id"] in printed
        done = ended(api, made["id"])
        assert done["identity"] == "operator"
        assert done["due_at"] > done["opened_at"]
        assert {"account", "api_keys"} <= {held["noun"] for held in done["report"]["held"]}
