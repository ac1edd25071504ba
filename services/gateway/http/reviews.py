"""`/v1/moderation/reviews`: contents that wait for a person, and what people decided."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from services.common.errors import (
    AssetNotFound,
    PayloadTooLarge,
    ReviewNotFound,
    UnsupportedMedia,
)
from services.gateway.http.bodies import Request
from services.gateway.http.context import (
    AccountId,
    Cursor,
    Gateway,
    InCaller,
    InGateway,
    Limit,
)
from services.gateway.http.fields import Note
from services.gateway.http.moderation import CategoryView
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.http.views import Page, View, page_of
from services.gateway.moderation.records import (
    Decision,
    Review,
    ReviewKind,
    ReviewStatus,
)

router = api_router("moderation", scope="reviews")

_NDJSON = "application/x-ndjson"
_BYTES = {"schema": {"type": "string", "format": "binary"}}


class DecisionView(View):
    """What a person decided."""

    status: ReviewStatus
    author: str
    """Who decided: an API key, or a person."""
    note: str
    decided_at: datetime

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """As the catalog keeps it."""
        return cls(
            status=decision.status,
            author=decision.author,
            note=decision.note,
            decided_at=decision.decided_at,
        )


class ReviewView(View):
    """A content that moderation left to a person."""

    id: str = Field(examples=["rv_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    kind: ReviewKind
    purpose: str = Field(examples=["video"])
    """What it was for: `video`, `avatar`, `background`, `speech` or `drive`."""
    status: ReviewStatus
    """One that nobody decided in time stands as the policy said."""
    decided: bool
    """Whether a person decided."""
    text: str | None
    """The text; null of others, and thirty days after the end."""
    content_url: str | None
    """The picture or the recording; null of others, and thirty days after the end."""
    categories: list[CategoryView]
    """What was found, worst first; empty when it is of a kind that nothing here can judge."""
    policy_version: str
    """Names the policy, the lists and the models that judged."""
    due_at: datetime
    """Until when a person is waited for."""
    otherwise: ReviewStatus
    """What holds when nobody decides in time."""
    decided_at: datetime | None
    use_for_training: bool
    """Whether it may be learnt from."""
    created_at: datetime

    @classmethod
    def of(cls, review: Review) -> Self:
        """As the catalog keeps it."""
        return cls.model_validate(_told(review))


class WholeReviewView(ReviewView):
    """A review with its history."""

    decisions: list[DecisionView]
    """Oldest first: the last one holds."""

    @classmethod
    def of(cls, review: Review) -> Self:
        """As the catalog keeps it."""
        decisions = [DecisionView.of(decision) for decision in review.decisions]
        return cls.model_validate({**_told(review), "decisions": decisions})


def _told(review: Review) -> dict[str, object]:
    place = f"/v1/moderation/reviews/{review.id}/content"
    return {
        "id": review.id,
        "kind": review.kind,
        "purpose": review.purpose,
        "status": review.status,
        "decided": review.decided,
        "text": review.text or None,
        "content_url": place if review.asset_id else None,
        "categories": [CategoryView.of(finding) for finding in review.findings],
        "policy_version": review.policy_version,
        "due_at": review.due_at,
        "otherwise": review.otherwise,
        "decided_at": review.decided_at,
        "use_for_training": review.for_training,
        "created_at": review.created_at,
    }


class DecisionRequest(Request):
    """What a person decides."""

    decision: Literal["approve", "reject"]
    note: Note = ""
    """Why, for people."""
    use_for_training: bool | None = None
    """Whether the text may be learnt from and is kept for that; left out: as before."""


@router.get("/moderation/reviews", responses=problems())
async def list_reviews(
    gateway: InGateway,
    account_id: AccountId,
    status: Annotated[
        ReviewStatus | None, Query(description="Only those that stand there.")
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Page[ReviewView]:
    """List the contents that moderation left to a person, newest first."""
    records = gateway.approvals.reviews.records
    page = await records.list(account_id, status=status, limit=limit, cursor=cursor)
    return page_of(page, ReviewView.of)


@router.get("/moderation/reviews/{review_id}", responses=problems(ReviewNotFound))
async def get_review(review_id: str, gateway: InGateway, account_id: AccountId) -> WholeReviewView:
    """Look at one review, with every decision."""
    review = await gateway.approvals.reviews.records.get(account_id, review_id)
    return WholeReviewView.of(review)


@router.get(
    "/moderation/reviews/{review_id}/content",
    response_class=StreamingResponse,
    responses={
        **problems(ReviewNotFound, AssetNotFound),
        200: {
            "description": "The picture or the recording",
            "content": {"image/*": _BYTES, "audio/*": _BYTES},
        },
    },
)
async def get_review_content(
    review_id: str, gateway: InGateway, account_id: AccountId
) -> StreamingResponse:
    """See the picture or hear the recording that a review is about."""
    review = await gateway.approvals.reviews.records.get(account_id, review_id)
    if not review.asset_id:
        raise ReviewNotFound("the review has no file")
    asset = await gateway.assets.get(account_id, review.asset_id)
    stored, data = await gateway.objects.open(asset.picture or asset.object)
    return StreamingResponse(
        data,
        media_type="image/png" if asset.picture else asset.content_type,
        headers={"Cache-Control": "no-store", "Content-Length": str(stored.size_bytes)},
    )


@router.post(
    "/moderation/reviews/{review_id}/decisions",
    responses=problems(ReviewNotFound, PayloadTooLarge, UnsupportedMedia),
)
async def decide_review(
    review_id: str,
    body: DecisionRequest,
    gateway: InGateway,
    account_id: AccountId,
    caller: InCaller,
) -> WholeReviewView:
    """Decide a review, or decide it otherwise: what waits for it goes on.

    Every decision is kept, and the last one holds for the same content from now on. What was made
    or refused before stays as it is.
    """
    approves = body.decision == "approve"
    review = await gateway.approvals.reviews.decide(
        account_id,
        review_id,
        ReviewStatus.APPROVED if approves else ReviewStatus.REJECTED,
        author=caller.actor_id,
        note=body.note,
        for_training=body.use_for_training,
    )
    return WholeReviewView.of(review)


@router.get(
    "/moderation/training-data",
    response_class=StreamingResponse,
    responses={
        **problems(),
        200: {
            "description": "A JSON object a line: `text`, `labels`, `decision`",
            "content": {_NDJSON: {"schema": {"type": "string"}}},
        },
    },
)
async def get_training_data(gateway: InGateway, account_id: AccountId) -> StreamingResponse:
    """Fetch the decided texts that were marked with `use_for_training`, to teach classifiers."""
    return StreamingResponse(
        _lines(gateway, account_id), media_type=_NDJSON, headers={"Cache-Control": "no-store"}
    )


async def _lines(gateway: Gateway, account_id: str) -> AsyncGenerator[str, None]:
    async with aclosing(gateway.approvals.reviews.for_training(account_id)) as reviews:
        async for review in reviews:
            line = {
                "text": review.text,
                "labels": [finding.label for finding in review.findings],
                "decision": review.status.value,
            }
            yield json.dumps(line, ensure_ascii=False) + "\n"
