"""`/v1/moderation`: the account's own policy, and the contents that wait for its people."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from services.common.errors import InvalidInput
from services.gateway.moderation.policy import Policy, Uncovered
from services.gateway.records import ImagePurpose
from tests.contract.gateway.test_doors import problem
from tests.fakes.people import DOUBT
from tests.fakes.stage import Stage

Json = dict[str, Any]
POLICY: Json = {
    "labels": {
        "fraud": {"suggestion": "BLOCK", "review_from": None, "block_from": None},
        "gambling": {"suggestion": None, "review_from": 0.25, "block_from": 0.75},
    },
    "deny": [{"phrase": "miracle cure", "label": "illicit", "suggestion": "REVIEW"}],
    "allow": ["poker face"],
    "languages": ["en"],
    "uncovered": "review",
    "reviewing": {
        "enabled": True,
        "jobs": {"time_limit_s": 3600, "otherwise": "approve"},
        "live": {"time_limit_s": 15, "otherwise": "reject"},
    },
}
PLACE = "/v1/moderation/policy"
REVIEWS = "/v1/moderation/reviews"
SPEECH = {"voice_id": "vo_en_heart", "text": "A bet on it."}


async def waiting(client: httpx.AsyncClient, stage: Stage) -> str:
    """The id of a review of what was to be said."""
    stage.moderator.doubtful = ["bet"]
    refused = problem(await client.post("/v1/speech", json=SPEECH), 409, "review_pending")
    return str(refused["review_id"])


async def decide(client: httpx.AsyncClient, review_id: str, decision: str, **more: Any) -> Json:
    body = {"decision": decision, **more}
    answer = await client.post(f"{REVIEWS}/{review_id}/decisions", json=body)
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


async def test_an_account_begins_without_a_policy_of_its_own(client: httpx.AsyncClient) -> None:
    answer = await client.get(PLACE)
    told = answer.json()
    assert (answer.headers["etag"], told["version"], told["author"]) == ('"0"', 0, None)
    assert told["reviewing"]["jobs"] == {"time_limit_s": 86_400, "otherwise": "reject"}
    assert (await client.get("/v1/moderation/policies")).json() == {"items": []}


async def test_a_policy_is_told_as_it_was_made_and_every_version_is_kept(
    client: httpx.AsyncClient,
) -> None:
    made = await client.put(PLACE, json=POLICY)
    assert made.status_code == 200, made.text
    assert {name: made.json()[name] for name in POLICY} == POLICY
    assert made.json()["version"] == 1
    assert made.json()["author"].startswith("key_")
    assert (await client.get(PLACE)).json() == made.json()
    emptied = await client.put(PLACE, json={})
    assert (emptied.headers["etag"], emptied.json()["labels"]) == ('"2"', {})
    listed = (await client.get("/v1/moderation/policies")).json()["items"]
    assert [one["version"] for one in listed] == [2, 1]
    assert (await client.get("/v1/moderation/policies/1")).json() == made.json()
    problem(await client.get("/v1/moderation/policies/3"), 404, "not_found")
    problem(await client.get(f"/v1/moderation/policies/{2**40}"), 404, "not_found")


async def test_of_two_authors_the_second_learns_of_the_first(client: httpx.AsyncClient) -> None:
    first = await client.put(PLACE, json=POLICY, headers={"If-Match": '"0"'})
    assert first.status_code == 200
    late = await client.put(PLACE, json={}, headers={"If-Match": '"0"'})
    problem(late, 409, "conflict")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"labels": {"nonsense": {}}}, "labels"),
        ({"labels": {"fraud": {"review_from": 0.9, "block_from": 0.1}}}, "labels.fraud"),
        ({"labels": {"fraud": {"suggestion": "PASS"}}}, "labels.fraud.suggestion"),
        ({"labels": {"fraud": {"review_from": 2}}}, "labels.fraud.review_from"),
        ({"deny": [{"phrase": "", "label": "fraud"}]}, "deny.0.phrase"),
        ({"deny": [{"phrase": "x" * 101, "label": "fraud"}]}, "deny.0.phrase"),
        ({"allow": ["x"] * 1001}, "allow"),
        ({"languages": ["english"]}, "languages.0"),
        ({"uncovered": "block"}, "uncovered"),
        ({"reviewing": {"jobs": {"time_limit_s": 1}}}, "reviewing.jobs.time_limit_s"),
        ({"reviewing": {"live": {"time_limit_s": 601}}}, "reviewing.live.time_limit_s"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_policies_that_make_no_sense_are_refused_by_the_field(
    client: httpx.AsyncClient, body: Json, place: str
) -> None:
    told = problem(await client.put(PLACE, json=body), 422, "validation_failed")
    assert place in json.dumps(told["errors"])


async def test_a_policy_that_moderation_can_not_use_is_not_kept(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.moderator.error = InvalidInput("deny: '…' has no letters")
    told = problem(await client.put(PLACE, json=POLICY), 422, "validation_failed")
    assert "no letters" in str(told["detail"])
    assert (await client.get(PLACE)).json()["version"] == 0


async def test_everything_is_judged_by_the_account_s_policy(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    await client.put(PLACE, json=POLICY)
    stage.moderator.policies.clear()
    await client.post("/v1/speech", json=SPEECH)
    await client.post("/v1/moderation/check", json={"texts": ["Hello."]})
    files = {"image": ("me.png", b"IMG")}
    data = {"name": "Ada", "subject_authorised": "true"}
    avatar = (await client.post("/v1/avatars", files=files, data=data)).json()
    stage.avatars.kept[avatar["id"]] = stage.avatars.add(stage.account.id)
    used = stage.moderator.policies
    assert len(used) == 3
    assert {policy.version for policy in used if policy} == {1}
    assert isinstance(used[0], Policy)
    assert used[0].uncovered is Uncovered.REVIEW
    assert stage.moderator.purposes == [ImagePurpose.PORTRAIT]


async def test_a_policy_is_its_account_s_alone(stage: Stage, client: httpx.AsyncClient) -> None:
    await client.put(PLACE, json=POLICY)
    _, secret = stage.stranger()
    async with stage.client(secret) as stranger:
        assert (await stranger.get(PLACE)).json()["version"] == 0


async def test_what_was_approved_can_be_said(stage: Stage, client: httpx.AsyncClient) -> None:
    review_id = await waiting(client, stage)
    assert not stage.speaker.spoken
    (listed,) = (await client.get(REVIEWS, params={"status": "pending"})).json()["items"]
    assert listed["id"] == review_id
    assert (listed["text"], listed["purpose"]) == ("A bet on it.", "speech")
    assert listed["categories"][0]["label"] == "gambling"
    assert listed["categories"][0]["spans"] == [{"start": 0, "end": 4}]
    assert listed["policy_version"] == DOUBT.policy_version
    decided = await decide(client, review_id, "approve", note="a figure of speech")
    assert (decided["status"], decided["decided"]) == ("approved", True)
    assert decided["decisions"][0]["note"] == "a figure of speech"
    assert (await client.post("/v1/speech", json=SPEECH)).status_code == 200
    assert (await client.get(REVIEWS, params={"status": "pending"})).json()["items"] == []


async def test_a_decision_can_be_taken_back(stage: Stage, client: httpx.AsyncClient) -> None:
    review_id = await waiting(client, stage)
    await decide(client, review_id, "approve")
    await decide(client, review_id, "reject")
    problem(await client.post("/v1/speech", json=SPEECH), 403, "content_rejected")
    told = (await client.get(f"{REVIEWS}/{review_id}")).json()
    assert [one["status"] for one in told["decisions"]] == ["approved", "rejected"]
    assert told["decisions"][0]["author"].startswith("key_")


async def test_a_job_tells_which_review_it_waits_for(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.moderator.verdict = DOUBT
    wall = await client.post("/v1/assets", files={"file": ("wall.png", b"IMG")})
    body = {
        "avatar_id": stage.avatars.add(stage.account.id).id,
        "script": {"type": "text", "text": "Hello."},
        "output": {"background": {"type": "image", "asset_id": wall.json()["id"]}},
    }
    held = problem(await client.post("/v1/videos", json=body), 409, "review_pending")
    assert not stage.videos.kept
    review = (await client.get(f"{REVIEWS}/{held['review_id']}")).json()
    assert (review["kind"], review["purpose"], review["text"]) == ("image", "background", None)
    seen = await client.get(review["content_url"])
    assert (seen.status_code, seen.content) == (200, b"IMG")
    assert seen.headers["content-type"].startswith("image/")
    await decide(client, str(held["review_id"]), "approve")
    assert (await client.post("/v1/videos", json=body)).status_code == 202


async def test_reviews_are_their_account_s_alone(stage: Stage, client: httpx.AsyncClient) -> None:
    review_id = await waiting(client, stage)
    _, secret = stage.stranger()
    async with stage.client(secret) as stranger:
        assert (await stranger.get(REVIEWS)).json()["items"] == []
        for method, path, body in (
            ("GET", f"{REVIEWS}/{review_id}", None),
            ("GET", f"{REVIEWS}/{review_id}/content", None),
            ("POST", f"{REVIEWS}/{review_id}/decisions", {"decision": "approve"}),
        ):
            problem(await stranger.request(method, path, json=body), 404, "not_found")


async def test_a_text_has_no_file(stage: Stage, client: httpx.AsyncClient) -> None:
    review_id = await waiting(client, stage)
    problem(await client.get(f"{REVIEWS}/{review_id}/content"), 404, "not_found")


@pytest.mark.parametrize(
    "body", [{}, {"decision": "maybe"}, {"decision": "approve", "note": "x" * 1001}]
)
async def test_decisions_that_make_no_sense_are_refused(
    stage: Stage, client: httpx.AsyncClient, body: Json
) -> None:
    review_id = await waiting(client, stage)
    answer = await client.post(f"{REVIEWS}/{review_id}/decisions", json=body)
    problem(answer, 422, "validation_failed")


async def test_only_what_was_chosen_is_given_to_learn_from(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    review_id = await waiting(client, stage)
    place = "/v1/moderation/training-data"
    assert (await client.get(place)).text == ""
    await decide(client, review_id, "reject", use_for_training=True)
    lines = (await client.get(place)).text.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"text": "A bet on it.", "labels": ["gambling"], "decision": "rejected"}
    ]
    await decide(client, review_id, "reject", use_for_training=False)
    assert (await client.get(place)).text == ""
