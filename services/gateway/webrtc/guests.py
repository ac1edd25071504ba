"""Everybody who is connected to this gateway's streams by WebRTC, from offer to departure."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from services.common.errors import NotFound, Overloaded, StreamEnded
from services.gateway.live.ice import IceServer
from services.gateway.live.session import Session
from services.gateway.live.sessions import Sessions
from services.gateway.records import StreamStatus
from services.gateway.webrtc.keyframes import KeyframeWishes
from services.gateway.webrtc.offer import Wish, read_offer
from services.gateway.webrtc.peer import Peer
from services.gateway.webrtc.rate import EncoderRate, Estimate, ceiling_bps
from services.gateway.webrtc.viewer import Viewer

log = structlog.get_logger()

SILENCE_S = 15.0
"""Who does not connect, or says nothing, for so long is gone."""
_TICK_S = 1.0


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


class _Guest:
    """A connection, whose secret opened it, and the task of its life."""

    def __init__(self, peer: Peer, secret: str) -> None:
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
        self._noting = asyncio.Lock()
        self._closed = False

    async def watch(self, offer_sdp: str, secret: str, servers: Sequence[IceServer]) -> Ticket:
        """Lets a viewer in. Raises InvalidInput, UnsupportedMedia, Overloaded, StreamEnded."""
        offer = read_offer(offer_sdp, Wish.WATCH)
        if len(self.guests) >= self._rules.max_viewers:
            raise Overloaded(
                f"the stream has {self._rules.max_viewers} viewers already", retry_after_s=5
            )
        peer = Peer(offer, servers)
        estimate = Estimate(self._ceiling_bps)
        viewer = Viewer(peer, self.session.program, estimate, self._wishes.wish)
        viewer.prepare(offer.kinds)
        return await self._enter(peer, secret, lambda guest: self._stay(guest, viewer))

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

    async def _enter(
        self, peer: Peer, secret: str, live: Callable[[_Guest], Coroutine[Any, Any, None]]
    ) -> Ticket:
        guest = _Guest(peer, secret)
        self.guests[guest.id] = guest
        try:
            answer = await self._answer(peer)
        except BaseException:
            del self.guests[guest.id]
            await peer.close()
            raise
        guest.task = asyncio.create_task(live(guest))
        return Ticket(guest.id, answer)

    async def _answer(self, peer: Peer) -> str:
        answer = await peer.answer(self._rules.addresses)
        await self._note(StreamStatus.CONNECTING)
        if self._closed:
            raise StreamEnded("the stream has ended")
        return answer

    async def _stay(self, guest: _Guest, viewer: Viewer) -> None:
        """A viewer's time here."""
        try:
            if await _connected(guest.peer):
                await self._view(guest, viewer)
        finally:
            self.guests.pop(guest.id, None)
            await guest.peer.close()

    async def _view(self, guest: _Guest, viewer: Viewer) -> None:
        viewer.heard()
        self.viewers.add(viewer)
        self._tell("viewer.joined")
        try:
            await self._note(StreamStatus.LIVE)
            await guest.peer.over.wait()
        finally:
            self.viewers.discard(viewer)
            self._tell("viewer.left")

    def _tell(self, event: str) -> None:
        viewers = len(self.viewers)
        log.info(event, stream_id=self.session.id, viewers=viewers)
        self.session.events.tell(event, viewers=viewers)

    async def _note(self, status: StreamStatus) -> None:
        """Moves the stream on, never back."""
        order = list(StreamStatus)
        async with self._noting:
            if order.index(self.session.record.status) < order.index(status):
                await self._sessions.note(self.session, status)

    def _look_around(self) -> None:
        """Lets go who is silent, and makes the pictures fit everybody's network."""
        now_s = asyncio.get_running_loop().time()
        for viewer in self.viewers:
            if now_s - viewer.heard_s > SILENCE_S:
                viewer.peer.over.set()
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

    def __init__(self, sessions: Sessions, rules: GuestRules) -> None:
        self._sessions = sessions
        self._rules = rules
        self._parties: dict[str, _Party] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def watch(
        self, session: Session, offer_sdp: str, secret: str, servers: Sequence[IceServer]
    ) -> Ticket:
        """Answers a viewer's offer; whoever knows the secret may change it later.

        Raises InvalidInput, UnsupportedMedia, Overloaded, StreamEnded.
        """
        # Whoever is reached at announced addresses need not find out its own.
        asked = () if self._rules.addresses else servers
        return await self._party(session).watch(offer_sdp, secret, asked)

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

    def _party(self, session: Session) -> _Party:
        party = self._parties.get(session.id)
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
