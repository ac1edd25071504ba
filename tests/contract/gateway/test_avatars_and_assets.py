"""Uploads and avatars over HTTP: what is kept, what is refused, and that nothing is left behind."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from services.common.errors import (
    DomainError,
    FaceCovered,
    FaceNotFrontal,
    FaceTooSmall,
    NoFace,
    SeveralFaces,
    Unavailable,
)
from services.gateway.records import AvatarStatus, Suggestion, Verdict
from services.gateway.settings import GatewaySettings
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage

PICTURE = b"IMG" + bytes(5000)
SOUND = b"SND" + bytes(5000)


def form(**changes: Any) -> dict[str, Any]:
    """The arguments of a good POST /v1/avatars, changed."""
    data = {"name": "Ada", "subject_authorised": "true", **changes.pop("data", {})}
    data = {name: value for name, value in data.items() if value is not None}
    files = changes.pop("files", {"image": ("me.png", PICTURE, "image/png")})
    return {"data": data, "files": files, **changes}


async def test_a_picture_becomes_an_avatar_that_is_being_prepared(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    response = await client.post("/v1/avatars", **form())
    assert response.status_code == 201
    avatar = response.json()
    assert (avatar["status"], avatar["name"], avatar["kind"]) == ("preparing", "Ada", "picture")
    assert avatar["preview_url"] is None
    assert stage.moderator.images
    (job,) = stage.queue.of("avatars")
    assert (job.account_id, job.avatar_id) == (stage.account.id, avatar["id"])
    assert len(stage.avatars.owned_assets) == 1


async def test_an_uploaded_asset_becomes_an_avatar_and_stays_an_asset(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    asset = (await client.post("/v1/assets", files={"file": ("a.png", PICTURE)})).json()
    body = {"asset_id": asset["id"], "name": "Ada", "subject_authorised": True}
    response = await client.post("/v1/avatars", json=body)
    assert response.status_code == 201
    assert not stage.avatars.owned_assets


@pytest.mark.parametrize("flag", ["false", "0", "", None])
async def test_without_the_attestation_nothing_is_even_uploaded(
    stage: Stage, client: httpx.AsyncClient, flag: str | None
) -> None:
    response = await client.post("/v1/avatars", **form(data={"subject_authorised": flag}))
    problem(response, 422, "consent_required")
    assert not stage.objects.kept


async def test_the_attestation_is_needed_for_an_asset_too(client: httpx.AsyncClient) -> None:
    body = {"asset_id": "as_1", "name": "Ada", "subject_authorised": False}
    problem(await client.post("/v1/avatars", json=body), 422, "consent_required")


@pytest.mark.parametrize("error", [NoFace, SeveralFaces, FaceTooSmall, FaceNotFrontal, FaceCovered])
async def test_a_bad_portrait_gets_its_code_and_leaves_nothing(
    stage: Stage, client: httpx.AsyncClient, error: type[DomainError]
) -> None:
    stage.animator.portrait_error = error("use another picture")
    problem(await client.post("/v1/avatars", **form()), 422, error.code)
    assert not stage.objects.kept
    assert not stage.assets.kept
    assert not stage.avatars.kept
    assert not stage.queue.published


async def test_a_picture_that_moderation_blocks_is_refused_and_erased(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.moderator.verdict = Verdict(Suggestion.BLOCK, ("sexual",))
    body = problem(await client.post("/v1/avatars", **form()), 403, "content_rejected")
    assert body["categories"] == ["sexual"]
    assert not stage.objects.kept


async def test_a_judge_that_is_down_stops_the_avatar_and_leaves_nothing(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.moderator.error = Unavailable("moderation is down")
    problem(await client.post("/v1/avatars", **form()), 503, "unavailable")
    assert not stage.objects.kept


async def test_a_queue_that_is_down_loses_no_avatar(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.queue.error = Unavailable("the queue is down")
    assert (await client.post("/v1/avatars", **form())).status_code == 201
    assert stage.avatars.kept


@pytest.mark.parametrize(
    ("arguments", "location"),
    [
        (form(data={"name": None}), "body.name"),
        (form(data={"name": "   "}), "body.name"),
        (form(data={"name": "x" * 101}), "body.name"),
        (form(data={"name": "a\nb"}), "body.name"),
        (form(data={"colour": "red"}), "body.colour"),
        (form(data={"asset_id": "as_1"}), "body.asset_id"),
        (form(data={"subject_authorised": "maybe"}), "body.subject_authorised"),
        (form(files={"picture": ("me.png", PICTURE)}), "body.picture"),
        ({"files": {"name": (None, b"Ada")}}, "body.image"),
    ],
)
async def test_a_wrong_form_is_told_field_by_field(
    client: httpx.AsyncClient, arguments: dict[str, Any], location: str
) -> None:
    body = problem(await client.post("/v1/avatars", **arguments), 422, "validation_failed")
    errors = body["errors"]
    assert isinstance(errors, list)
    assert location in [error["location"] for error in errors]


@pytest.mark.parametrize(
    "body", [b"", b"--x\r\n", b"no form at all", b"--x\r\nContent-Disposition: form-data\r\n\r\n"]
)
async def test_a_malformed_form_is_a_validation_problem(
    client: httpx.AsyncClient, body: bytes
) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    response = await client.post("/v1/avatars", content=body, headers=headers)
    problem(response, 422, "validation_failed")


async def test_a_form_with_two_files_is_refused(client: httpx.AsyncClient) -> None:
    files = [("image", ("a.png", PICTURE)), ("image", ("b.png", PICTURE))]
    response = await client.post("/v1/avatars", files=files, data={"name": "Ada"})
    problem(response, 422, "validation_failed")


async def test_sound_makes_no_avatar(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/avatars", **form(files={"image": ("me.png", SOUND)}))
    problem(response, 415, "unsupported_media")
    asset = (await client.post("/v1/assets", files={"file": ("a.wav", SOUND)})).json()
    body = {"asset_id": asset["id"], "name": "Ada", "subject_authorised": True}
    problem(await client.post("/v1/avatars", json=body), 415, "unsupported_media")


async def test_a_picture_over_the_limit_is_refused() -> None:
    stage = Stage(GatewaySettings(max_image_bytes=100_000))
    async with stage.client() as client:
        large = {"image": ("me.png", b"IMG" + bytes(200_000))}
        problem(await client.post("/v1/avatars", **form(files=large)), 413, "payload_too_large")
    assert not stage.objects.kept


async def test_the_preview_is_there_when_the_avatar_is_ready(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    preparing = stage.avatars.add(stage.account.id, AvatarStatus.PREPARING)
    url = f"/v1/avatars/{preparing.id}/preview"
    problem(await client.get(url), 409, "avatar_not_ready")
    ready = stage.avatars.add(stage.account.id)
    stage.objects.kept[ready.preview] = b"\xff\xd8" + bytes(3000)
    shown = (await client.get(f"/v1/avatars/{ready.id}")).json()
    assert (shown["width"], shown["height"]) == (512, 640)
    response = await client.get(shown["preview_url"])
    assert response.headers["content-type"] == "image/jpeg"
    assert response.content == stage.objects.kept[ready.preview]


async def test_lists_are_paged_by_a_cursor(stage: Stage, client: httpx.AsyncClient) -> None:
    made = [stage.avatars.add(stage.account.id).id for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get("/v1/avatars", params={"limit": 2, "cursor": cursor})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == sorted(made, reverse=True)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many", ""])
async def test_a_limit_out_of_range_is_refused(client: httpx.AsyncClient, limit: str) -> None:
    response = await client.get("/v1/avatars", params={"limit": limit})
    problem(response, 422, "validation_failed")


async def test_another_accounts_things_are_not_there(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stranger, _ = stage.stranger()
    theirs = stage.avatars.add(stranger.id)
    for method, path in (
        ("GET", f"/v1/avatars/{theirs.id}"),
        ("GET", f"/v1/avatars/{theirs.id}/preview"),
        ("DELETE", f"/v1/avatars/{theirs.id}"),
        ("GET", "/v1/avatars/../../etc/passwd"),
        ("GET", "/v1/assets/as_unknown"),
        ("DELETE", "/v1/assets/as_unknown"),
    ):
        problem(await client.request(method, path), 404, "not_found")
    assert theirs.id in stage.avatars.kept


async def test_an_asset_is_told_listed_and_erased(client: httpx.AsyncClient) -> None:
    name = "../../etc/pass wd.wav"
    response = await client.post("/v1/assets", files={"file": (name, SOUND)})
    assert response.status_code == 201
    asset = response.json()
    assert (asset["kind"], asset["bytes"], asset["duration_s"]) == ("audio", len(SOUND), 1.0)
    assert (await client.get(f"/v1/assets/{asset['id']}")).json() == asset
    assert (await client.get("/v1/assets")).json()["items"] == [asset]
    assert (await client.delete(f"/v1/assets/{asset['id']}")).status_code == 204
    problem(await client.get(f"/v1/assets/{asset['id']}"), 404, "not_found")


async def test_the_same_key_and_file_make_one_asset_whatever_the_boundary(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    answers = [
        await client.post(
            "/v1/assets", files={"file": ("a.wav", SOUND)}, headers={"Idempotency-Key": "k1"}
        )
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert (answers[1].status_code, answers[1].headers["idempotent-replayed"]) == (201, "true")
    assert len(stage.assets.kept) == 1
    other = await client.post(
        "/v1/assets", files={"file": ("b.wav", SOUND)}, headers={"Idempotency-Key": "k1"}
    )
    problem(other, 409, "idempotency_conflict")


async def test_the_same_request_twice_at_once_makes_one_avatar(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    first, second = await asyncio.gather(
        *(client.post("/v1/avatars", **form(headers={"Idempotency-Key": "k"})) for _ in range(2))
    )
    assert first.json() == second.json()
    assert len(stage.avatars.kept) == 1


async def test_a_request_that_failed_leaves_its_key_free(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.animator.portrait_error = NoFace("no face was found")
    keyed = {"Idempotency-Key": "k"}
    problem(await client.post("/v1/avatars", **form(headers=keyed)), 422, "no_face")
    stage.animator.portrait_error = None
    assert (await client.post("/v1/avatars", **form(headers=keyed))).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "key\x7f"])
async def test_a_malformed_idempotency_key_is_refused(
    stage: Stage, client: httpx.AsyncClient, key: str
) -> None:
    response = await client.post(
        "/v1/api-keys", json={"name": "a"}, headers={"Idempotency-Key": key}
    )
    problem(response, 422, "validation_failed")
    assert len(stage.accounts.keys) == 1


async def test_a_new_keys_secret_is_told_once_even_when_asked_twice(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    keyed = {"Idempotency-Key": "k"}
    first = (await client.post("/v1/api-keys", json={"name": "a"}, headers=keyed)).json()
    again = (await client.post("/v1/api-keys", json={"name": "a"}, headers=keyed)).json()
    assert first["secret"].startswith("vk_")
    assert again == {**first, "secret": None}
    assert first["secret"] not in str(stage.idempotency.kept)


async def test_the_account_tells_how_its_webhooks_are_signed(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    account = (await client.get("/v1/account")).json()
    assert account["id"] == stage.account.id
    assert account["webhook_secret"].startswith("whsec_")
    names = [key["name"] for key in (await client.get("/v1/api-keys")).json()["items"]]
    assert names == ["first"]
