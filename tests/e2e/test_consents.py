"""A consent is withdrawn while its face is drawn: followed through the whole stack."""

from __future__ import annotations

import base64

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.e2e.conftest import PORTRAIT, Api, Json, Refused, Stack, eventually
from tests.e2e.test_live import live

LONG = "We shall talk about this for a while. " * 40


def certificate(api: Api, consent_id: str) -> Json:
    """The proof, once everything is gone."""

    def asked() -> Json | None:
        answer = api.http.get(f"/v1/consents/{consent_id}/certificate")
        assert answer.status_code in {httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE}
        told: Json = answer.json()
        return told if answer.is_success else None

    return eventually("the certificate", asked)


def test_with_its_consent_ends_all_use_of_a_face(stack: Stack) -> None:
    with stack.api(stack.account("withdrawn")) as api:
        consent = api.post(
            "/v1/consents",
            {"subject": "employee 4711", "purposes": ["avatar"], "statement": "Signed."},
        )
        made = api.upload("/v1/avatars", "image", PORTRAIT, name="Ada", consent_id=consent["id"])
        face = made["id"]
        eventually("the avatar", lambda: api.get(f"/v1/avatars/{face}")["status"] == "ready")
        done = api.ended(api.video(face, "This one stays."))
        assert done["status"] == "succeeded"
        with live(api, face) as stream:
            stream.say("drive", text="We shall talk for a while, and then it is over.")
            stream.heard("drive.started")
            video = api.until(api.video(face, LONG), "rendering")
            assert video["status"] == "rendering"
            ended = api.post(f"/v1/consents/{consent['id']}/withdrawal", {"note": "by letter"})
            assert stream.heard("stream.state")["reason"] == "consent_withdrawn"
        assert ended["erased"]["avatars"] == [face]
        assert ended["erased"]["videos"] == [video["id"]]
        assert api.ended(video["id"])["status"] == "cancelled"

        proof = certificate(api, consent["id"])
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(proof["public_key"]))
        key.verify(base64.b64decode(proof["signature"]), proof["statement"].encode())
        assert len(proof["erased"]["objects"]) >= 4

        for path in (f"/v1/avatars/{face}", f"/v1/avatars/{face}/preview"):
            with pytest.raises(Refused, match="not_found"):
                api.get(path)
        assert api.content(done["id"])
        with pytest.raises(Refused, match="not_found"):
            api.video(face, "Once more.")
        with pytest.raises(Refused, match="consent_required"):
            api.upload("/v1/avatars", "image", PORTRAIT, name="Ada", consent_id=consent["id"])
