"""The record of policies and reviews, over gRPC."""

from __future__ import annotations

import grpc
from vultus.storage.v1 import moderation_record_service_pb2 as wire
from vultus.storage.v1.moderation_record_service_pb2_grpc import ModerationRecordServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.moderation.policy import Policy, from_json, to_json
from services.gateway.moderation.records import (
    Decided,
    Decision,
    NewReview,
    PolicyVersion,
    Review,
    ReviewKind,
    ReviewStatus,
    findings_of,
    verdict_json,
)
from services.gateway.records import Page

_QUICK_S = 10.0
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


class GrpcPolicies:
    """The record of policies."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ModerationRecordServiceStub(channel)

    async def get(self, account_id: str, version: int | None = None) -> PolicyVersion:
        """The latest, or a version."""
        request = wire.GetPolicyRequest(account_id=account_id, version=version)
        call = self._stub.GetPolicy(request, timeout=_QUICK_S, metadata=call_metadata())
        return _policy((await unary(call)).policy)

    async def put(
        self, account_id: str, policy: Policy, *, author: str, expected_version: int | None
    ) -> PolicyVersion:
        """Makes a policy the latest."""
        request = wire.PutPolicyRequest(
            account_id=account_id,
            document=messages.document_to_wire(to_json(policy)),
            author=author,
            expected_version=expected_version,
        )
        call = self._stub.PutPolicy(request, timeout=_QUICK_S, metadata=call_metadata())
        return _policy((await unary(call)).policy)

    async def list(self, account_id: str, *, limit: int, before: int) -> list[PolicyVersion]:
        """Versions before one, newest first; 0: from the latest on."""
        request = wire.ListPoliciesRequest(
            account_id=account_id, limit=limit, before_version=before
        )
        call = self._stub.ListPolicies(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_policy(policy) for policy in (await unary(call)).policies]


class GrpcReviews:
    """The record of reviews."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ModerationRecordServiceStub(channel)

    async def open(self, account_id: str, new: NewReview, *, known_id: str = "") -> Review:
        """The content's review."""
        otherwise = ReviewStatus.APPROVED if new.patience.approve else ReviewStatus.REJECTED
        request = wire.OpenReviewRequest(
            account_id=account_id,
            kind=_KINDS_TO_WIRE[new.kind],
            content_sha256=new.content_sha256,
            purpose=new.purpose,
            text=new.text,
            asset_id=new.asset_id,
            owns_asset=new.owns_asset,
            verdict=messages.document_to_wire(verdict_json(new.verdict)),
            time_limit_s=new.patience.time_limit_s,
            otherwise=_STATUSES_TO_WIRE[otherwise],
            known_review_id=known_id,
        )
        call = self._stub.OpenReview(request, timeout=_QUICK_S, metadata=call_metadata())
        return _review((await unary(call)).review)

    async def get(self, account_id: str, review_id: str) -> Review:
        """One review."""
        request = wire.GetReviewRequest(account_id=account_id, review_id=review_id)
        call = self._stub.GetReview(request, timeout=_QUICK_S, metadata=call_metadata())
        return _review((await unary(call)).review)

    async def list(
        self,
        account_id: str,
        *,
        status: ReviewStatus | None = None,
        for_training: bool = False,
        limit: int,
        cursor: str,
    ) -> Page[Review]:
        """A page of the account's reviews, newest first."""
        request = wire.ListReviewsRequest(
            account_id=account_id,
            status=_STATUSES_TO_WIRE[status] if status else wire.REVIEW_STATUS_UNSPECIFIED,
            for_training=for_training,
            limit=limit,
            cursor=cursor,
        )
        call = self._stub.ListReviews(request, timeout=_QUICK_S, metadata=call_metadata())
        page = await unary(call)
        return Page(tuple(map(_review, page.reviews)), page.next_cursor)

    async def decide(
        self,
        account_id: str,
        review_id: str,
        status: ReviewStatus,
        *,
        author: str,
        note: str = "",
        for_training: bool | None = None,
    ) -> Decided:
        """Decides a review, or decides it otherwise."""
        request = wire.DecideReviewRequest(
            account_id=account_id,
            review_id=review_id,
            status=_STATUSES_TO_WIRE[status],
            author=author,
            note=note,
            for_training=for_training,
        )
        call = self._stub.DecideReview(request, timeout=_QUICK_S, metadata=call_metadata())
        made = await unary(call)
        return Decided(_review(made.review), tuple(made.video_ids), tuple(made.avatar_ids))


def _policy(message: wire.PolicyRecord) -> PolicyVersion:
    return PolicyVersion(
        from_json(messages.document(message.document), message.version),
        message.author,
        messages.optional_moment(message, "created_at"),
    )


def _review(message: wire.Review) -> Review:
    verdict = messages.document(message.verdict)
    return Review(
        id=message.id,
        account_id=message.account_id,
        kind=_KINDS[message.kind],
        purpose=message.purpose,
        text=message.text,
        asset_id=message.asset_id,
        findings=findings_of(verdict),
        policy_version=str(verdict.get("policy_version", "")),
        status=_STATUSES[message.status],
        decided=message.decided,
        otherwise=_STATUSES[message.otherwise],
        due_at=messages.moment(message.due_at),
        decided_at=messages.optional_moment(message, "decided_at"),
        for_training=message.for_training,
        created_at=messages.moment(message.created_at),
        decisions=tuple(
            Decision(
                _STATUSES[made.status], made.author, made.note, messages.moment(made.decided_at)
            )
            for made in message.decisions
        ),
    )
