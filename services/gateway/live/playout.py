"""The stream's clock: has pictures drawn just ahead of time and shows each at its time.

What is said is appended as whole phrases; where nothing is, the animation idles. One timeline runs
through all of it, over restarts of the animation too, so pictures and sound never drift apart.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import structlog

from services.common.errors import DomainError, Internal, Overloaded, Unavailable
from services.common.ids import new_id
from services.gateway.live.phrases import Phrase
from services.gateway.live.program import Program
from services.gateway.media import (
    US_PER_S,
    Act,
    AnimationStarted,
    AudioChunk,
    BitrateChange,
    Clear,
    Cleared,
    Control,
    Cue,
    Drawn,
    DrawUntil,
    Expression,
    Frame,
    Gestures,
    KeyframeRequest,
    UtteranceEnd,
    UtteranceEnded,
    UtteranceStart,
    UtteranceStarted,
)
from services.gateway.ports import AnimationConfig, Animator

log = structlog.get_logger()

LEAD_US = 80_000
"""How far pictures are drawn ahead of their time: what an interruption can't take back."""
_MAX_LATE_US = 250_000
"""A picture that is later than this moves all that follows; a smaller delay is made up for."""
_HEARTBEAT_S = 30.0
_PIECE_BYTES = 96_000
"""Sound is appended by the second: few messages, none of them large."""
_PHRASES_AHEAD = 2
_RETRY_S = 0.5
_RECOVERY_S = 20.0
"""For how long an animation that broke is opened anew before the stream ends."""


class Utterance:
    """A phrase on its way through the playout."""

    def __init__(self, phrase: Phrase, on_heard: Callable[[Utterance, int], None]) -> None:
        self.id = new_id("ut")
        self.phrase = phrase
        self.heard_us = 0
        """How much of it was heard so far."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when it was heard or cut short; fails with what kept it from being heard."""
        self._starts_us: int | None = None
        self._on_heard = on_heard

    def starts(self, at_us: int) -> None:
        """Its first sample stands there on the animation's timeline."""
        self._starts_us = at_us

    def hear(self, until_us: int) -> None:
        """The animation's sound was heard up to there."""
        if self._starts_us is None:
            return
        heard_us = min(until_us - self._starts_us, self.phrase.duration_us)
        if heard_us > self.heard_us:
            self.heard_us = heard_us
            self._on_heard(self, heard_us)

    def end(self, at_us: int | None = None, error: DomainError | None = None) -> None:
        """Nothing more of it will be heard."""
        if self.over.done():
            return
        if at_us is not None:
            self.hear(at_us)
        if error is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(error)
            self.over.exception()  # whoever dropped the utterance need not ask


class Playout:
    """Runs one animation in real time. `run` is its life; the other methods steer it."""

    def __init__(self, animator: Animator, config: AnimationConfig, program: Program) -> None:
        self.opened: asyncio.Future[AnimationStarted] = asyncio.get_running_loop().create_future()
        """What the stream is like, once the animation has begun; fails with what hindered it."""
        self._animator = animator
        self._config = replace(config, paced=True)
        self._program = program
        self._clock = _Clock()
        self._commands: deque[Cue | Control] = deque()
        self._wake = asyncio.Event()
        self._utterances: dict[str, Utterance] = {}
        self._settled = asyncio.Event()
        self._clears: deque[asyncio.Future[None]] = deque()
        self._bitrate_bps = 0
        self._standing: Expression | None = None
        self._drawing = False
        program.wish_keyframe = self.request_keyframe
        program.on_audience = self._wake.set

    async def run(self) -> None:
        """Shows the animation for ever; opens it anew when it breaks.

        Raises the error that keeps it from being opened, at first at once, later after a while.
        """
        try:
            await self._run()
        except DomainError as error:
            self._lose(error)
            if not self.opened.done():
                self.opened.set_exception(error)
                self.opened.exception()
            raise

    async def room(self) -> None:
        """Returns when the next phrase is wanted: one is heard, and at most one waits."""
        while len(self._utterances) >= _PHRASES_AHEAD:
            self._settled.clear()
            await self._settled.wait()

    def say(self, phrase: Phrase, on_heard: Callable[[Utterance, int], None]) -> Utterance:
        """Appends a phrase; `on_heard` is told, with every picture, how far it was heard, µs."""
        utterance = Utterance(phrase, on_heard)
        self._utterances[utterance.id] = utterance
        utterance.over.add_done_callback(lambda _: self._forget(utterance))
        self._commands.append(UtteranceStart(utterance.id, phrase.mouth_source))
        if phrase.visemes is not None:
            self._commands.append(phrase.visemes)
        if phrase.gestures:
            self._commands.append(Gestures(phrase.gestures))
        rate_hz = self._config.sample_rate_hz
        for at in range(0, len(phrase.pcm_s16le), _PIECE_BYTES):
            piece = phrase.pcm_s16le[at : at + _PIECE_BYTES]
            self._commands.append(AudioChunk(piece, rate_hz, 0))
        self._commands.append(UtteranceEnd())
        self._wake.set()
        return utterance

    async def clear(self) -> None:
        """Drops all that was appended; returns when the mouth closes and nothing is heard."""
        kept = [one for one in self._commands if isinstance(one, Control)]
        unsent = [one.utterance_id for one in self._commands if isinstance(one, UtteranceStart)]
        self._commands.clear()
        self._commands.extend([*kept, Clear()])
        for utterance_id in unsent:
            self._utterances[utterance_id].end()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._clears.append(done)
        self._wake.set()
        await done

    def act(self, act: Act) -> None:
        """Has the face do something at once; its standing look outlasts the animation.

        Nothing is kept for a face that is not being drawn but the look that it will have.
        """
        self._standing = act.standing or self._standing
        if not self._drawing:
            return
        # Of looks that wait only the last would be seen, of equal actions only one be done.
        if act.standing is not None:
            stale = [one for one in self._commands if isinstance(one, Act) and not one.action]
            for one in stale:
                self._commands.remove(one)
        if act not in self._commands:
            self._commands.append(act)
        self._wake.set()

    def request_keyframe(self) -> None:
        """Makes the next picture that is drawn a keyframe."""
        if not any(isinstance(one, KeyframeRequest) for one in self._commands):
            self._commands.appendleft(KeyframeRequest())
            self._wake.set()

    def set_bitrate(self, bitrate_bps: int) -> None:
        """Changes the encoder's target."""
        if bitrate_bps != self._bitrate_bps:
            self._bitrate_bps = bitrate_bps
            self._commands.append(BitrateChange(bitrate_bps))
            self._wake.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        broken_s: float | None = None
        while True:
            shown_us = self._clock.shown_us
            try:
                await self._animate()
            except (Unavailable, Overloaded, Internal) as error:
                if not self.opened.done():
                    raise
                log.warning("animation.broken", reason=error.reason, message=error.message)
                if broken_s is None or self._clock.shown_us > shown_us:
                    broken_s = loop.time()
                if loop.time() - broken_s > _RECOVERY_S:
                    raise
                self._lose(error)
                await asyncio.sleep(_RETRY_S)

    async def _animate(self) -> None:
        self._clock.restart(asyncio.get_running_loop().time())
        async with aclosing(self._animator.animate(self._config, self._cues())) as drawn:
            started = await anext(drawn)
            if not isinstance(started, AnimationStarted):
                raise Internal("the animation began without saying what it will be like")
            if not self.opened.done():
                self.opened.set_result(started)
            async for item in drawn:
                await self._show(item)
        raise Unavailable("the animation ended")

    async def _cues(self) -> AsyncGenerator[Cue | Control, None]:
        """Everything that is appended, and the pace: how far may be drawn now."""
        loop = asyncio.get_running_loop()
        self._drawing = True
        if self._bitrate_bps:
            yield BitrateChange(self._bitrate_bps)
        if self._standing is not None:
            yield Act(standing=self._standing)
        while True:
            self._wake.clear()
            while self._commands:
                yield self._commands.popleft()
            running = bool(self._program.watched or self._utterances or self._clears)
            yield DrawUntil(self._clock.target_us(loop.time(), running=running))
            pause_s = 1 / self._config.fps if running else _HEARTBEAT_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()

    async def _show(self, item: Drawn) -> None:
        match item:
            case Frame():
                await self._clock.wait_for(item.pts_us)
                self._program.publish(replace(item, pts_us=self._clock.program_us(item.pts_us)))
                self._clock.shown(item.pts_us + US_PER_S // self._config.fps)
            case AudioChunk():
                self._program.publish(replace(item, start_us=self._clock.program_us(item.start_us)))
                for utterance in tuple(self._utterances.values()):
                    utterance.hear(item.end_us)
            case UtteranceStarted(utterance_id, at_us) if utterance_id in self._utterances:
                self._utterances[utterance_id].starts(at_us)
            case UtteranceEnded(utterance_id, at_us) if utterance_id in self._utterances:
                self._utterances[utterance_id].end(at_us)
            case Cleared():
                self._clears.popleft().set_result(None)
            case _:
                pass

    def _lose(self, error: DomainError) -> None:
        """The animation is gone, and with it all that was appended."""
        self._drawing = False
        self._commands.clear()
        for utterance in tuple(self._utterances.values()):
            utterance.end(error=error)
        while self._clears:
            self._clears.popleft().set_result(None)

    def _forget(self, utterance: Utterance) -> None:
        self._utterances.pop(utterance.id, None)
        self._settled.set()


class _Clock:
    """Relates an animation's timeline to the stream's, and both to the time of the event loop."""

    def __init__(self) -> None:
        self.shown_us = 0
        """Up to where the stream was shown."""
        self._base_us = 0
        self._origin_s = 0.0
        self._running = False

    def restart(self, now_s: float) -> None:
        """An animation begins, at what was not shown yet."""
        self._base_us = self.shown_us
        self._resume(now_s)

    def program_us(self, animation_us: int) -> int:
        """A time of the animation on the stream's timeline."""
        return self._base_us + animation_us

    def target_us(self, now_s: float, *, running: bool) -> int:
        """How far the animation may be drawn; it stands still while nobody needs it."""
        if running and not self._running:
            self._resume(now_s)
        self._running = running
        if not running:
            return self.shown_us - self._base_us
        now_us = min(self._now_us(now_s), self.shown_us + _MAX_LATE_US)
        return now_us + LEAD_US - self._base_us

    async def wait_for(self, animation_us: int) -> None:
        """Returns when it is time to show what stands there."""
        loop = asyncio.get_running_loop()
        due_us = self.program_us(animation_us)
        early_us = due_us - self._now_us(loop.time())
        if early_us > 0:
            await asyncio.sleep(early_us / US_PER_S)
        elif early_us < -_MAX_LATE_US:
            self._origin_s = loop.time() - due_us / US_PER_S

    def shown(self, animation_us: int) -> None:
        """The stream was shown up to there."""
        self.shown_us = self.program_us(animation_us)

    def _now_us(self, now_s: float) -> int:
        return int((now_s - self._origin_s) * US_PER_S)

    def _resume(self, now_s: float) -> None:
        self._origin_s = now_s - self.shown_us / US_PER_S
