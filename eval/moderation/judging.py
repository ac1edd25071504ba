"""Judges every text of a set as the service does, and keeps what it said."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eval.moderation.arithmetic import Counts, Point, Share, counts_of, curve
from eval.moderation.evasions import Case
from eval.moderation.sets import DataSet, Labelled
from services.moderation.policy import NO_POLICY, DeniedPhrase, Policy
from services.moderation.text import TextJudge
from services.moderation.verdict import Label, Suggestion

_KINDS_OF_BIRDS = "大小老幼公母山水飞鸣夜林海田雪花沙石竹松"
BUSY_POLICY = Policy(
    deny=tuple(
        DeniedPhrase(phrase, Label.ILLICIT, Suggestion.REVIEW)
        for phrase in (
            *(f"{one}olden {other}arrot" for one in "bcdfghlmst" for other in "bcdfghlmst"),
            *(
                f"{one}色{other}鸟"
                for one in "金银铜铁红"
                for other in "大小老幼公母山水飞鸣夜林海田雪花沙石竹松"
            ),
        )
    )
)
"""An account's policy of 200 phrases, to measure what it costs."""
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled text and what the service said of it."""

    of: Labelled
    suggestion: Suggestion
    score: float
    """Of whatever finding scores highest, by lists or classifiers, before any threshold."""

    @property
    def is_flagged(self) -> bool:
        """Whether it was not passed."""
        return self.suggestion is not Suggestion.PASS


@dataclass(frozen=True, slots=True)
class SetFigures:
    """What was measured with one set."""

    name: str
    language: str
    counts: Counts
    """Flagged: REVIEW or BLOCK."""
    blocked: Counts
    """The same of BLOCK alone."""
    by_kind: dict[str, Share]
    """Flagged, of each kind of text."""
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class EvasionFigures:
    """What was measured with the evasion suite."""

    clean_blocked: Share
    caught: Share
    """Of the evasions: not passed."""
    blocked: Share
    by_way: dict[str, Share]
    """Caught, of each way to evade and language."""
    innocent_blocked: Share
    innocent_flagged: Share
    missed: tuple[str, ...]
    wronged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """CPU milliseconds."""

    clause_p50: float
    clause_p95: float
    clause_by_policy_p95: float
    """With the 200 phrases of BUSY_POLICY."""
    longest: float
    """Of 20 000 characters, the slower of both languages."""


def judge_set(judge: TextJudge, data: DataSet) -> SetFigures:
    """Judges every text of a set."""
    judged = [
        Judged(each, judge.judge(each.text).suggestion, judge.harm_score(each.text))
        for each in data.texts
    ]
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for each in judged:
        for kind in each.of.kinds:
            by_kind[kind].append(each.is_flagged)
    return SetFigures(
        data.name,
        data.language,
        counts_of((each.of.is_harmful, each.is_flagged) for each in judged),
        counts_of((each.of.is_harmful, each.suggestion is Suggestion.BLOCK) for each in judged),
        {kind: _share(flags) for kind, flags in sorted(by_kind.items())},
        tuple(curve(((each.of.is_harmful, each.score) for each in judged), THRESHOLDS)),
    )


def judge_suite(judge: TextJudge, cases: Sequence[Case]) -> EvasionFigures:
    """Judges the clean sentences, their evasions and the innocent look-alikes."""

    def said(text: str) -> Suggestion:
        return judge.judge(text).suggestion

    evasions = [(case.language, each, said(each.text)) for case in cases for each in case.evasions]
    innocent = [(text, said(text)) for case in cases for text in case.innocent]
    by_way: dict[str, list[bool]] = defaultdict(list)
    for language, each, suggestion in evasions:
        by_way[f"{language}, {each.way}"].append(suggestion is not Suggestion.PASS)
    return EvasionFigures(
        _share(said(case.clean) is Suggestion.BLOCK for case in cases),
        _share(suggestion is not Suggestion.PASS for _, _, suggestion in evasions),
        _share(suggestion is Suggestion.BLOCK for _, _, suggestion in evasions),
        {way: _share(caught) for way, caught in sorted(by_way.items())},
        _share(suggestion is Suggestion.BLOCK for _, suggestion in innocent),
        _share(suggestion is not Suggestion.PASS for _, suggestion in innocent),
        tuple(each.text for _, each, suggestion in evasions if suggestion is Suggestion.PASS),
        tuple(text for text, suggestion in innocent if suggestion is not Suggestion.PASS),
    )


def measure_times(judge: TextJudge, clauses: Sequence[str], long: Sequence[str]) -> Times:
    """How long clauses (with 400 characters before them) and long texts take."""
    context = "".join(clauses)[:400]

    def spent(policy: Policy) -> list[float]:
        texts = (context + clause for clause in clauses)
        return sorted(_cpu_ms(judge, text, len(context), policy) for text in texts)

    by_itself, by_policy = spent(NO_POLICY), spent(BUSY_POLICY)
    return Times(
        by_itself[len(by_itself) // 2],
        by_itself[int(len(by_itself) * 0.95)],
        by_policy[int(len(by_policy) * 0.95)],
        max(min(_cpu_ms(judge, text, 0) for _ in range(3)) for text in long),
    )


def _cpu_ms(judge: TextJudge, text: str, since: int, policy: Policy = NO_POLICY) -> float:
    start = time.process_time_ns()
    judge.judge(text, since=since, policy=policy)
    return (time.process_time_ns() - start) / 1e6


def _share(flags: Iterable[bool]) -> Share:
    each = list(flags)
    return Share(sum(each), len(each))
