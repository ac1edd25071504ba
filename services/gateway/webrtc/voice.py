"""Somebody who speaks, live, with the avatar's mouth."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import av
import structlog
from aiortc.mediastreams import MediaStreamError

from services.common.errors import Overloaded
from services.gateway.live.director import Director
from services.gateway.live.drives import Drive
from services.gateway.live.inputs import SoundInput
from services.gateway.live.session import Session
from services.gateway.webrtc import feedback
from services.gateway.webrtc.peer import Peer
from services.gateway.webrtc.turns import PAUSE_S, RATE_HZ, Heard, TurnCutter

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Manner:
    """How a voice is treated."""

    barge_in: bool = False
    """Whether it interrupts what others have the avatar say; else it waits for its turn."""
    language: str | None = None
    """What it speaks, if that is known."""


class Voice:
    """A connection whose sound becomes drives: one for each turn, moderated as all sound is."""

    def __init__(self, peer: Peer, session: Session, director: Director, manner: Manner) -> None:
        self._peer = peer
        self._session = session
        self._director = director
        self._manner = manner
        self._receiver = peer.receive("audio")
        feedback.listen_to(self._receiver, peer.heard)
        self._cutter = TurnCutter()
        self._drive: Drive | None = None
        self._turn: SoundInput | None = None
        """The turn that is being said."""

    async def listen(self) -> None:
        """Passes on what is said, until the sound ends or this is cancelled."""
        try:
            while True:
                await self._take(self._cutter.add(await self._next()))
        except MediaStreamError:
            pass
        finally:
            self._end_turn()

    async def _next(self) -> bytes:
        """The next sound; a turn ends when there is none for a while."""
        track = self._receiver.track
        while True:
            try:
                async with asyncio.timeout(PAUSE_S):
                    frame = await track.recv()
            except TimeoutError:
                await self._take(self._cutter.stop())
            else:
                self._peer.heard()
                assert isinstance(frame, av.AudioFrame)  # noqa: S101 - it is a track of sound
                return _mono(frame)

    async def _take(self, pieces: Iterable[Heard]) -> None:
        for piece in pieces:
            if piece.begins:
                await self._begin_turn()
            self._add(piece.pcm_s16le)
            if piece.ends:
                self._end_turn()

    async def _begin_turn(self) -> None:
        # What this voice said before is not what it wants to interrupt.
        goes_on = self._drive is not None and not self._drive.ended
        try:
            self._drive, self._turn = await self._director.listen(
                self._session,
                RATE_HZ,
                interrupt=self._manner.barge_in and not goes_on,
                language=self._manner.language,
            )
        except Overloaded as error:
            log.warning("voice.refused", stream_id=self._session.id, message=error.message)

    def _add(self, pcm_s16le: bytes) -> None:
        if self._turn is None or not pcm_s16le:
            return
        try:
            self._turn.add(pcm_s16le)
        except Overloaded as error:
            log.warning("voice.refused", stream_id=self._session.id, message=error.message)
            self._end_turn()

    def _end_turn(self) -> None:
        if self._turn is not None:
            self._turn.close()
            self._turn = None


def _mono(frame: av.AudioFrame) -> bytes:
    """The mean of the channels; aiortc decodes Opus to interleaved stereo at RATE_HZ."""
    channels = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
    pcm: bytes = channels.mean(axis=1).astype("<i2").tobytes()
    return pcm
