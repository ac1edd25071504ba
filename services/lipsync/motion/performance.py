"""What is asked of one face over time: its moods and actions, by cues and at once."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.lipsync.cues import Action, Cue, Mood
from services.lipsync.motion.actions import Actions, Gesture
from services.lipsync.motion.moods import Moods


@dataclass(frozen=True, slots=True)
class _Due:
    """A cue on the timeline. The end of an utterance is one that ends its mood."""

    cue: Cue
    number: int
    ends: bool = False

    @property
    def order(self) -> tuple[int, int]:
        return self.cue.at_us, self.number

    def shifted(self, delta_us: int) -> _Due:
        return replace(self, cue=replace(self.cue, at_us=self.cue.at_us + delta_us))


class Performance:
    """Times are microseconds on the timeline. Not thread-safe."""

    def __init__(self, seed: int) -> None:
        self._standing = Mood()
        self._said_in: Mood | None = None
        self._due: list[_Due] = []
        self._count = 0
        self._moods = Moods()
        self._actions = Actions(seed)
        self._at_once: list[Action] = []
        self._last_us: int | None = None

    @property
    def moods(self) -> Moods:
        """How far each mood is in the face."""
        return self._moods

    def stand(self, mood: Mood) -> None:
        """The mood of the face where no utterance has one of its own, from the next frame on."""
        self._standing = mood

    def act(self, action: Action) -> None:
        """Does something from the next frame on."""
        self._at_once.append(action)

    def add(self, cues: Iterable[Cue]) -> None:
        """Plans cues; what lies in the past is done at the next frame."""
        for cue in cues:
            self._plan(cue)

    def utterance_ends(self, at_us: int) -> None:
        """An utterance ends there, and with it the mood that it is said in."""
        self._plan(Cue(at_us), ends=True)

    def shift_from(self, from_us: int, delta_us: int) -> None:
        """Moves what is planned at `from_us` or after it later."""
        self._due = [
            due.shifted(delta_us) if due.cue.at_us >= from_us else due for due in self._due
        ]

    def clear(self) -> None:
        """Forgets what is planned; the face goes back to its standing mood."""
        self._due.clear()
        self._said_in = None

    def step(self, at_us: int) -> Gesture:
        """Moves on to a frame, times rising; what the head does in it."""
        if self._last_us is not None:
            self._moods.step((at_us - self._last_us) / 1_000_000, self._mood)
        for action in self._at_once:
            self._actions.begin(action, at_us)
        self._at_once.clear()
        while self._due and self._due[0].cue.at_us <= at_us:
            self._follow(self._due.pop(0))
        if self._last_us is None:
            self._moods.begin(self._mood)
        self._last_us = at_us
        return self._actions.at(at_us)

    @property
    def _mood(self) -> Mood:
        return self._said_in or self._standing

    def _follow(self, due: _Due) -> None:
        if due.ends:
            self._said_in = None
        if due.cue.mood is not None:
            self._said_in = due.cue.mood
        if due.cue.action is not None:
            self._actions.begin(due.cue.action, due.cue.at_us)

    def _plan(self, cue: Cue, *, ends: bool = False) -> None:
        insort(self._due, _Due(cue, self._count, ends), key=lambda due: due.order)
        self._count += 1
