"""What people write, and what opens doors, stands in no log of any process."""

from __future__ import annotations

from tests.e2e.conftest import Api, Stack
from tests.e2e.test_live import live

SAID = "Marzipan for the harbour master"
DRIVEN = "Turnips for the postman"
SUBJECT = "Ottoline Quackenbush"
STATEMENT = "Signed at the kitchen table"
NOTE = "She wrote from Timbuktu"
PHRASE = "peppermint dromedary"


def logs(stack: Stack) -> str:
    """Everything that any process has logged."""
    return "\n".join(path.read_text("utf-8") for path in (stack.home / "logs").glob("*.log"))


def test_no_text_no_name_and_no_secret_is_logged(stack: Stack) -> None:
    key = stack.account("discreet")
    with stack.api(key) as api:
        face = api.avatar()
        secret = api.post("/v1/api-keys", {"name": "spare"})["secret"]
        consent = api.post(
            "/v1/consents", {"subject": SUBJECT, "purposes": ["avatar"], "statement": STATEMENT}
        )
        assert api.ended(api.video(face, f"{SAID}."))["status"] == "succeeded"
        token, review_id = driven(api, face)
        api.post(
            f"/v1/moderation/reviews/{review_id}/decisions", {"decision": "reject", "note": NOTE}
        )
        api.post(f"/v1/consents/{consent['id']}/withdrawal", {"note": NOTE})
    kept = logs(stack)
    assert review_id in kept
    assert consent["id"] in kept
    for hidden in (key, secret, token, SAID, DRIVEN, SUBJECT, STATEMENT, NOTE, PHRASE):
        assert hidden not in kept, hidden


def driven(api: Api, face: str) -> tuple[str, str]:
    """A stream's token, and the review of a text that its account wants a person to read."""
    with live(api, face) as stream:
        assert stream.drive(f"{DRIVEN}.")["type"] == "drive.finished"
        token = api.post(f"/v1/streams/{stream.id}/tokens", {"rights": ["view"]})["token"]
        deny = [{"phrase": PHRASE, "label": "illicit", "suggestion": "REVIEW"}]
        assert api.http.put("/v1/moderation/policy", json={"deny": deny}).is_success
        stream.say("drive", text=f"A {PHRASE}, please.")
        return str(token), str(stream.heard("moderation.held")["review_id"])
