"""`/v1/avatars`: faces that can speak."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.common.errors import (
    AssetNotFound,
    AvatarNotFound,
    AvatarNotReady,
    ConsentNotFound,
    ConsentRequired,
    ContentRejected,
    FaceCovered,
    FaceNotFrontal,
    FaceTooSmall,
    IdempotencyConflict,
    ImageUndecodable,
    NoFace,
    PayloadTooLarge,
    QuotaUsedUp,
    Restricted,
    SeveralFaces,
    StorageFull,
    UnsupportedMedia,
)
from services.gateway.consents import Attested
from services.gateway.http.bodies import AvatarFromAsset
from services.gateway.http.context import (
    AccountId,
    Cursor,
    IdempotencyKey,
    InCaller,
    InGateway,
    Limit,
)
from services.gateway.http.fields import NAME_PATTERN
from services.gateway.http.forms import form_body
from services.gateway.http.noting import personal_data
from services.gateway.http.problem import InvalidFields, field_errors, problems
from services.gateway.http.route import JSON_TYPE, api_router
from services.gateway.http.uploads import Form, FormFile
from services.gateway.http.views import AvatarView, Page, page_of
from services.gateway.new_avatar import AvatarMaker
from services.gateway.records import AvatarStatus

router = api_router("avatars")

_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_BODY = {
    **form_body(
        "image",
        name={"type": "string", "maxLength": 100, "pattern": NAME_PATTERN, "examples": ["Ada"]},
        subject_authorised={
            "type": "boolean",
            "const": True,
            "description": "True: the person shown allows this use.",
        },
        consent_id={
            "type": "string",
            "description": "Instead: the consent that the avatar is made under.",
            "examples": ["cn_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"],
        },
    ),
    JSON_TYPE: {"schema": {"$ref": "#/components/schemas/AvatarFromAsset"}},
}


@router.post(
    "/avatars",
    status_code=201,
    responses=problems(
        AssetNotFound,
        ConsentNotFound,
        QuotaUsedUp,
        IdempotencyConflict,
        ContentRejected,
        Restricted,
        ConsentRequired,
        ImageUndecodable,
        NoFace,
        SeveralFaces,
        FaceTooSmall,
        FaceNotFrontal,
        FaceCovered,
        UnsupportedMedia,
        PayloadTooLarge,
        StorageFull,
    ),
    openapi_extra={"requestBody": {"content": _BODY, "required": True}},
)
async def create_avatar(
    request: Request,
    gateway: InGateway,
    account_id: AccountId,
    caller: InCaller,
    _: IdempotencyKey = None,
) -> AvatarView:
    """Make an avatar of a portrait: a form with the picture, or JSON with the id of an asset.

    The picture is judged at once: when this answers 201 the face can be used, and the avatar is
    ready some seconds later, or, where a `review_id` says that a person has to decide, once that is
    done. On any error nothing is kept.
    """
    file, wish = await _wish(request)
    if not (wish.subject_authorised or wish.consent_id):
        raise ConsentRequired(
            "say with subject_authorised=true that the person shown allows this use, or name a "
            "consent_id that holds"
        )
    consent = wish.consent_id or Attested(caller.actor_id)
    maker = AvatarMaker(
        gateway.assets, gateway.avatars, gateway.approvals, gateway.animator, gateway.jobs
    )
    if file is None:
        avatar = await maker.from_asset(account_id, wish.asset_id, name=wish.name, consent=consent)
    else:
        avatar = await maker.from_upload(
            account_id,
            file_name=file.name,
            data=file.blocks(),
            name=wish.name,
            consent=consent,
        )
    return AvatarView.of(avatar)


async def _wish(request: Request) -> tuple[FormFile | None, AvatarFromAsset]:
    """What is asked for; raises InvalidFields. For a form the asset is still to come."""
    form: Form | None = getattr(request.state, "form", None)
    try:
        if form is None:
            return None, AvatarFromAsset.model_validate_json(await request.body())
        file = form.only("image", "name", "subject_authorised", "consent_id")
        given = {**form.fields, "asset_id": "upload"}
        flag = given.get("subject_authorised", "").lower()
        typed = {**given, "subject_authorised": _FLAGS.get(flag, flag)}
        if not flag:
            typed["subject_authorised"] = False
        return file, AvatarFromAsset.model_validate(typed)
    except ValidationError as error:
        fields = field_errors(error.errors(include_input=False, include_url=False))
        for field in fields:
            field.location = f"body.{field.location}".rstrip(".")
        raise InvalidFields(fields) from error


@router.get("/avatars", responses=problems())
async def list_avatars(
    gateway: InGateway, account_id: AccountId, limit: Limit = 20, cursor: Cursor = ""
) -> Page[AvatarView]:
    """List the avatars, newest first."""
    page = await gateway.avatars.list(account_id, limit=limit, cursor=cursor)
    return page_of(page, AvatarView.of)


@router.get("/avatars/{avatar_id}", responses=problems(AvatarNotFound))
async def get_avatar(avatar_id: str, gateway: InGateway, account_id: AccountId) -> AvatarView:
    """Look at one avatar."""
    return AvatarView.of(await gateway.avatars.get(account_id, avatar_id))


@router.get(
    "/avatars/{avatar_id}/preview",
    response_class=Response,
    responses={
        **problems(AvatarNotFound, AvatarNotReady),
        200: {
            "description": "The avatar at rest",
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
    openapi_extra=personal_data(),
)
async def get_avatar_preview(avatar_id: str, gateway: InGateway, account_id: AccountId) -> Response:
    """See the avatar at rest, as a JPEG."""
    avatar = await gateway.avatars.get(account_id, avatar_id)
    if avatar.status is not AvatarStatus.READY:
        raise AvatarNotReady("the preview is there when the avatar is ready")
    _, data = await gateway.objects.open(avatar.preview)
    content = b"".join([block async for block in data])
    return Response(content, media_type="image/jpeg")


@router.delete("/avatars/{avatar_id}", status_code=204, responses=problems(AvatarNotFound))
async def delete_avatar(avatar_id: str, gateway: InGateway, account_id: AccountId) -> None:
    """Erase an avatar; videos that were made with it stay."""
    await gateway.avatars.delete(account_id, avatar_id)
