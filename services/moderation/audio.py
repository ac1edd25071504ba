"""Judges recordings by what is said in them, window by window."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, replace

from services.moderation.policy import NO_POLICY, Policy
from services.moderation.sound import Chunk, for_speech, windows
from services.moderation.speech import Heard, Transcriber
from services.moderation.text import TextJudge
from services.moderation.verdict import Finding, Label, Suggestion, Verdict, verdict_on

_CONTEXT_CHARACTERS = 200
"""How much of what was said before is judged together with a window."""
_LEAST_SPEECH_S = 1.0
"""Less speech than this, when it is not understood, is taken for noise."""
_LEAST_UNDERSTOOD = 0.5
"""Share of the speech that has to be understood for a verdict without a person."""


@dataclass(frozen=True, slots=True)
class AudioVerdict:
    """A verdict, and the language that was heard most; empty when nothing was said."""

    verdict: Verdict
    language: str


class AudioJudge:
    """Judges recordings; `listening` is the one thread that the transcriber is called in."""

    def __init__(
        self,
        transcriber: Transcriber,
        texts: TextJudge,
        model_version: str,
        *,
        listening: Executor,
        max_s: float,
    ) -> None:
        self._transcriber = transcriber
        self._texts = texts
        self._listening = listening
        self._max_s = max_s
        self.policy_version = f"{texts.policy_version}+{model_version}"

    async def judge(
        self, chunks: AsyncIterator[Chunk], language: str | None, policy: Policy = NO_POLICY
    ) -> AudioVerdict:
        """The verdict on a recording, by an account's policy; a BLOCK ends the hearing.

        The transcriber works for other recordings while this one's next window comes in.
        """
        loop = asyncio.get_running_loop()
        hearing = _Hearing()
        async with aclosing(windows(chunks, self._max_s)) as cut:
            async for window in cut:
                await loop.run_in_executor(
                    self._listening, self._listen, hearing, window, language, policy
                )
                if hearing.suggestion is Suggestion.BLOCK:
                    break
        return AudioVerdict(hearing.verdict(policy.named(self.policy_version)), hearing.language)

    def _listen(
        self, hearing: _Hearing, window: Chunk, language: str | None, policy: Policy
    ) -> None:
        heard = self._transcriber.transcribe(for_speech(window), language)
        context = hearing.context
        verdict = self._texts.judge(
            context + heard.text, heard.language or None, since=len(context), policy=policy
        )
        hearing.add(heard, verdict)


class _Hearing:
    """What was heard of a recording so far."""

    def __init__(self) -> None:
        self.context = ""
        self._found: dict[Label, Finding] = {}
        self._evaluated: tuple[Label, ...] = ()
        self._spoken_s: dict[str, float] = defaultdict(float)
        self._understood_s = 0.0

    def add(self, heard: Heard, verdict: Verdict) -> None:
        if heard.speech_s:
            self._spoken_s[heard.language] += heard.speech_s
        if not heard.text:
            return
        self.context = f"{heard.text[-_CONTEXT_CHARACTERS:]} "
        if verdict.evaluated:
            self._evaluated = verdict.evaluated
            self._understood_s += heard.speech_s
        for found in verdict.findings:
            known = self._found.get(found.label)
            if known is None or found.suggestion > known.suggestion:
                self._found[found.label] = replace(found, spans=())

    @property
    def suggestion(self) -> Suggestion:
        return max((found.suggestion for found in self._found.values()), default=Suggestion.PASS)

    @property
    def language(self) -> str:
        """What was spoken longest; empty when nothing was said."""
        return max(self._spoken_s, key=lambda name: self._spoken_s[name], default="")

    def verdict(self, policy_version: str) -> Verdict:
        spoken_s = sum(self._spoken_s.values())
        understood = spoken_s > 0 and self._understood_s >= _LEAST_UNDERSTOOD * spoken_s
        silent = spoken_s < _LEAST_SPEECH_S
        return verdict_on(
            self._found.values(),
            evaluated=self._evaluated if understood else (),
            policy_version=policy_version,
            otherwise=Suggestion.PASS if understood or silent else Suggestion.REVIEW,
        )
