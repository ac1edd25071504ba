"""Somebody who watches a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.gateway.live.program import Program
from services.gateway.webrtc import feedback
from services.gateway.webrtc.peer import Peer
from services.gateway.webrtc.rate import Estimate
from services.gateway.webrtc.tracks import PictureTrack, ProgramTrack, SoundTrack, Timeline

_BITS = 8


class Viewer:
    """A connection that the program's packets go out on, and what comes back of it."""

    def __init__(
        self, peer: Peer, program: Program, estimate: Estimate, wish_keyframe: Callable[[], None]
    ) -> None:
        """`wish_keyframe` is called whenever the viewer can't go on without one."""
        self.peer = peer
        self.estimate = estimate
        self._program = program
        self._wish_keyframe = wish_keyframe
        self._timeline = Timeline()

    def prepare(self, kinds: frozenset[str]) -> None:
        """Sends these kinds of media once connected."""
        if "video" in kinds:
            pictures = PictureTrack(self._program, self._timeline)
            self._send(pictures, _PictureFeedback(self, pictures))
        if "audio" in kinds:
            self._send(SoundTrack(self._program, self._timeline), _SoundFeedback(self))

    def wish_keyframe(self) -> None:
        """The viewer can't decode what comes."""
        self._wish_keyframe()

    def _send(self, track: ProgramTrack, listener: feedback.Listener) -> None:
        sender = self.peer.send(track)
        feedback.listen(sender, listener)
        feedback.report_time(sender, lambda: track.wall_s)


class _SoundFeedback:
    """Sound is small and mends itself: of its receiver only a sign of life is wanted."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def heard(self) -> None:
        self._viewer.peer.heard()

    def lost(self, share: float) -> None:
        pass

    def estimated(self, bitrate_bps: int) -> None:
        pass

    def keyframe_wanted(self) -> None:
        pass


class _PictureFeedback(_SoundFeedback):
    """What the receiver of pictures tells, weighed by what was sent to it."""

    def __init__(self, viewer: Viewer, track: ProgramTrack) -> None:
        super().__init__(viewer)
        self._track = track
        self._loop = asyncio.get_running_loop()
        self._sent_bps = 0
        self._reported_s = self._loop.time()
        self._reported_bytes = 0

    def lost(self, share: float) -> None:
        now_s = self._loop.time()
        sent_bytes, elapsed_s = self._track.sent_bytes, now_s - self._reported_s
        if elapsed_s > 0:
            self._sent_bps = int((sent_bytes - self._reported_bytes) * _BITS / elapsed_s)
        self._reported_s, self._reported_bytes = now_s, sent_bytes
        self._viewer.estimate.lost(now_s, share, self._sent_bps)

    def estimated(self, bitrate_bps: int) -> None:
        self._viewer.estimate.received(self._loop.time(), bitrate_bps, self._sent_bps)

    def keyframe_wanted(self) -> None:
        self._viewer.wish_keyframe()
