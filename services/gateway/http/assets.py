"""`/v1/assets`: files that are used later."""

from __future__ import annotations

from fastapi import Request

from services.common.errors import (
    AssetNotFound,
    AudioSilent,
    AudioUndecodable,
    IdempotencyConflict,
    ImageUndecodable,
    PayloadTooLarge,
    QuotaUsedUp,
    StorageFull,
    UnsupportedMedia,
)
from services.gateway.http.context import AccountId, Cursor, IdempotencyKey, InGateway, Limit
from services.gateway.http.forms import form_body
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.http.uploads import Form
from services.gateway.http.views import AssetView, Page, page_of

router = api_router("assets")


@router.post(
    "/assets",
    status_code=201,
    responses=problems(
        QuotaUsedUp,
        IdempotencyConflict,
        PayloadTooLarge,
        UnsupportedMedia,
        ImageUndecodable,
        AudioUndecodable,
        AudioSilent,
        StorageFull,
    ),
    openapi_extra={"requestBody": {"content": form_body("file"), "required": True}},
)
async def upload_asset(
    request: Request, gateway: InGateway, account_id: AccountId, _: IdempotencyKey = None
) -> AssetView:
    """Upload a picture or a recording.

    What it is, is found out from its bytes. Pictures: JPEG, PNG, WebP, … up to 20 MB and 50
    megapixels. Sound: WAV, MP3, FLAC, M4A, Ogg, … up to 100 MB and one hour.
    """
    form: Form = request.state.form
    file = form.only("file")
    asset = await gateway.assets.upload(
        account_id, file_name=file.name, accept_kinds=(), data=file.blocks()
    )
    return AssetView.of(asset)


@router.get("/assets", responses=problems())
async def list_assets(
    gateway: InGateway, account_id: AccountId, limit: Limit = 20, cursor: Cursor = ""
) -> Page[AssetView]:
    """List the assets, newest first."""
    page = await gateway.assets.list(account_id, limit=limit, cursor=cursor)
    return page_of(page, AssetView.of)


@router.get("/assets/{asset_id}", responses=problems(AssetNotFound))
async def get_asset(asset_id: str, gateway: InGateway, account_id: AccountId) -> AssetView:
    """Look at one asset."""
    return AssetView.of(await gateway.assets.get(account_id, asset_id))


@router.delete("/assets/{asset_id}", status_code=204, responses=problems(AssetNotFound))
async def delete_asset(asset_id: str, gateway: InGateway, account_id: AccountId) -> None:
    """Erase an asset."""
    await gateway.assets.delete(account_id, asset_id)
