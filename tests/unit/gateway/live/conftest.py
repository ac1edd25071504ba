"""A session on fakes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.live.director import Director, TextLimits
from services.gateway.live.events import Event
from services.gateway.live.phrases import VoiceChoice
from services.gateway.live.program import Shown
from services.gateway.live.session import Ending, Session
from services.gateway.media import AudioChunk, Frame, ObjectRef
from services.gateway.moderation.approval import Approvals
from services.gateway.moderation.policies import Policies
from services.gateway.moderation.reviews import Reviews
from services.gateway.records import StreamRecord, StreamSpec, StreamStatus
from tests.fakes.catalog import START
from tests.fakes.files import FakeAssets, FakeObjects
from tests.fakes.people import FakeAnimator, FakeModerator, FakeSpeaker
from tests.fakes.stage import Stage

PACK = ObjectRef("avatars", "ac_1/av_1.pack")


@dataclass
class Studio:
    """A session, who works for it, and all that it showed and told, with the time of each."""

    animator: FakeAnimator = field(default_factory=FakeAnimator)
    moderator: FakeModerator = field(default_factory=FakeModerator)
    speaker: FakeSpeaker = field(default_factory=FakeSpeaker)
    shown: list[tuple[float, Shown]] = field(default_factory=list)
    events: list[tuple[float, Event]] = field(default_factory=list)
    assets: FakeAssets = field(default_factory=lambda: FakeAssets(FakeObjects()))
    stage: Stage = field(default_factory=lambda: Stage(now=loop_time))
    """Of whatever else is needed."""
    idle_timeout_s: int = 900
    max_duration_s: int = 86_400

    @asynccontextmanager
    async def live(self, *, watched: bool = True) -> AsyncIterator[Session]:
        """The session while the block runs."""
        spec = StreamSpec(
            "av_1", "", 512, 512, 25, self.idle_timeout_s, self.max_duration_s, record=False
        )
        record = StreamRecord(
            "st_1", "ac_1", spec, StreamStatus.CREATED, "", "", datetime.now(UTC), None, None
        )
        voice = VoiceChoice("vo_en_heart", "vo_zh_xiaoxiao")
        session = Session(record, self.animator, PACK, voice)
        running = asyncio.ensure_future(session.run())
        followers = [asyncio.ensure_future(self._listen(session))]
        if watched:
            followers.append(asyncio.ensure_future(self._watch(session)))
        await session.playout.opened
        try:
            yield session
        finally:
            session.end("deleted")
            self.ending: Ending = await running
            await asyncio.gather(*followers)

    def director(self) -> Director:
        limits = TextLimits(2_000, 20_000)
        approvals = Approvals(
            self.moderator, Policies(self.stage.policies), self.reviewers(), self.assets
        )
        return Director(approvals, self.speaker, self.assets, self.assets.objects, limits)

    def reviewers(self) -> Reviews:
        stage = self.stage
        return Reviews(stage.reviews, stage.videos, stage.avatars, stage.jobs, stage.news)

    def told(self, *types: str) -> list[str]:
        """The types of what was told, of some types if they are given."""
        return [one.type for _, one in self.events if not types or one.type in types]

    def event(self, type_: str) -> Event:
        """The first of its type."""
        return next(one for _, one in self.events if one.type == type_)

    def frames(self) -> list[tuple[float, Frame]]:
        return [(at, item) for at, item in self.shown if isinstance(item, Frame)]

    def sound(self) -> bytes:
        return b"".join(one.pcm_s16le for _, one in self.shown if isinstance(one, AudioChunk))

    async def _watch(self, session: Session) -> None:
        with session.program.subscribe(Frame, AudioChunk, limit=10**6) as items:
            async for item in items:
                self.shown.append((asyncio.get_running_loop().time(), item))

    async def watch_for(self, session: Session, seconds: float) -> None:
        """Watches for a while."""
        watching = asyncio.ensure_future(self._watch(session))
        await asyncio.wait({watching}, timeout=seconds)
        watching.cancel()

    async def _listen(self, session: Session) -> None:
        with session.events.listen() as events:
            async for event in events:
                self.events.append((asyncio.get_running_loop().time(), event))


async def until(condition: Callable[[], object], within_s: float = 60) -> None:
    """Returns when a condition holds; virtual time passes meanwhile."""
    async with asyncio.timeout(within_s):
        while not condition():
            moment: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.005, moment.set_result, None)
            await moment


def loop_time() -> datetime:
    """Virtual time as a point in time."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


@pytest.fixture
def studio() -> Studio:
    return Studio()
