"""What moderation says of texts, pictures and recordings, over HTTP."""

from __future__ import annotations

import io
import wave
from typing import Any

import httpx
import pytest

from services.gateway.records import Finding, Suggestion, Verdict
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage

URL = "/v1/moderation/check"
FOUND = Verdict(
    Suggestion.BLOCK,
    ("fraud",),
    "lists-1",
    findings=(Finding("fraud", "scam", 0.95, "LEXICON", ((2, 6),)),),
    evaluated=("fraud", "hate"),
    not_evaluated=("violence",),
)
TOLD = {
    "suggestion": "BLOCK",
    "categories": [
        {
            "label": "fraud",
            "sub_label": "scam",
            "score": 0.95,
            "source": "LEXICON",
            "spans": [{"start": 2, "end": 6}],
        }
    ],
    "evaluated": ["fraud", "hate"],
    "not_evaluated": ["violence"],
    "policy_version": "lists-1",
}


def sound() -> bytes:
    """A second of silence as WAV."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(32_000))
    return data.getvalue()


async def upload(client: httpx.AsyncClient, content: bytes) -> str:
    asset = (await client.post("/v1/assets", files={"file": ("a", content)})).json()
    asset_id: str = asset["id"]
    return asset_id


async def test_each_text_gets_its_verdict(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.moderator.verdict = FOUND
    response = await client.post(URL, json={"texts": ["one", "two"], "language": "en"})
    assert response.status_code == 200
    assert response.json() == {"results": [TOLD, TOLD]}
    assert stage.moderator.texts == ["one", "two"]
    assert stage.moderator.languages == ["en", "en"]


async def test_a_picture_gets_its_verdict(stage: Stage, client: httpx.AsyncClient) -> None:
    asset_id = await upload(client, b"IMG" + bytes(10))
    response = await client.post(URL, json={"asset_id": asset_id})
    (result,) = response.json()["results"]
    assert (result["suggestion"], result["categories"]) == ("PASS", [])
    assert len(stage.moderator.images) == 1


async def test_a_recording_is_heard_to_its_end(stage: Stage, client: httpx.AsyncClient) -> None:
    asset_id = await upload(client, b"SND")
    stage.objects.kept[stage.assets.kept[stage.account.id, asset_id].object] = sound()
    response = await client.post(URL, json={"asset_id": asset_id, "language": "zh"})
    assert [each["suggestion"] for each in response.json()["results"]] == ["PASS"]
    assert stage.moderator.heard_us == 1_000_000
    assert stage.moderator.languages == ["zh"]


async def test_a_broken_recording_is_refused(client: httpx.AsyncClient) -> None:
    asset_id = await upload(client, b"SND" + bytes(100))
    problem(await client.post(URL, json={"asset_id": asset_id}), 422, "audio_undecodable")


async def test_nobody_checks_what_others_uploaded(stage: Stage, client: httpx.AsyncClient) -> None:
    asset_id = await upload(client, b"IMG")
    async with stage.client(stage.stranger()[1]) as stranger:
        problem(await stranger.post(URL, json={"asset_id": asset_id}), 404, "not_found")
    assert not stage.moderator.images


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, "body"),
        ({"texts": ["a"], "asset_id": "as_1"}, "body"),
        ({"texts": []}, "body.texts"),
        ({"texts": ["a"] * 101}, "body.texts"),
        ({"texts": ["a", ""]}, "body.texts.1"),
        ({"texts": ["x" * 20_001]}, "body.texts.0"),
        ({"texts": ["a\x00"]}, "body.texts.0"),
        ({"texts": "a"}, "body.texts"),
        ({"texts": ["a"], "language": "English"}, "body.language"),
        ({"asset_id": ""}, "body.asset_id"),
        ({"texts": ["a"], "more": 1}, "body.more"),
    ],
)
async def test_a_wrong_body_is_told_field_by_field(
    client: httpx.AsyncClient, body: dict[str, Any], location: str
) -> None:
    told = problem(await client.post(URL, json=body), 422, "validation_failed")
    errors = told["errors"]
    assert isinstance(errors, list)
    assert location in [error["location"] for error in errors]


async def test_openapi_tells_of_it(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()
    operation = schema["paths"]["/v1/moderation/check"]["post"]
    assert {"200", "404", "422"} <= set(operation["responses"])
    limits = schema["components"]["schemas"]["CheckRequest"]["properties"]["texts"]["anyOf"][0]
    assert (limits["minItems"], limits["maxItems"], limits["items"]["maxLength"]) == (
        1,
        100,
        20_000,
    )
