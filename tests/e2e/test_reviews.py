"""Moderation by an account's own policy, and its people, through the whole stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Api, Json, Refused, Stack
from tests.e2e.test_live import live

PHRASE = "golden pineapple"
TEXT = f"Please buy the {PHRASE} today."
POLICY: Json = {
    "deny": [{"phrase": PHRASE, "label": "illicit", "suggestion": "REVIEW"}],
    "reviewing": {"live": {"time_limit_s": 120}},
}


@pytest.fixture(scope="module")
def reviewed(stack: Stack) -> Iterator[Api]:
    """An account of its own, whose policy wants a person to read of golden pineapples."""
    with stack.api(stack.account("reviewed")) as api:
        answer = api.http.put("/v1/moderation/policy", json=POLICY)
        assert answer.status_code == 200, answer.text
        yield api


@pytest.fixture(scope="module")
def face(reviewed: Api) -> str:
    return reviewed.avatar()


def decide(api: Api, review_id: str, decision: str) -> Json:
    return api.post(f"/v1/moderation/reviews/{review_id}/decisions", {"decision": decision})


def held(api: Api, video_id: str) -> Json:
    """The video once it waits for a person."""
    video = api.until(video_id, "moderating")
    while not video["review_id"]:
        video = api.until(video_id, "moderating")
    assert video["status"] == "moderating"
    return video


def test_a_job_waits_for_a_person_and_is_made_once_that_is_approved(
    reviewed: Api, face: str
) -> None:
    video = held(reviewed, reviewed.video(face, TEXT))
    (listed,) = reviewed.get("/v1/moderation/reviews", status="pending")["items"]
    assert listed["id"] == video["review_id"]
    (span,) = listed["categories"][0]["spans"]
    assert TEXT[span["start"] : span["end"]].lower() == PHRASE
    assert "account-1" in listed["policy_version"]
    decide(reviewed, video["review_id"], "approve")
    assert reviewed.ended(video["id"])["status"] == "succeeded"


def test_a_disguise_does_not_help_and_a_refusal_ends_the_job(reviewed: Api, face: str) -> None:
    video = held(reviewed, reviewed.video(face, "Buy the g0lden p1neapple, all of you."))
    decide(reviewed, video["review_id"], "reject")
    ended = reviewed.ended(video["id"])
    assert (ended["status"], ended["error"]["code"]) == ("rejected", "content_rejected")
    assert ended["error"]["categories"] == ["illicit"]


def test_others_are_judged_as_ever(api: Api) -> None:
    (verdict,) = api.post("/v1/moderation/check", {"texts": [TEXT]})["results"]
    assert verdict["suggestion"] == "PASS"


def test_a_stream_stands_still_until_a_person_has_decided(reviewed: Api, face: str) -> None:
    text = f"I have a {PHRASE} at home."
    with live(reviewed, face) as stream:
        stream.say("drive", text=text)
        review = stream.heard("moderation.held")
        assert review["categories"] == ["illicit"]
        decide(reviewed, review["review_id"], "approve")
        assert stream.heard("moderation.decided")["approved"] is True
        assert stream.heard("drive.finished")["played_ms"] > 500


def test_a_policy_that_can_not_be_used_is_refused_with_what_to_change(reviewed: Api) -> None:
    policy = {"deny": [{"phrase": "!!!", "label": "fraud"}]}
    answer = reviewed.http.put("/v1/moderation/policy", json=policy)
    assert answer.status_code == 422, answer.text
    assert "deny" in answer.json()["detail"]
    rules = {"labels": {"sexual_minors": {"suggestion": "REVIEW"}}}
    answer = reviewed.http.put("/v1/moderation/policy", json=rules)
    assert answer.status_code == 422, answer.text
    assert reviewed.get("/v1/moderation/policy")["version"] == 1


def test_what_is_asked_for_at_once_tells_which_review_it_needs(reviewed: Api) -> None:
    body = {"voice_id": "vo_en_heart", "text": f"A {PHRASE}, please."}
    with pytest.raises(Refused) as refused:
        reviewed.post("/v1/speech", body)
    assert (refused.value.status, refused.value.problem["code"]) == (409, "review_pending")
    decide(reviewed, refused.value.problem["review_id"], "approve")
    assert reviewed.http.post("/v1/speech", json=body).status_code == 200
