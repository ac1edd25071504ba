"""Does together what several threads ask for at the same time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Given = TypeVar("Given")


class _Request(Generic[Asked, Given]):
    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.given: list[Given] = []
        self.over = False


class Batches(Generic[Asked, Given]):
    """Nobody waits for others to come: who finds nothing running does what is waiting, who comes
    meanwhile is done next, with all who came then. So batches grow with the load by themselves."""

    def __init__(self, do: Callable[[Sequence[Asked]], Sequence[Given]], most: int) -> None:
        """`do` answers a batch of at most so many, in their order; it never runs twice at once."""
        self._do = do
        self._most = most
        self._waiting: deque[_Request[Asked, Given]] = deque()
        self._running = threading.Lock()

    def ask(self, asked: Asked) -> Given:
        """The answer to one request. Raises what `do` raises, or RuntimeError when it did so in the
        thread of another request of the same batch."""
        mine: _Request[Asked, Given] = _Request(asked)
        self._waiting.append(mine)
        while not mine.over:
            with self._running:
                if not mine.over:
                    self._answer_next()
        if not mine.given:
            raise RuntimeError("a batch failed; the thread that ran it tells why")
        return mine.given[0]

    def _answer_next(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        try:
            answers = self._do([request.asked for request in batch])
            for request, answer in zip(batch, answers, strict=True):
                request.given.append(answer)
        finally:
            for request in batch:
                request.over = True
