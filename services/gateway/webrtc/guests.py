"""Everybody who is connected to this gateway's streams by WebRTC, from offer to departure."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from services.common.errors import NotFound, Overloaded, StreamEnded, Unavailable
from services.gateway.live.director import Director
from services.gateway.live.ice import IceServer
from services.gateway.live.session import Session
from services.gateway.live.sessions import Sessions
from services.gateway.records import StreamStatus
from services.gateway.webrtc.keyframes import KeyframeWishes
from services.gateway.webrtc.offer import Wish, read_offer
from services.gateway.webrtc.peer import Peer
from services.gateway.webrtc.rate import EncoderRate, Estimate, ceiling_bps
from services.gateway.webrtc.viewer import Viewer
from services.gateway.webrtc.voice import Manner, Voice

log = structlog.get_logger()

SILENCE_S = 15.0
"""Who does not connect, or says nothing, for so long is gone."""
_TICK_S = 1.0
_MAX_VOICES = 4
"""Of one stream."""


@dataclass(frozen=True, slots=True)
class GuestRules:
    """How guests find us, and how many there may be."""

    max_viewers: int
    """Of one stream."""
    addresses: tuple[str, ...] = ()
    """Where this gateway is reached, if not at its own addresses."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a guest is given: where it is found, and the answer to its offer."""

    guest_id: str
    answer: str


_Stay = Callable[[], Coroutine[Any, Any, None]]


class _Guest:
    """A connection, whose secret opened it, and the task of its life."""

    def __init__(self, wish: Wish, peer: Peer, secret: str) -> None:
        self.wish = wish
        self.id = f"wg_{secrets.token_urlsafe(18)}"
        self.peer = peer
        self.owner = _digest(secret)
        self.task: asyncio.Task[None] | None = None


class _Party:
    """The guests of one stream."""

    def __init__(self, session: Session, sessions: Sessions, rules: GuestRules) -> None:
        self.session = session
        self.guests: dict[str, _Guest] = {}
        self.viewers: set[Viewer] = set()
        """Those that are connected."""
        self._sessions = sessions
        self._rules = rules
        look = session.look
        self._ceiling_bps = ceiling_bps(look.width, look.height, look.fps)
        self._rate = EncoderRate(self._ceiling_bps)
        self._wishes = KeyframeWishes(lambda: session.program.wish_keyframe())
        self._closed = False

    async def watch(self, offer_sdp: str, secret: str, servers: Sequence[IceServer]) -> Ticket:
        """Lets a viewer in. Raises InvalidInput, UnsupportedMedia, Overloaded, StreamEnded."""
        offer = read_offer(offer_sdp, Wish.WATCH)
        self._check_room(Wish.WATCH, self._rules.max_viewers)
        peer = Peer(offer, servers)
        estimate = Estimate(self._ceiling_bps)
        viewer = Viewer(peer, self.session.program, estimate, self._wishes.wish)
        viewer.prepare(offer.kinds)
        return await self._enter(_Guest(Wish.WATCH, peer, secret), lambda: self._view(peer, viewer))

    async def speak(
        self,
        offer_sdp: str,
        secret: str,
        servers: Sequence[IceServer],
        director: Director,
        manner: Manner,
    ) -> Ticket:
        """Lets a voice in. Raises as `watch` does."""
        offer = read_offer(offer_sdp, Wish.SPEAK)
        self._check_room(Wish.SPEAK, _MAX_VOICES)
        peer = Peer(offer, servers)
        voice = Voice(peer, self.session, director, manner)
        return await self._enter(_Guest(Wish.SPEAK, peer, secret), lambda: self._hear(peer, voice))

    async def run(self) -> None:
        """Looks after the guests until the stream ends, then sends them away."""
        with self.session.events.listen() as events:
            over = asyncio.ensure_future(_exhaust(events))
            try:
                while not over.done():
                    await asyncio.wait({over}, timeout=_TICK_S)
                    self._look_around()
            finally:
                over.cancel()
                await self._close()

    def _check_room(self, wish: Wish, most: int) -> None:
        if sum(guest.wish is wish for guest in self.guests.values()) >= most:
            raise Overloaded(f"only {most} may {wish} the stream at a time", retry_after_s=5)

    async def _enter(self, guest: _Guest, stay: _Stay) -> Ticket:
        self.guests[guest.id] = guest
        try:
            answer = await self._answer(guest)
        except BaseException:
            del self.guests[guest.id]
            await guest.peer.close()
            raise
        guest.task = asyncio.create_task(self._live(guest, stay))
        return Ticket(guest.id, answer)

    async def _answer(self, guest: _Guest) -> str:
        answer = await guest.peer.answer(self._rules.addresses)
        if guest.wish is Wish.WATCH:
            await self._sessions.note(self.session, StreamStatus.CONNECTING)
        if self._closed:
            raise StreamEnded("the stream has ended")
        return answer

    async def _live(self, guest: _Guest, stay: _Stay) -> None:
        """A guest's time here: what it stays for begins when it is connected."""
        try:
            if await _connected(guest.peer):
                await stay()
        finally:
            self.guests.pop(guest.id, None)
            await guest.peer.close()

    async def _view(self, peer: Peer, viewer: Viewer) -> None:
        self.viewers.add(viewer)
        self._tell("viewer.joined", viewers=len(self.viewers))
        try:
            await self._sessions.note(self.session, StreamStatus.LIVE)
            await peer.over.wait()
        finally:
            self.viewers.discard(viewer)
            self._tell("viewer.left", viewers=len(self.viewers))

    async def _hear(self, peer: Peer, voice: Voice) -> None:
        self._tell("voice.joined")
        over = asyncio.ensure_future(peer.over.wait())
        listening = asyncio.ensure_future(voice.listen())
        try:
            await asyncio.wait({over, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            listening.cancel()
            await asyncio.gather(over, listening, return_exceptions=True)
            self._tell("voice.left")

    def _tell(self, event: str, **fields: object) -> None:
        log.info(event, stream_id=self.session.id, **fields)
        self.session.events.tell(event, **fields)

    def _look_around(self) -> None:
        """Lets go who is silent, and makes the pictures fit everybody's network."""
        now_s = asyncio.get_running_loop().time()
        for guest in self.guests.values():
            if guest.peer.connected.is_set() and now_s - guest.peer.heard_s > SILENCE_S:
                guest.peer.over.set()
        if self._rate.follow(now_s, [viewer.estimate for viewer in self.viewers]):
            log.info("stream.bitrate", stream_id=self.session.id, bps=self._rate.bps)
            self.session.playout.set_bitrate(self._rate.bps)

    async def _close(self) -> None:
        self._closed = True
        self._wishes.close()
        guests = list(self.guests.values())
        for guest in guests:
            guest.peer.over.set()
        await asyncio.gather(*(one.task for one in guests if one.task), return_exceptions=True)


class Guests:
    """The guests of all streams of this gateway."""

    def __init__(self, sessions: Sessions, director: Director, rules: GuestRules) -> None:
        self._sessions = sessions
        self._director = director
        self._rules = rules
        self._parties: dict[str, _Party] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def watch(
        self, session: Session, offer_sdp: str, secret: str, servers: Sequence[IceServer]
    ) -> Ticket:
        """Answers a viewer's offer; whoever knows the secret may change it later.

        Raises InvalidInput, UnsupportedMedia, Overloaded, StreamEnded, Unavailable.
        """
        return await self._party(session).watch(offer_sdp, secret, self._asked(servers))

    async def speak(
        self,
        session: Session,
        offer_sdp: str,
        secret: str,
        servers: Sequence[IceServer],
        manner: Manner,
    ) -> Ticket:
        """Answers the offer of somebody who wants to speak through the avatar; likewise."""
        return await self._party(session).speak(
            offer_sdp, secret, self._asked(servers), self._director, manner
        )

    async def add_candidates(
        self, stream_id: str, guest_id: str, secret: str, fragment: str
    ) -> None:
        """Takes what a guest found out later. Raises NotFound, InvalidInput."""
        await self._guest(stream_id, guest_id, secret).peer.add(fragment)

    async def leave(self, stream_id: str, guest_id: str, secret: str) -> None:
        """Ends a guest's connection; returns when it has ended. Raises NotFound."""
        guest = self._guest(stream_id, guest_id, secret)
        guest.peer.over.set()
        if guest.task is not None:
            await asyncio.wait({guest.task})

    async def close(self) -> None:
        """Returns when the guests of streams that have ended are gone."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _asked(self, servers: Sequence[IceServer]) -> Sequence[IceServer]:
        """Whoever is reached at announced addresses need not find out its own."""
        return () if self._rules.addresses else servers

    def _party(self, session: Session) -> _Party:
        party = self._parties.get(session.id)
        if party is None and not session.playout.opened.done():
            raise Unavailable("the stream is being opened still", retry_after_s=1)
        if party is None:
            party = self._parties[session.id] = _Party(session, self._sessions, self._rules)
            task = asyncio.create_task(party.run())
            self._tasks.add(task)
            task.add_done_callback(lambda done: self._forget(session.id, done))
        return party

    def _forget(self, stream_id: str, task: asyncio.Task[None]) -> None:
        del self._parties[stream_id]
        self._tasks.discard(task)

    def _guest(self, stream_id: str, guest_id: str, secret: str) -> _Guest:
        party = self._parties.get(stream_id)
        guest = party.guests.get(guest_id) if party else None
        if guest is None or not secrets.compare_digest(guest.owner, _digest(secret)):
            raise NotFound("there is no such connection, or not with this token")
        return guest


async def _connected(peer: Peer) -> bool:
    """Whether the connection came about in time."""
    waits = [asyncio.ensure_future(event.wait()) for event in (peer.connected, peer.over)]
    try:
        await asyncio.wait(waits, timeout=SILENCE_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return peer.connected.is_set() and not peer.over.is_set()


async def _exhaust(events: Any) -> None:
    async for _ in events:
        pass


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
