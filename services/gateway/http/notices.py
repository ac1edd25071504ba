"""`/v1/notices`, `/v1/account/webhook`: what the operator tells the account, and where."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

import httpx
from fastapi import Query
from pydantic import Field

from services.common.errors import (
    InvalidInput,
    NoticeNotFound,
    PayloadTooLarge,
    UnsupportedMedia,
)
from services.gateway import notices
from services.gateway.addresses import is_surely_private
from services.gateway.http.bodies import Request
from services.gateway.http.context import AccountId, Cursor, InCaller, InGateway, Limit
from services.gateway.http.fields import WebAddress
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, stays_open
from services.gateway.http.views import Page, View, page_of

router = api_router("notices")

Unread = Annotated[bool, Query(description="Only what nobody of the account has read.")]


class NoticeTextView(View):
    """A notice in one language."""

    title: str
    situation: str
    """What happened, or will."""
    impact: str
    """What it means for you."""
    measures: str
    """What the operator does."""
    remedies: str
    """What you can do."""
    contact: str
    """Whom to ask."""


class NoticeView(View):
    """What the operator tells."""

    id: str = Field(examples=["no_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    kind: Literal["incident", "policy_change", "shutdown", "other"]
    texts: dict[Literal["zh", "en"], NoticeTextView]
    sent_at: datetime
    read_at: datetime | None
    read_by: str | None

    @classmethod
    def of(cls, received: notices.ReceivedNotice) -> Self:
        """As storage keeps it."""
        return cls.model_validate(
            {
                **notice_json(received.notice),
                "read_at": received.read_at,
                "read_by": received.read_by or None,
            }
        )


class NoticeWebhook(Request):
    """Where the account is told."""

    url: WebAddress | None = Field(examples=["https://example.com/hook"])
    """Gets `notice.published`, signed as all webhooks are; null: nothing is sent."""


def notice_json(notice: notices.Notice) -> dict[str, object]:
    """A notice as webhooks and the API show it."""
    return {
        "id": notice.id,
        "kind": notice.kind.value,
        "texts": {
            language: {
                "title": text.title,
                "situation": text.situation,
                "impact": text.impact,
                "measures": text.measures,
                "remedies": text.remedies,
                "contact": text.contact,
            }
            for language, text in notice.texts.items()
        },
        "sent_at": notice.sent_at.isoformat(),
    }


@router.get("/notices", responses=problems())
async def list_notices(
    gateway: InGateway,
    account_id: AccountId,
    unread: Unread = False,
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Page[NoticeView]:
    """List what the operator told the account: incidents, new policies, the service's end."""
    page = await gateway.notices.list(account_id, limit=limit, cursor=cursor, unread_only=unread)
    return page_of(page, NoticeView.of)


@router.post(
    "/notices/{notice_id}/receipt", responses=problems(NoticeNotFound), openapi_extra=stays_open()
)
async def acknowledge_notice(
    notice_id: str, gateway: InGateway, account_id: AccountId, caller: InCaller
) -> NoticeView:
    """Say that a notice was read; the first reading is kept."""
    read = await gateway.notices.mark_read(account_id, notice_id, read_by=caller.actor_id)
    return NoticeView.of(read)


@router.put(
    "/account/webhook",
    responses=problems(PayloadTooLarge, UnsupportedMedia),
    openapi_extra=stays_open(),
)
async def set_notice_webhook(
    body: NoticeWebhook, gateway: InGateway, account_id: AccountId
) -> NoticeWebhook:
    """Say where notices are posted to, signed as all webhooks are."""
    allowed = gateway.settings.webhook_private_addresses
    if body.url and is_surely_private(httpx.URL(body.url).host) and not allowed:
        raise InvalidInput("url: the address is not public")
    await gateway.notices.set_webhook(account_id, body.url or "")
    return body


@router.get("/account/webhook", responses=problems())
async def get_notice_webhook(gateway: InGateway, account_id: AccountId) -> NoticeWebhook:
    """Look where notices are posted to."""
    return NoticeWebhook(url=await gateway.notices.webhook(account_id) or None)
