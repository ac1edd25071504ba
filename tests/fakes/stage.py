"""The gateway's HTTP API and its jobs on fakes, wired as the composition roots do it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import httpx
from starlette.types import ASGIApp

from services.gateway.app import door_of
from services.gateway.audit.noting import Audit
from services.gateway.avatar_job import AvatarJobs
from services.gateway.backgrounds import Backgrounds
from services.gateway.http.api import create_app
from services.gateway.http.context import Gateway
from services.gateway.identity import Account
from services.gateway.jobs import Jobs, News
from services.gateway.live.director import Director, TextLimits
from services.gateway.live.ice import IceServers
from services.gateway.live.recording import Archive
from services.gateway.live.sessions import Admission, Sessions
from services.gateway.moderation.approval import Approvals
from services.gateway.moderation.policies import Policies
from services.gateway.moderation.reviews import Reviews
from services.gateway.outputs.output import Pauses
from services.gateway.outputs.outputs import OutputRules, Outputs
from services.gateway.pipeline import Services
from services.gateway.records import StreamRecord
from services.gateway.settings import GatewaySettings, WorkerSettings
from services.gateway.standing import Gate
from services.gateway.video_job import Peers, VideoJobs
from services.gateway.webrtc.guests import GuestRules, Guests
from tests.fakes.accounts import FakeAccounts
from tests.fakes.audit import FakeAudit
from tests.fakes.bus import FakeBus, FakeQueue, FakeStrikes
from tests.fakes.catalog import FakeAvatars, FakeClock, FakeIdempotency, KnownSubjects
from tests.fakes.challenges import FakeChallenges, FakeStatements
from tests.fakes.consents import FakeConsents
from tests.fakes.files import FakeAssets, FakeObjects, FakeRecorder
from tests.fakes.identity import FakeCodeSender, FakePeople
from tests.fakes.judgements import FakePolicies, FakeReviews
from tests.fakes.live import FakeOwners
from tests.fakes.notices import FakeNotices, FakeStandings
from tests.fakes.people import FakeAnimator, FakeModerator, FakeSpeaker
from tests.fakes.provenance import FakeProvenance
from tests.fakes.retention import FakeRetention
from tests.fakes.rights import FakeRights
from tests.fakes.streams import FakeStreams
from tests.fakes.subjects import FakeSubjects
from tests.fakes.usage import FakeUsage
from tests.fakes.videos import FakeVideos


@dataclass
class FakePeers:
    """The health of the other services."""

    answers: dict[str, bool] = field(default_factory=lambda: {"storage": True, "tts": True})

    async def serving(self) -> dict[str, bool]:
        return dict(self.answers)

    async def ready(self) -> bool:
        return all(self.answers.values())


class Stage:
    """Every fake, and what is built on them; the catalog's clock stands still."""

    def __init__(
        self,
        settings: GatewaySettings | None = None,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.settings = settings or GatewaySettings(key_cache_s=0)
        self.clock = FakeClock()
        now = now or self.clock
        self.accounts = FakeAccounts(now)
        self.people = FakePeople(self.accounts, now)
        self.code_sender = FakeCodeSender()
        self.audit_record = FakeAudit(now)
        self.audit = Audit(self.audit_record)
        self.idempotency = FakeIdempotency()
        self.objects = FakeObjects()
        self.assets = FakeAssets(self.objects)
        known = KnownSubjects(now)
        self.avatars = FakeAvatars(self.assets, now, known)
        streams: dict[str, StreamRecord] = {}
        self.provenance = FakeProvenance(now)
        permit = self.provenance.permit
        self.videos = FakeVideos(self.avatars, self.assets, streams, now, permit)
        self.streams = FakeStreams(self.avatars, self.videos.kept, now, permit, streams)
        self.consents = FakeConsents(self.avatars, self.videos, self.streams, now)
        self.challenges = FakeChallenges(self.consents, self.assets, now)
        self.statements = FakeStatements()
        self.usage = FakeUsage(now)
        self.rights = FakeRights(self.avatars, now)
        self.retention = FakeRetention()
        self.notices = FakeNotices(now)
        self.standings = FakeStandings(now, lacks_guardian=self.accounts.lacks_guardian)
        self.subjects = FakeSubjects(known, self.consents, now)
        self.recorder = FakeRecorder(self.objects)
        self.moderator = FakeModerator()
        self.policies = FakePolicies(now)
        self.reviews = FakeReviews(now, self.videos, self.avatars)
        self.speaker = FakeSpeaker()
        self.animator = FakeAnimator()
        self.queue = FakeQueue()
        self.bus = FakeBus()
        self.strikes = FakeStrikes()
        self.peers = FakePeers()
        self.jobs = Jobs(self.queue)
        self.news = News(self.bus)
        self.ice_servers = IceServers()
        self.tls: ssl.SSLContext | None = None
        """Of those whom streams are sent to."""
        self.pauses = Pauses()
        self.closing = asyncio.Event()
        self.account, self.secret = self.accounts.add()

    @cached_property
    def approvals(self) -> Approvals:
        reviews = Reviews(self.reviews, self.videos, self.avatars, self.jobs, self.news)
        return Approvals(self.moderator, Policies(self.policies), reviews, self.assets)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(
            self.streams,
            self.avatars,
            self.speaker,
            self.animator,
            FakeOwners(),
            Archive(self.streams, self.videos, self.recorder, self.objects, self.news),
            Backgrounds(self.assets, self.approvals),
            self.usage,
            Admission(self.settings.max_streams, "vo_en_heart", "vo_zh_xiaoxiao"),
        )

    @cached_property
    def guests(self) -> Guests:
        rules = GuestRules(self.settings.max_viewers, tuple(map(str, self.settings.rtc_addresses)))
        return Guests(self.sessions, self.director, rules)

    @cached_property
    def outputs(self) -> Outputs:
        rules = OutputRules(self.settings.max_outputs, self.settings.output_private_addresses)
        return Outputs(self.sessions, rules, self.tls, self.pauses)

    @property
    def director(self) -> Director:
        limits = TextLimits(2_000, 20_000)
        return Director(self.approvals, self.speaker, self.assets, self.objects, limits)

    @property
    def services(self) -> Services:
        return Services(self.speaker, self.animator, self.recorder)

    def app(self) -> ASGIApp:
        door = door_of(self.settings, self.accounts)
        return create_app(
            Gateway(
                settings=self.settings,
                door=door,
                audit=self.audit,
                accounts=self.accounts,
                people=self.people,
                code_sender=self.code_sender,
                consents=self.consents,
                challenges=self.challenges,
                statements=self.statements,
                usage=self.usage,
                provenance=self.provenance,
                rights=self.rights,
                retention=self.retention,
                notices=self.notices,
                standings=self.standings,
                gate=Gate(self.standings),
                subjects=self.subjects,
                avatars=self.avatars,
                videos=self.videos,
                idempotency=self.idempotency,
                assets=self.assets,
                objects=self.objects,
                approvals=self.approvals,
                speaker=self.speaker,
                animator=self.animator,
                streams=self.streams,
                sessions=self.sessions,
                director=self.director,
                ice_servers=self.ice_servers,
                guests=self.guests,
                outputs=self.outputs,
                jobs=self.jobs,
                news=self.news,
                health=self.peers,
                closing=self.closing,
            )
        )

    def client(self, secret: str | None = None) -> httpx.AsyncClient:
        """An HTTP client with the first account's key, or another one; "" sends none."""
        key = self.secret if secret is None else secret
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app()),
            base_url="http://vultus",
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )

    def stranger(self) -> tuple[Account, str]:
        return self.accounts.add("stranger")

    def video_jobs(self, **settings: float) -> VideoJobs:
        peers = Peers(
            videos=self.videos,
            avatars=self.avatars,
            assets=self.assets,
            objects=self.objects,
            services=self.services,
            approvals=self.approvals,
            jobs=self.jobs,
            news=self.news,
            strikes=self.strikes,
            ready=self.peers.ready,
        )
        return VideoJobs(peers, WorkerSettings.model_validate(settings))

    def avatar_jobs(self) -> AvatarJobs:
        return AvatarJobs(
            self.avatars,
            self.animator,
            self.objects,
            self.strikes,
            self.approvals.reviews,
            max_attempts=3,
            max_strikes=3,
        )
