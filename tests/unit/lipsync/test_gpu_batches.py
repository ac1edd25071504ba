"""What is asked for at the same time is done together, in order, and never twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from services.lipsync.gpu.batches import Batches

WAIT_S = 30.0
REFUSED = -1


class Gate:
    """A lock that tells how many have come to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came = threading.Semaphore(0)

    def __enter__(self) -> None:
        self._came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self._came.acquire(timeout=WAIT_S)


class Doubling:
    """Doubles numbers; holds its first batch until it is let go."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, asked: Sequence[int]) -> list[int]:
        self.seen.append(list(asked))
        assert self.go.wait(WAIT_S)
        if REFUSED in asked:
            raise ValueError("refused")
        return [2 * number for number in asked]


@contextmanager
def asked(doubling: Doubling, numbers: Sequence[int], most: int) -> Iterator[list[Future[int]]]:
    """The answers to numbers that are asked for one after another while the first is at work."""
    batches: Batches[int, int] = Batches(doubling, most)
    gate = Gate()
    batches._running = gate  # type: ignore[assignment] # counts who waits; a Lock can't
    with ThreadPoolExecutor(len(numbers)) as threads:
        answers = []
        for number in numbers:
            answers.append(threads.submit(batches.ask, number))
            gate.wait_for(1)
        doubling.go.set()
        yield answers


def test_who_comes_alone_is_served_at_once() -> None:
    batches: Batches[int, int] = Batches(lambda numbers: [n + 1 for n in numbers], most=4)
    assert batches.ask(1) == 2


def test_who_comes_while_a_batch_runs_is_done_with_all_who_came_then() -> None:
    doubling = Doubling()
    with asked(doubling, [1, 2, 3, 4], most=8) as answers:
        assert [answer.result(WAIT_S) for answer in answers] == [2, 4, 6, 8]
    assert doubling.seen == [[1], [2, 3, 4]]


def test_no_batch_is_larger_than_it_may_be() -> None:
    doubling = Doubling()
    with asked(doubling, [1, 2, 3, 4, 5, 6], most=2) as answers:
        assert [answer.result(WAIT_S) for answer in answers] == [2, 4, 6, 8, 10, 12]
    assert doubling.seen == [[1], [2, 3], [4, 5], [6]]


def test_a_batch_that_fails_fails_for_all_in_it_and_for_nobody_else() -> None:
    doubling = Doubling()
    with asked(doubling, [1, REFUSED, 3, 4], most=2) as answers:
        assert answers[0].result(WAIT_S) == 2
        assert answers[3].result(WAIT_S) == 8
        errors = {type(answer.exception(WAIT_S)) for answer in answers[1:3]}
    assert errors == {ValueError, RuntimeError}


def test_answers_must_be_as_many_as_requests() -> None:
    batches: Batches[int, int] = Batches(lambda numbers: [], most=4)
    with pytest.raises(ValueError, match="shorter"):
        batches.ask(1)
