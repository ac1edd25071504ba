"""The streams that live in this process: admitted, opened, found, ended."""

from __future__ import annotations

import asyncio
from asyncio import FIRST_COMPLETED
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import structlog

from services.common.errors import (
    AvatarNotReady,
    DomainError,
    Overloaded,
    StateConflict,
    Unavailable,
    VoiceNotFound,
)
from services.gateway.backgrounds import Backgrounds
from services.gateway.live.phrases import VoiceChoice
from services.gateway.live.recording import Archive
from services.gateway.live.session import Ending, Session
from services.gateway.live.tokens import Right
from services.gateway.marks import MarkRules, mark_text
from services.gateway.ports import Animator, Avatars, Speaker, Streams
from services.gateway.records import AvatarStatus, StreamSpec, StreamStatus
from services.gateway.sizes import size_of
from services.gateway.usage import Usage

log = structlog.get_logger()

_OPEN_S = 20.0
_LAST_WORD_DELAYS_S = (0.0, 0.5, 1.0, 2.0, 4.0)


class Owners(Protocol):
    """Says to other gateways which streams live here."""

    def held(self, stream_id: str) -> AbstractAsyncContextManager[None]:
        """Claims a stream while the block runs, for as long as this process lives."""


@dataclass(frozen=True, slots=True)
class Admission:
    """How much is taken on, and what is taken where the caller leaves it open."""

    max_streams: int
    english_voice: str
    chinese_voice: str
    marks: MarkRules = field(default_factory=MarkRules)


class Sessions:
    """All sessions of this gateway."""

    def __init__(
        self,
        streams: Streams,
        avatars: Avatars,
        speaker: Speaker,
        animator: Animator,
        owners: Owners,
        archive: Archive,
        backgrounds: Backgrounds,
        usage: Usage,
        admission: Admission,
    ) -> None:
        self._streams = streams
        self._avatars = avatars
        self._speaker = speaker
        self._animator = animator
        self._owners = owners
        self._archive = archive
        self._backgrounds = backgrounds
        self._usage = usage
        self._admission = admission
        self._sessions: dict[str, Session] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._opening = 0

    def find(self, stream_id: str) -> Session | None:
        """The session of a stream that lives here."""
        return self._sessions.get(stream_id)

    def ids(self) -> Collection[str]:
        """Of the streams that live here, up to the last word about them."""
        return self._tasks.keys()

    async def lost(self, stream_id: str) -> None:
        """Ends a stream that the catalog has ended: as it says, or because others gave it up."""
        session = self.find(stream_id)
        if session is None:
            return
        try:
            record = await self._streams.get(session.record.account_id, stream_id)
        except DomainError:
            session.end("gateway_lost")
        else:
            session.end(record.reason or "gateway_lost")

    async def create(self, account_id: str, spec: StreamSpec) -> tuple[Session, str]:
        """A new stream that draws, and the token that comes with it.

        Raises AvatarNotFound, AvatarNotReady, VoiceNotFound, InvalidInput (a size that the avatar
        can't have), AssetNotFound, UnsupportedMedia and ContentRejected (the background),
        Overloaded when this gateway or lip-sync has no room.
        """
        if len(self._sessions) + self._opening >= self._admission.max_streams:
            raise Overloaded("this gateway has no room for another stream", retry_after_s=5)
        self._opening += 1
        try:
            session = await self._open(account_id, spec)
        finally:
            self._opening -= 1
        token = session.tokens.issue(frozenset(Right), ttl_s=spec.max_duration_s)
        return session, token

    async def end(self, session: Session, reason: str) -> None:
        """Ends a stream; returns when nothing of it is left and the catalog knows."""
        task = self._tasks.get(session.id)
        session.end(reason)
        if task is not None:
            await asyncio.wait({task})

    async def close(self) -> None:
        """Ends all streams: the gateway stops."""
        for session in self._sessions.values():
            session.end("gateway_stopped")
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def note(self, session: Session, status: StreamStatus) -> None:
        """Moves a stream on in the catalog, never back; without the catalog it goes on as it is."""
        order = list(StreamStatus)
        async with session.noting:
            if order.index(session.record.status) >= order.index(status):
                return
            account_id = session.record.account_id
            try:
                session.moved(await self._streams.move(account_id, session.id, status))
            except StateConflict:
                session.end("gateway_lost")
            except DomainError as error:
                log.warning("stream.unrecorded", stream_id=session.id, reason=error.reason)

    async def _open(self, account_id: str, spec: StreamSpec) -> Session:
        avatar = await self._avatars.get(account_id, spec.avatar_id)
        if avatar.status is not AvatarStatus.READY:
            raise AvatarNotReady(f"the avatar is {avatar.status.value}")
        voice, spec = await self._voice(spec)
        width, height = size_of(avatar, spec.width, spec.height)
        background = await self._backgrounds.approved(account_id, spec.look.background)
        record = await self._streams.create(account_id, replace(spec, width=width, height=height))
        mark = self._admission.marks.in_stream(spec.look)
        session = Session(record, self._animator, avatar.pack, voice, background, mark)
        self._sessions[session.id] = session
        self._tasks[session.id] = asyncio.create_task(self._live(session))
        try:
            await _opened(session)
        except DomainError:
            await asyncio.wait({self._tasks[session.id]})
            raise
        log.info("stream.opened", stream_id=session.id, account_id=account_id)
        return session

    async def _live(self, session: Session) -> None:
        """A session's whole life, up to the last word about it."""
        ending = Ending("internal", failed=True)
        try:
            async with self._owners.held(session.id):
                ending = await self._run(session)
        finally:
            del self._sessions[session.id]
            await self._record_end(session, ending)
            await self._record_speech(session)
            del self._tasks[session.id]

    async def _run(self, session: Session) -> Ending:
        """Runs a session; a recording of it is complete when this returns."""
        async with asyncio.TaskGroup() as group:
            running = group.create_task(session.run())
            if session.record.spec.record:
                either: set[asyncio.Future[Any]] = {running, session.playout.opened}
                await asyncio.wait(either, return_when=FIRST_COMPLETED)
                if not running.done():
                    group.create_task(self._archive.keep(session))
        return running.result()

    async def _record_end(self, session: Session, ending: Ending) -> None:
        log.info("stream.ended", stream_id=session.id, reason=ending.reason, failed=ending.failed)
        for delay_s in _LAST_WORD_DELAYS_S:
            await asyncio.sleep(delay_s)
            try:
                await self._streams.move(
                    session.record.account_id, session.id, ending.status, reason=ending.reason
                )
            except Unavailable as error:
                log.warning("stream.unrecorded", stream_id=session.id, reason=error.reason)
            except DomainError as error:
                log.warning("stream.unrecorded", stream_id=session.id, reason=error.reason)
                return
            else:
                return

    async def _record_speech(self, session: Session) -> None:
        """Counts what was said of texts, once; what can't be counted in a while is not."""
        if not session.drives.spoken_ms:
            return
        for delay_s in _LAST_WORD_DELAYS_S:
            await asyncio.sleep(delay_s)
            try:
                await self._usage.record_speech(
                    session.record.account_id, session.id, duration_ms=session.drives.spoken_ms
                )
            except DomainError as error:
                log.warning("usage.unrecorded", stream_id=session.id, reason=error.reason)
                if error.retryable:
                    continue
            return

    async def _voice(self, spec: StreamSpec) -> tuple[VoiceChoice, StreamSpec]:
        """Who speaks; a single voice tells the language of the mark, too."""
        if not spec.voice_id:
            both = VoiceChoice(self._admission.english_voice, self._admission.chinese_voice)
            return both, spec
        for voice in await self._speaker.voices():
            if voice.id == spec.voice_id:
                look = replace(spec.look, mark=mark_text(voice.language))
                return VoiceChoice(voice.id, voice.id), replace(spec, look=look)
        raise VoiceNotFound("no such voice; GET /v1/voices lists them")


async def _opened(session: Session) -> None:
    """Returns when the session draws; ends it and raises what hindered it."""
    try:
        async with asyncio.timeout(_OPEN_S):
            await asyncio.shield(session.playout.opened)
    except TimeoutError:
        session.end("lipsync_unavailable", failed=True)
        raise Unavailable("lip-sync did not answer in time", retry_after_s=5) from None
    except DomainError as error:
        session.end(error.code, failed=True)
        raise
    except asyncio.CancelledError:
        session.end("abandoned")
        raise
