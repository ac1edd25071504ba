"""A phrase is read on camera, followed through the whole stack.

Who reads it is an avatar of this service: that it passes shows, too, what the check can't tell.
"""

from __future__ import annotations

from tests.e2e.conftest import PORTRAIT, Api, Stack, eventually

PLACE = "/v1/consents/challenges"


def read(api: Api, face: str, text: str) -> bytes:
    """A film of the face reading."""
    done = api.ended(api.video(face, text))
    assert done["status"] == "succeeded"
    return api.content(done["id"])


def test_what_is_read_is_checked(stack: Stack) -> None:
    with stack.api(stack.account("reads")) as api:
        portrait = api.upload("/v1/assets", "file", PORTRAIT)["id"]
        made = api.upload("/v1/avatars", "image", PORTRAIT, name="A", subject_authorised="true")
        face = made["id"]
        eventually("the avatar", lambda: api.get(f"/v1/avatars/{face}")["status"] == "ready")
        body = {"subject": "employee 4711", "purposes": ["avatar", "voice"], "language": "en"}
        asked = api.post(PLACE, {**body, "asset_id": portrait})
        place = f"{PLACE}/{asked['id']}/recording"
        wrong = read(api, face, "I agree to the use of my face. One, two, three, four, five, six.")
        refused = api.http.put(place, files={"file": ("me.mp4", wrong)}, timeout=120)
        assert refused.json()["code"] == "consent_not_verified", refused.text
        assert "words: read the whole phrase" in refused.json()["detail"]

        right = read(api, face, asked["phrase"])
        answer = api.http.put(place, files={"file": ("me.mp4", right)}, timeout=120)
        assert answer.is_success, answer.text
        consent = answer.json()
        assert (consent["evidence"], consent["statement"]) == ("verified", asked["phrase"])
        ended = api.post(f"/v1/consents/{consent['id']}/withdrawal", {})
        assert ended["erased"]["objects"] == 1
