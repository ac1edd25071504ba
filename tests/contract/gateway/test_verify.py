"""`POST /v1/verify`: what is said of a file."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from services.gateway.provenance import Fingerprint, Label, Manifest, Verified
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage

FILE = {"file": ("v.mp4", b"FILM")}
ASKED = datetime(2026, 11, 1, tzinfo=UTC)


async def test_a_file_of_ours_is_told_with_what_shows_it(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.provenance.verified = Verified(
        True,
        Label("vultus", "vd_1", ours=True),
        Manifest("vd_1", "Vultus", "vultus", whole=True, ours=True),
        "vd_1",
        ASKED,
    )
    answer = await client.post("/v1/verify", files=FILE)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "made_here": True,
        "evidence": [
            {"kind": "label", "producer": "vultus", "content_id": "vd_1", "ours": True},
            {
                "kind": "manifest",
                "title": "vd_1",
                "generator": "Vultus",
                "signer": "vultus",
                "whole": True,
                "ours": True,
            },
        ],
        "video_id": "vd_1",
        "created_at": "2026-11-01T00:00:00Z",
    }
    assert stage.provenance.seen == b"FILM"


async def test_a_copy_is_told_by_its_fingerprint(stage: Stage, client: httpx.AsyncClient) -> None:
    agreed = Fingerprint(landmarks=40, bits_apart=4)
    stage.provenance.verified = Verified(True, None, None, "", None, agreed)
    told = (await client.post("/v1/verify", files=FILE)).json()
    assert told == {
        "made_here": True,
        "evidence": [{"kind": "fingerprint", "landmarks": 40, "bits_apart": 4}],
        "video_id": None,
        "created_at": None,
    }


async def test_of_anything_else_nothing_is_said(client: httpx.AsyncClient) -> None:
    told = (await client.post("/v1/verify", files=FILE)).json()
    assert told == {"made_here": False, "evidence": [], "video_id": None, "created_at": None}


async def test_it_takes_one_file_and_a_key_that_may(client: httpx.AsyncClient) -> None:
    problem(await client.post("/v1/verify", json={}), 415, "unsupported_media")
    problem(await client.post("/v1/verify", files={"film": b"FILM"}), 422, "validation_failed")
    for scope, status in (("provenance:read", 200), ("assets:write", 403)):
        key = (await client.post("/v1/api-keys", json={"name": "k", "scopes": [scope]})).json()
        bearer = {"Authorization": f"Bearer {key['secret']}"}
        answer = await client.post("/v1/verify", files=FILE, headers=bearer)
        assert answer.status_code == status
