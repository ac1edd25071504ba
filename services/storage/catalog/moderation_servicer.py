"""The wire of ModerationRecordService: messages in, records out."""

from __future__ import annotations

from typing import Any

import grpc
from vultus.storage.v1 import moderation_record_service_pb2 as wire
from vultus.storage.v1.moderation_record_service_pb2_grpc import ModerationRecordServiceServicer

from services.common.errors import InvalidInput
from services.storage.catalog.messages import metadata, metadata_to_wire, time_to_wire
from services.storage.catalog.policies import Policies
from services.storage.catalog.records import NewReview, Policy, Review, ReviewKind, ReviewStatus
from services.storage.catalog.reviews import Reviews

Context = grpc.aio.ServicerContext[Any, Any]

_KINDS = {
    wire.REVIEW_KIND_TEXT: ReviewKind.TEXT,
    wire.REVIEW_KIND_IMAGE: ReviewKind.IMAGE,
    wire.REVIEW_KIND_AUDIO: ReviewKind.AUDIO,
}
_KINDS_TO_WIRE = {kind: number for number, kind in _KINDS.items()}
_STATUSES = {
    wire.REVIEW_STATUS_PENDING: ReviewStatus.PENDING,
    wire.REVIEW_STATUS_APPROVED: ReviewStatus.APPROVED,
    wire.REVIEW_STATUS_REJECTED: ReviewStatus.REJECTED,
}
_STATUSES_TO_WIRE = {status: number for number, status in _STATUSES.items()}


class ModerationRecordServicer(ModerationRecordServiceServicer):
    """Serves ModerationRecordService; every method is described in the proto."""

    def __init__(self, policies: Policies, reviews: Reviews) -> None:
        self._policies = policies
        self._reviews = reviews

    async def GetPolicy(
        self, request: wire.GetPolicyRequest, context: Context
    ) -> wire.GetPolicyResponse:
        """See the proto."""
        version = request.version if request.HasField("version") else None
        policy = await self._policies.get(request.account_id, version)
        return wire.GetPolicyResponse(policy=_policy(policy))

    async def PutPolicy(
        self, request: wire.PutPolicyRequest, context: Context
    ) -> wire.PutPolicyResponse:
        """See the proto."""
        expected = request.expected_version if request.HasField("expected_version") else None
        policy = await self._policies.put(
            request.account_id,
            metadata(request.document),
            author=request.author,
            expected_version=expected,
        )
        return wire.PutPolicyResponse(policy=_policy(policy))

    async def ListPolicies(
        self, request: wire.ListPoliciesRequest, context: Context
    ) -> wire.ListPoliciesResponse:
        """See the proto."""
        policies = await self._policies.list(
            request.account_id, limit=request.limit, before=request.before_version
        )
        return wire.ListPoliciesResponse(policies=map(_policy, policies))

    async def OpenReview(
        self, request: wire.OpenReviewRequest, context: Context
    ) -> wire.OpenReviewResponse:
        """See the proto."""
        if request.kind not in _KINDS:
            raise InvalidInput("kind is missing or not known")
        new = NewReview(
            _KINDS[request.kind],
            request.content_sha256,
            request.purpose,
            request.text,
            request.asset_id,
            request.owns_asset,
            metadata(request.verdict),
            request.time_limit_s,
            _status(request.otherwise),
        )
        review = await self._reviews.open(request.account_id, new, known_id=request.known_review_id)
        return wire.OpenReviewResponse(review=_review(review))

    async def GetReview(
        self, request: wire.GetReviewRequest, context: Context
    ) -> wire.GetReviewResponse:
        """See the proto."""
        review = await self._reviews.get(request.account_id, request.review_id)
        return wire.GetReviewResponse(review=_review(review))

    async def ListReviews(
        self, request: wire.ListReviewsRequest, context: Context
    ) -> wire.ListReviewsResponse:
        """See the proto."""
        page = await self._reviews.list(
            request.account_id,
            status=_status(request.status) if request.status else None,
            for_training=request.for_training,
            limit=request.limit,
            cursor=request.cursor,
        )
        return wire.ListReviewsResponse(
            reviews=map(_review, page.items), next_cursor=page.next_cursor
        )

    async def DecideReview(
        self, request: wire.DecideReviewRequest, context: Context
    ) -> wire.DecideReviewResponse:
        """See the proto."""
        decided = await self._reviews.decide(
            request.account_id,
            request.review_id,
            _status(request.status),
            author=request.author,
            note=request.note,
            for_training=request.for_training if request.HasField("for_training") else None,
        )
        return wire.DecideReviewResponse(
            review=_review(decided.review),
            video_ids=decided.video_ids,
            avatar_ids=decided.avatar_ids,
        )


def _status(number: wire.ReviewStatus.ValueType) -> ReviewStatus:
    if number not in _STATUSES:
        raise InvalidInput("the status is missing or not known")
    return _STATUSES[number]


def _policy(policy: Policy) -> wire.PolicyRecord:
    return wire.PolicyRecord(
        account_id=policy.account_id,
        version=policy.version,
        document=metadata_to_wire(policy.document),
        author=policy.author,
        created_at=time_to_wire(policy.created_at),
    )


def _review(review: Review) -> wire.Review:
    return wire.Review(
        id=review.id,
        account_id=review.account_id,
        kind=_KINDS_TO_WIRE[review.kind],
        content_sha256=review.content_sha256,
        purpose=review.purpose,
        text=review.text,
        asset_id=review.asset_id,
        verdict=metadata_to_wire(review.verdict),
        status=_STATUSES_TO_WIRE[review.status],
        decided=review.decided,
        otherwise=_STATUSES_TO_WIRE[review.otherwise],
        due_at=time_to_wire(review.due_at),
        decided_at=time_to_wire(review.decided_at),
        for_training=review.for_training,
        created_at=time_to_wire(review.created_at),
        decisions=[
            wire.ReviewDecision(
                status=_STATUSES_TO_WIRE[decision.status],
                author=decision.author,
                note=decision.note,
                decided_at=time_to_wire(decision.decided_at),
            )
            for decision in review.decisions
        ],
    )
