"""Every other service, over one channel each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from services.common.grpc_client import open_channel
from services.gateway.clients.accounts import GrpcAccounts
from services.gateway.clients.audit import GrpcAudit
from services.gateway.clients.catalog import (
    GrpcAvatars,
    GrpcIdempotency,
    GrpcStreams,
    GrpcVideos,
)
from services.gateway.clients.challenges import GrpcChallenges
from services.gateway.clients.consents import GrpcConsents
from services.gateway.clients.health import PeerHealth
from services.gateway.clients.judgements import GrpcPolicies, GrpcReviews
from services.gateway.clients.media import GrpcAnimator, GrpcRecorder, GrpcSpeaker
from services.gateway.clients.moderation import GrpcModerator
from services.gateway.clients.notices import GrpcNotices, GrpcStandings
from services.gateway.clients.people import GrpcPeople
from services.gateway.clients.provenance import GrpcProvenance
from services.gateway.clients.retention import GrpcRetention
from services.gateway.clients.rights import GrpcRights
from services.gateway.clients.storage import GrpcAssets, GrpcObjects
from services.gateway.clients.subjects import GrpcSubjects
from services.gateway.clients.usage import GrpcUsage
from services.gateway.jobs import Jobs, News
from services.gateway.moderation.approval import Approvals
from services.gateway.moderation.policies import Policies
from services.gateway.moderation.reviews import Reviews
from services.gateway.settings import PeerSettings


@dataclass(frozen=True, slots=True)
class Clients:
    """The adapters of all ports."""

    accounts: GrpcAccounts
    people: GrpcPeople
    audit: GrpcAudit
    avatars: GrpcAvatars
    videos: GrpcVideos
    streams: GrpcStreams
    idempotency: GrpcIdempotency
    assets: GrpcAssets
    objects: GrpcObjects
    recorder: GrpcRecorder
    consents: GrpcConsents
    usage: GrpcUsage
    challenges: GrpcChallenges
    provenance: GrpcProvenance
    rights: GrpcRights
    retention: GrpcRetention
    notices: GrpcNotices
    standings: GrpcStandings
    subjects: GrpcSubjects
    moderator: GrpcModerator
    policies: GrpcPolicies
    reviews: GrpcReviews
    speaker: GrpcSpeaker
    animator: GrpcAnimator
    health: PeerHealth


@asynccontextmanager
async def open_clients(settings: PeerSettings) -> AsyncIterator[Clients]:
    """The clients while the block runs; connecting happens at the first calls."""
    targets = {
        "storage": settings.storage_address,
        "tts": settings.tts_address,
        "lipsync": settings.lipsync_address,
        "moderation": settings.moderation_address,
    }
    tls = settings.tls
    async with AsyncExitStack() as stack:
        channels = {
            name: await stack.enter_async_context(open_channel(target, tls))
            for name, target in targets.items()
        }
        storage = channels["storage"]
        yield Clients(
            accounts=GrpcAccounts(storage),
            people=GrpcPeople(storage),
            audit=GrpcAudit(storage),
            avatars=GrpcAvatars(storage),
            videos=GrpcVideos(storage),
            streams=GrpcStreams(storage),
            idempotency=GrpcIdempotency(storage),
            assets=GrpcAssets(storage),
            objects=GrpcObjects(storage),
            recorder=GrpcRecorder(storage),
            consents=GrpcConsents(storage),
            usage=GrpcUsage(storage),
            challenges=GrpcChallenges(storage),
            provenance=GrpcProvenance(storage),
            rights=GrpcRights(storage),
            retention=GrpcRetention(storage),
            notices=GrpcNotices(storage),
            standings=GrpcStandings(storage),
            subjects=GrpcSubjects(storage),
            moderator=GrpcModerator(channels["moderation"]),
            policies=GrpcPolicies(storage),
            reviews=GrpcReviews(storage),
            speaker=GrpcSpeaker(channels["tts"]),
            animator=GrpcAnimator(channels["lipsync"]),
            health=PeerHealth(channels),
        )


def approvals_of(clients: Clients, jobs: Jobs, news: News) -> Approvals:
    """Moderation under the accounts' policies, with their people behind it."""
    reviews = Reviews(clients.reviews, clients.videos, clients.avatars, jobs, news)
    return Approvals(clients.moderator, Policies(clients.policies), reviews, clients.assets)
