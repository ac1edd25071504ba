"""Tells a face what to do as it speaks: cues get their times as the words that hold them do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from services.gateway.look import Performance
from services.gateway.media import Expression, Gesture, Word


class Prompter:
    """The cues of one performance, each given once, as gestures."""

    def __init__(self, performance: Performance) -> None:
        self._expression = performance.expression
        self._timed = sorted(
            (
                Gesture(cue.time_us, cue.expression, cue.action)
                for cue in performance.cues
                if cue.time_us is not None
            ),
            key=lambda gesture: gesture.at_us,
        )
        self._worded = sorted(
            (
                (cue.text_offset, cue.expression, cue.action)
                for cue in performance.cues
                if cue.text_offset is not None
            ),
            key=lambda cue: cue[0],
        )

    def timed(self) -> tuple[Gesture, ...]:
        """All that has a time of its own."""
        gestures, self._timed = tuple(self._timed), []
        return gestures

    def during(self, words: Iterable[Word]) -> tuple[Gesture, ...]:
        """What belongs to the next words, on their clock; between two words, to the second."""
        gestures: list[Gesture] = []
        for word in words:
            while self._worded and self._worded[0][0] < word.char_end:
                _, expression, action = self._worded.pop(0)
                gestures.append(Gesture(word.start_us, expression, action))
        return tuple(gestures)

    def phrase(
        self, words: Iterable[Word], starts_us: int, duration_us: int
    ) -> tuple[Gesture, ...]:
        """All that is done in the next phrase, on its clock; it goes on as the one before ended.

        `starts_us`: how long the phrases before it were.
        """
        due = [gesture for gesture in self._timed if gesture.at_us < starts_us + duration_us]
        del self._timed[: len(due)]
        moved = (replace(one, at_us=max(0, one.at_us - starts_us)) for one in due)
        begins = () if self._expression is None else (Gesture(0, self._expression),)
        later = sorted((*moved, *self.during(words)), key=lambda gesture: gesture.at_us)
        self._expression = _last_expression(later) or self._expression
        return (*begins, *later)


def _last_expression(gestures: Iterable[Gesture]) -> Expression | None:
    known = [gesture.expression for gesture in gestures if gesture.expression is not None]
    return known[-1] if known else None
