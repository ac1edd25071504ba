"""A text that is still being written: clauses are judged as they are completed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.moderation.policy import NO_POLICY, Policy
from services.moderation.text import TextJudge
from services.moderation.verdict import Verdict

MAX_CLAUSE = 200
"""Code points after which a text without punctuation is judged all the same."""
_CONTEXT = 400
"""Code points before a clause that are judged together with it."""
# Western marks end a clause only before a space: "3.5", "10:30", "1,000".
_CLAUSE = re.compile(r"""[。！？；，、：…\n]+[”’』」）》]*|[.!?;,:]+["'”’)]*\s+""")


class ClauseCutter:
    """Cuts a text at its punctuation; concatenated, the clauses are the text."""

    def __init__(self) -> None:
        self._pending = ""

    def add(self, piece: str) -> Iterator[str]:
        """The clauses that the next piece of the text completes."""
        self._pending += piece
        done = 0
        while True:
            mark = _CLAUSE.search(self._pending, done)
            end = mark.end() if mark else len(self._pending)
            if end - done > MAX_CLAUSE:
                end = self._cut_within(done)
            elif mark is None:
                break
            yield self._pending[done:end]
            done = end
        self._pending = self._pending[done:]

    def rest(self) -> str:
        """What is left when the text ends."""
        return self._pending

    def _cut_within(self, start: int) -> int:
        """Where an overlong clause is cut: after its last space, if it has one."""
        space = self._pending.rfind(" ", start + 1, start + MAX_CLAUSE)
        return space + 1 if space > 0 else start + MAX_CLAUSE


@dataclass(frozen=True, slots=True)
class JudgedClause:
    """A clause; the spans of its verdict count from the start of the whole text."""

    text: str
    verdict: Verdict


class ClauseJudge:
    """Judges the clauses of one text, each together with what preceded it."""

    def __init__(self, texts: TextJudge, policy: Policy = NO_POLICY) -> None:
        self._texts = texts
        self._policy = policy
        self._context = ""
        self._context_start = 0

    def judge(self, clause: str) -> JudgedClause:
        """The verdict on the next clause."""
        text = self._context + clause
        verdict = self._texts.judge(text, since=len(self._context), policy=self._policy)
        found = tuple(
            replace(
                finding, spans=tuple(span.shifted(self._context_start) for span in finding.spans)
            )
            for finding in verdict.findings
        )
        surplus = max(0, len(text) - _CONTEXT)
        self._context, self._context_start = text[surplus:], self._context_start + surplus
        return JudgedClause(clause, replace(verdict, findings=found))
