"""CatalogService on a real connection, over SQLite and over PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from vultus.storage.v1.catalog_service_pb2_grpc import (
    CatalogServiceStub,
    add_CatalogServiceServicer_to_server,
)
from vultus.storage.v1.challenge_service_pb2_grpc import add_ChallengeServiceServicer_to_server
from vultus.storage.v1.consent_service_pb2_grpc import add_ConsentServiceServicer_to_server
from vultus.storage.v1.moderation_record_service_pb2_grpc import (
    add_ModerationRecordServiceServicer_to_server,
)
from vultus.storage.v1.provenance_service_pb2_grpc import add_ProvenanceServiceServicer_to_server
from vultus.storage.v1.subject_service_pb2_grpc import add_SubjectServiceServicer_to_server
from vultus.storage.v1.usage_service_pb2_grpc import add_UsageServiceServicer_to_server

from services.common.errors import NotFound, Unavailable
from services.common.grpc_client import open_channel
from services.common.grpc_server import serve_grpc
from services.common.ids import new_id
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
from services.gateway.clients.judgements import GrpcPolicies, GrpcReviews
from services.gateway.clients.notices import GrpcNotices, GrpcStandings
from services.gateway.clients.people import GrpcPeople
from services.gateway.clients.provenance import GrpcProvenance
from services.gateway.clients.rights import GrpcRights
from services.gateway.clients.subjects import GrpcSubjects
from services.gateway.clients.usage import GrpcUsage
from services.gateway.consents import Attested
from services.gateway.identity import Account, NewApiKey
from services.gateway.records import (
    Avatar,
    AvatarPack,
    AvatarStatus,
    NewVideo,
    StreamRecord,
    StreamSpec,
    Video,
    VideoSpec,
)
from services.storage.assets.examiner import Examiner, MediaLimits
from services.storage.audit.parts import Audit, audit_of
from services.storage.catalog.assets import Assets
from services.storage.catalog.avatars import Avatars
from services.storage.catalog.certificates import Signer
from services.storage.catalog.consent_servicer import ConsentServicer
from services.storage.catalog.consents import Consents
from services.storage.catalog.database import Database, database_clock, open_database
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.idempotency import Idempotency
from services.storage.catalog.migrations import migrate
from services.storage.catalog.moderation_servicer import ModerationRecordServicer
from services.storage.catalog.policies import Policies
from services.storage.catalog.records import Asset, AssetKind, NewAsset
from services.storage.catalog.reviews import Reviews
from services.storage.catalog.servicer import Catalog, CatalogServicer
from services.storage.catalog.streams import Streams
from services.storage.catalog.videos import Videos
from services.storage.catalog.withdrawals import Withdrawals
from services.storage.identity.parts import Identity, Terms, identity_of
from services.storage.identity.sessions import SessionLimits
from services.storage.notices.parts import Noticing, noticing_of
from services.storage.objects.spool import Spool
from services.storage.objects.store import ObjectInfo
from services.storage.protection.master import KEY_BYTES, KeyFile
from services.storage.protection.vault import Vault, open_vault
from services.storage.provenance.agreements import Agreements
from services.storage.provenance.credentials import open_credentials
from services.storage.provenance.manifest import ManifestSigner
from services.storage.provenance.servicer import ProvenanceServicer
from services.storage.provenance.sidecars import Sidecars
from services.storage.provenance.verification import Maker, Verifications
from services.storage.refs import ObjectRef
from services.storage.retention.rules import Periods, rules_of
from services.storage.rights.fulfilment import Fulfilment
from services.storage.rights.rights import Ground, build_rights
from services.storage.rights.rules import Rules
from services.storage.statements.challenges import Challenges
from services.storage.statements.servicer import ChallengeServicer
from services.storage.subjects.minors import Minors
from services.storage.subjects.subject_servicer import SubjectServicer
from services.storage.subjects.subjects import Subjects
from services.storage.usage.meter import Usage
from services.storage.usage.quotas import Quotas
from services.storage.usage.records import Limits, QuotaName
from services.storage.usage.sampler import Sampler
from services.storage.usage.servicer import UsageServicer
from tests.fakes.postgres import PostgresServer

if TYPE_CHECKING:
    from vultus.storage.v1.catalog_service_pb2_grpc import CatalogServiceAsyncStub

MASTER = KeyFile([os.urandom(KEY_BYTES)])
"""Of all houses, so that several can stand on one database."""
RULES = Rules(
    "CN", "Asia/Shanghai", 3, timedelta(days=7), "Hangzhou", ("Cloud Ltd",), rules_of(Periods())
)
PRODUCER, MAX_VERIFIED_BYTES = "Ada's 数字人", 1_000_000
SERVICE = "vultus.storage.v1.CatalogService"
LIMITS: Limits = {QuotaName.VIDEOS_AT_ONCE: 500, QuotaName.STREAMS_AT_ONCE: 50}


@dataclass
class MovableClock:
    """The database's clock, moved ahead."""

    ahead: timedelta = timedelta(0)

    async def __call__(self, connection: AsyncConnection) -> datetime:
        return await database_clock(connection) + self.ahead

    def advance(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class ObjectsInMemory:
    """Objects that can be deleted, unless the store is down."""

    kept: set[ObjectRef] = field(default_factory=set)
    content: dict[ObjectRef, bytes] = field(default_factory=dict)
    down: bool = False

    async def delete(self, refs: Sequence[ObjectRef]) -> None:
        if self.down:
            raise Unavailable("the object store does not answer")
        self.kept -= set(refs)

    async def open(self, ref: ObjectRef) -> tuple[ObjectInfo, AsyncGenerator[bytes, None]]:
        if self.down:
            raise Unavailable("the object store does not answer")
        if ref not in self.kept:
            raise NotFound("no such object")
        content = self.content.get(ref, str(ref).encode())

        async def blocks() -> AsyncGenerator[bytes, None]:
            yield content

        return ObjectInfo("application/octet-stream", len(content), "etag"), blocks()

    async def write(self, ref: ObjectRef, content_type: str, path: Path) -> None:
        if self.down:
            raise Unavailable("the object store does not answer")
        self.kept.add(ref)
        self.content[ref] = await asyncio.to_thread(path.read_bytes)


@dataclass
class House:
    """A served catalog, its clients, and what it stands on."""

    stub: CatalogServiceAsyncStub
    channel: grpc.aio.Channel
    accounts: GrpcAccounts
    people: GrpcPeople
    identity: Identity
    avatars: GrpcAvatars
    videos: GrpcVideos
    streams: GrpcStreams
    idempotency: GrpcIdempotency
    policies: GrpcPolicies
    reviews: GrpcReviews
    review_records: Reviews
    consents: GrpcConsents
    challenges: GrpcChallenges
    usage: GrpcUsage
    sampler: Sampler
    provenance: GrpcProvenance
    subjects: GrpcSubjects
    withdrawals: Withdrawals
    assets: Assets
    erasures: Erasures
    audit: GrpcAudit
    notices: GrpcNotices
    standings: GrpcStandings
    noticing: Noticing
    audit_records: Audit
    database: Database
    vault: Vault
    rights: GrpcRights
    fulfilment: Fulfilment
    objects: ObjectsInMemory
    clock: MovableClock

    async def account(self) -> Account:
        return await self.accounts.create_account("Ada's")

    async def asset(self, account_id: str, kind: AssetKind = AssetKind.IMAGE) -> Asset:
        """A stored file."""
        asset_id = new_id("as")
        image = kind is AssetKind.IMAGE
        new = NewAsset(
            id=asset_id,
            account_id=account_id,
            kind=kind,
            content_type="image/jpeg" if image else "audio/wav",
            file_name="me",
            size_bytes=3,
            sha256="00" * 32,
            duration_s=None if image else 2.5,
            width=640 if image else None,
            height=480 if image else None,
            object=ObjectRef("assets", f"{account_id}/{asset_id}"),
            picture=ObjectRef("assets", f"{account_id}/{asset_id}.png") if image else None,
        )
        await self.assets.announce(new_objects(new))
        asset = await self.assets.create(new)
        self.objects.kept |= set(asset.objects)
        return asset

    async def preparing(self, account_id: str, *, owns_asset: bool = False) -> Avatar:
        asset = await self.asset(account_id)
        return await self.avatars.create(
            account_id,
            name="Ada",
            asset_id=asset.id,
            owns_asset=owns_asset,
            consent=Attested("key_1"),
        )

    async def avatar(self, account_id: str, *, owns_asset: bool = False) -> Avatar:
        """A ready one."""
        avatar = await self.preparing(account_id, owns_asset=owns_asset)
        self.objects.kept |= {
            ObjectRef(ref.bucket, ref.key) for ref in (avatar.pack, avatar.preview)
        }
        pack = AvatarPack(512, 640)
        return await self.avatars.finish(account_id, avatar.id, AvatarStatus.READY, pack=pack)

    async def new_video(self, account_id: str, **changes: object) -> NewVideo:
        """What a video may be made from."""
        avatar = await self.avatar(account_id)
        values: dict[str, object] = {
            "avatar_id": avatar.id,
            "text": "Good day.",
            "audio_asset_id": None,
            "voice_id": "vo_en_heart",
            "speed": 1.0,
            "width": 0,
            "height": 0,
            "fps": 25,
            "subtitles": True,
        }
        spec = VideoSpec(**values | changes)  # type: ignore[arg-type]  # any field
        return NewVideo(spec, {"order": 7, "vip": True}, "https://example.org/hook")

    async def video(self, account_id: str) -> Video:
        """A queued job."""
        return await self.videos.create(account_id, await self.new_video(account_id))

    async def stream(self, account_id: str) -> StreamRecord:
        """A new one."""
        avatar = await self.avatar(account_id)
        spec = StreamSpec(avatar.id, "vo_en_heart", 320, 400, 30, 900, 86_400, record=True)
        return await self.streams.create(account_id, spec)

    async def recording(self, stream: StreamRecord) -> Video:
        """The job of the video that a stream becomes."""
        new = await self.new_video(
            stream.account_id, avatar_id=stream.spec.avatar_id, text=None, stream_id=stream.id
        )
        return await self.videos.create(stream.account_id, new)


def new_key(name: str) -> NewApiKey:
    """One that may do everything."""
    return NewApiKey(name, ("*",), "operator")


def new_objects(new: NewAsset) -> list[ObjectRef]:
    return [ref for ref in (new.object, new.picture) if ref is not None]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.start()
    yield server
    server.stop()
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """An empty database."""
    if request.param == "sqlite":
        return URL.create("sqlite+aiosqlite", database=str(tmp_path / "catalog.sqlite"))
    server: PostgresServer = request.getfixturevalue("postgres_server")
    engine = create_async_engine(server.url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await engine.dispose()
    return make_url(server.url)


async def sealed(opened: Database) -> Database:
    """The same database, with the vault that houses have."""
    return opened.sealed_by(await open_vault(opened, MASTER))


@cache
def seal() -> ManifestSigner:
    """What signs manifests in every house."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "c2pa.pem"
        credentials = open_credentials(path, path, made_for=PRODUCER)
    return ManifestSigner(credentials, "1", timestamps=None)


def verifications(database: Database, spool: Spool) -> Verifications:
    """What looks at files, in processes as the service does."""
    examiner = Examiner(MediaLimits(), parallel=1, timeout_s=120)
    maker = Maker(PRODUCER, seal().chain)
    return Verifications(database, spool, examiner, maker, max_bytes=MAX_VERIFIED_BYTES)


@asynccontextmanager
async def open_house(url: URL) -> AsyncIterator[House]:
    """A catalog that is served on a port of its own."""
    with TemporaryDirectory() as spool:
        async with _built(url, Spool(Path(spool))) as house:
            yield house


@asynccontextmanager
async def _built(url: URL, spool: Spool) -> AsyncIterator[House]:
    clock, objects = MovableClock(), ObjectsInMemory()
    async with open_database(url, connections=5, clock=clock) as opened:
        await migrate(opened)
        vault = await open_vault(opened, MASTER)
        database = opened.sealed_by(vault)
        terms = Terms(SessionLimits(timedelta(hours=12), timedelta(days=7)), timedelta(days=15))
        erasures = Erasures(database, objects)
        identity = identity_of(database, vault, erasures, terms)
        catalog = Catalog(
            Avatars(database, erasures),
            Videos(database, erasures, LIMITS),
            Streams(database, LIMITS),
            Idempotency(database),
        )
        register = partial(add_CatalogServiceServicer_to_server, CatalogServicer(catalog))
        reviews = Reviews(database, erasures)
        withdrawals = Withdrawals(database, erasures)
        judge = ModerationRecordServicer(Policies(database), reviews)
        signer = Signer(Ed25519PrivateKey.generate())
        audit = audit_of(database, signer, objects)
        ground = Ground(database, vault, identity, erasures, withdrawals, objects, spool)
        rights = build_rights(ground, RULES)
        noticing = noticing_of(database, vault, identity)
        services: dict[str, Callable[[grpc.aio.Server], None]] = {
            SERVICE: register,
            **audit.services(),
            **noticing.services(),
            **identity.services(signer),
            "vultus.storage.v1.ConsentService": partial(
                add_ConsentServiceServicer_to_server,
                ConsentServicer(Consents(database), withdrawals, signer),
            ),
            "vultus.storage.v1.ChallengeService": partial(
                add_ChallengeServiceServicer_to_server,
                ChallengeServicer(Challenges(database, erasures, objects, spool)),
            ),
            "vultus.storage.v1.SubjectService": partial(
                add_SubjectServiceServicer_to_server,
                SubjectServicer(Subjects(database), Minors(database, withdrawals)),
            ),
            "vultus.storage.v1.UsageService": partial(
                add_UsageServiceServicer_to_server,
                UsageServicer(Usage(database), Quotas(database, LIMITS)),
            ),
            "vultus.storage.v1.ProvenanceService": partial(
                add_ProvenanceServiceServicer_to_server,
                ProvenanceServicer(
                    Agreements(database), verifications(database, spool), Sidecars(database)
                ),
            ),
            "vultus.storage.v1.ModerationRecordService": partial(
                add_ModerationRecordServiceServicer_to_server, judge
            ),
            "vultus.storage.v1.RightsService": rights.register(),
        }
        served = serve_grpc("127.0.0.1:0", services, drain_timeout_s=0)
        async with served as endpoint, open_channel(endpoint.address) as channel:
            yield House(
                stub=CatalogServiceStub(channel),
                channel=channel,
                accounts=GrpcAccounts(channel),
                people=GrpcPeople(channel),
                identity=identity,
                avatars=GrpcAvatars(channel),
                videos=GrpcVideos(channel),
                streams=GrpcStreams(channel),
                idempotency=GrpcIdempotency(channel),
                policies=GrpcPolicies(channel),
                reviews=GrpcReviews(channel),
                review_records=reviews,
                consents=GrpcConsents(channel),
                challenges=GrpcChallenges(channel),
                usage=GrpcUsage(channel),
                sampler=Sampler(database),
                provenance=GrpcProvenance(channel),
                subjects=GrpcSubjects(channel),
                withdrawals=withdrawals,
                assets=Assets(database, erasures, LIMITS),
                erasures=erasures,
                audit=GrpcAudit(channel),
                notices=GrpcNotices(channel),
                standings=GrpcStandings(channel),
                noticing=noticing,
                audit_records=audit,
                database=database,
                vault=vault,
                rights=GrpcRights(channel),
                fulfilment=rights.fulfilment,
                objects=objects,
                clock=clock,
            )


@pytest.fixture
async def house(url: URL) -> AsyncIterator[House]:
    async with open_house(url) as house:
        yield house
