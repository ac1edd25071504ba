"""Nothing is spoken or drawn but what came through here.

PASS    goes on
REVIEW  waits for a person, as the account's policy says: a job is put aside, a stream stands
        still; where nobody reviews it is refused
BLOCK   is refused
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from services.common.errors import ContentRejected, DomainError, ReviewPending
from services.gateway import sound_file
from services.gateway.media import AudioChunk
from services.gateway.moderation.policies import Policies
from services.gateway.moderation.policy import Patience, Policy
from services.gateway.moderation.records import NewReview, Review, ReviewKind, ReviewStatus
from services.gateway.moderation.reviews import Reviews
from services.gateway.ports import Assets, Moderator
from services.gateway.records import Asset, ImagePurpose, Suggestion, Verdict

log = structlog.get_logger()

_NEW_ASSET = "clause.wav"


class Tell(Protocol):
    """Tells those who drive a stream what happens."""

    def __call__(self, type_: str, **fields: object) -> None:
        """Tells it, by the event's type and fields."""


@dataclass(frozen=True, slots=True)
class _Content:
    """What is judged, and how a person will see it."""

    kind: ReviewKind
    digest: str
    """Of what makes it this content and no other."""
    what: str
    text: str = ""
    asset_id: str = ""
    sound: AudioChunk | None = None
    """A clause that was never uploaded."""


class Approvals:
    """Makes approvers."""

    def __init__(
        self, moderator: Moderator, policies: Policies, reviews: Reviews, assets: Assets
    ) -> None:
        self.moderator = moderator
        self.policies = policies
        self.reviews = reviews
        self.assets = assets

    def for_job(self, account_id: str, purpose: str, *, known_review_id: str = "") -> Approver:
        """Of what can be done later: where a person has to decide it raises ReviewPending.

        `known_review_id`: the review that the same job was put aside for before.
        """
        return Approver(self, account_id, purpose, known_review_id, None)

    def for_drive(self, account_id: str, tell: Tell) -> Approver:
        """Of what is said live: it waits for the person."""
        return Approver(self, account_id, "drive", "", tell)


class Approver:
    """Moderation for one account. Every method raises ContentRejected."""

    def __init__(
        self,
        approvals: Approvals,
        account_id: str,
        purpose: str,
        known_review_id: str,
        tell: Tell | None,
    ) -> None:
        self._approvals = approvals
        self._account_id = account_id
        self._purpose = purpose
        self._known_review_id = known_review_id
        self._tell = tell

    async def text(self, text: str) -> None:
        """Returns when a whole text may be said."""
        policy = await self._policy()
        verdict = await self._approvals.moderator.check_text(text, policy=policy)
        await self._settle(policy, verdict, _text(text))

    async def written(self, pieces: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
        """The clauses of a text that is being written, each once it may be said."""
        policy = await self._policy()
        so_far = hashlib.sha256()
        judged = self._approvals.moderator.check_text_stream(pieces, policy=policy)
        async with aclosing(judged):
            async for clause, verdict in judged:
                so_far.update(clause.encode())
                # A clause is what it is by what stands before it.
                content = replace(_text(clause), digest=_digest("clause", so_far.hexdigest()))
                await self._settle(policy, verdict, content)
                yield clause

    async def recording(self, asset: Asset, audio: AsyncGenerator[AudioChunk, None]) -> None:
        """Returns when an uploaded recording may be heard."""
        policy = await self._policy()
        verdict = await self._approvals.moderator.check_audio(audio, policy=policy)
        digest = _digest("recording", asset.sha256)
        content = _Content(ReviewKind.AUDIO, digest, "recording", asset_id=asset.id)
        await self._settle(policy, verdict, content)

    async def sound(self, sound: AudioChunk, *, language: str | None = None) -> str:
        """Returns what language it is in, when a clause of sound may be heard; empty: none."""
        policy = await self._policy()
        verdict = await self._approvals.moderator.check_audio(
            _once(sound), language=language, policy=policy
        )
        digest = _digest("sound", hashlib.sha256(sound.pcm_s16le).hexdigest())
        await self._settle(
            policy, verdict, _Content(ReviewKind.AUDIO, digest, "recording", sound=sound)
        )
        return verdict.language

    async def image(self, asset: Asset, purpose: ImagePurpose) -> None:
        """Returns when a picture may be shown."""
        policy = await self._policy()
        verdict = await self._approvals.moderator.check_image(
            asset.picture or asset.object, purpose=purpose, policy=policy
        )
        digest = _digest(purpose.value, asset.sha256)
        what = "picture" if purpose is ImagePurpose.PORTRAIT else "background"
        content = _Content(ReviewKind.IMAGE, digest, what, asset_id=asset.id)
        await self._settle(policy, verdict, content)

    async def _policy(self) -> Policy:
        return await self._approvals.policies.of(self._account_id)

    async def _settle(self, policy: Policy, verdict: Verdict, content: _Content) -> None:
        if verdict.suggestion is Suggestion.PASS:
            return
        if verdict.suggestion is Suggestion.BLOCK:
            raise _rejected(f"the {content.what} is not allowed", verdict)
        if not policy.reviewing.enabled:
            raise _rejected(f"the {content.what} would need a person's review", verdict)
        patience = policy.reviewing.live if self._tell else policy.reviewing.jobs
        review = await self._open(content, verdict, patience)
        if review.pending:
            review = await self._awaited(review, patience)
        approved = patience.approve if review.pending else review.status is ReviewStatus.APPROVED
        if self._tell:
            self._tell("moderation.decided", review_id=review.id, approved=approved)
        if not approved:
            by = "a person refused" if review.decided else "nobody approved in time of"
            raise _rejected(f"{by} the {content.what}", verdict)

    async def _open(self, content: _Content, verdict: Verdict, patience: Patience) -> Review:
        new = NewReview(
            content.kind,
            content.digest,
            self._purpose,
            verdict,
            patience,
            content.text,
            content.asset_id,
        )
        if content.sound is not None:
            asset = await self._approvals.assets.upload(
                self._account_id,
                file_name=_NEW_ASSET,
                accept_kinds=("audio",),
                data=_file(content.sound),
            )
            new = replace(new, asset_id=asset.id, owns_asset=True)
        try:
            return await self._approvals.reviews.open(
                self._account_id, new, known_id=self._known_review_id
            )
        except BaseException:
            if new.owns_asset:
                await asyncio.shield(self._erase(new.asset_id))
            raise

    async def _erase(self, asset_id: str) -> None:
        """Leaves nothing of a clause that no review tells of."""
        try:
            await self._approvals.assets.delete(self._account_id, asset_id)
        except DomainError as error:
            log.warning("asset.left_behind", asset_id=asset_id, reason=error.reason)

    async def _awaited(self, review: Review, patience: Patience) -> Review:
        """The review once it is decided or the time is over; a job does not wait for it."""
        if self._tell is None:
            raise ReviewPending(
                "a person has to decide first: see the review, and ask again once it is approved",
                review_id=review.id,
            )
        self._tell(
            "moderation.held",
            review_id=review.id,
            categories=[finding.label for finding in review.findings],
            time_limit_s=patience.time_limit_s,
        )
        return await self._approvals.reviews.decision(review, within_s=patience.time_limit_s)


def _rejected(reason: str, verdict: Verdict) -> ContentRejected:
    labels = ",".join(dict.fromkeys(verdict.labels))
    return ContentRejected(f"{reason} ({labels})" if labels else reason, categories=labels)


def _text(text: str) -> _Content:
    digest = _digest("text", hashlib.sha256(text.encode()).hexdigest())
    return _Content(ReviewKind.TEXT, digest, "text", text=text)


def _digest(kind: str, content_sha256: str) -> str:
    return hashlib.sha256(f"{kind}:{content_sha256}".encode()).hexdigest()


async def _once(sound: AudioChunk) -> AsyncGenerator[AudioChunk, None]:
    yield sound


async def _file(sound: AudioChunk) -> AsyncIterator[bytes]:
    yield sound_file.encode(sound.pcm_s16le, rate_hz=sound.sample_rate_hz, format_name="wav")
