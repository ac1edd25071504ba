"""From a text to what is said: scripts, normalisation, phonemes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile
from typing import assert_never

from services.tts.language import Language
from services.tts.normalise import normalise
from services.tts.pronunciation import english, mandarin
from services.tts.pronunciation.reading import reading_of
from services.tts.pronunciation.said import Said
from services.tts.scripts import Run, runs_of

_CLOSING = ";:,.!?…)”"


class Pronouncer:
    """Pronounces English, Mandarin and texts of both; each run of a script in its own language."""

    def __init__(self) -> None:
        """Loads the dictionaries of both languages: half a second."""
        english.warm()
        mandarin.warm()

    def pronounce(self, text: str, offset: int, default: Language) -> Sequence[Said]:
        """What is said for a text that begins at `offset` in the utterance's text.

        `default` is the language of digits without letters around. Nothing, when nothing can be
        said. Raises UnsupportedLanguage.
        """
        said = [
            piece for run in runs_of(text, default) for piece in _pronounce_run(text, run, offset)
        ]
        if not any(piece.is_word for piece in said):
            return ()
        return list(dropwhile(lambda piece: not piece.is_word, _single_spaced(said)))


def _pronounce_run(text: str, run: Run, offset: int) -> Sequence[Said]:
    source = text[run.start : run.end]
    reading = reading_of(normalise(source, run.language), source, offset + run.start)
    if not reading.spoken.strip():
        return ()
    match run.language:
        case Language.EN:
            return [*english.pronounce(reading), Said(" ", offset + run.end, offset + run.end)]
        case Language.ZH:
            return list(mandarin.pronounce(reading))
    assert_never(run.language)


def _single_spaced(said: Sequence[Said]) -> list[Said]:
    """The same without spaces that follow a space, or stand before a closing mark or at the end."""
    kept: list[Said] = []
    for piece in said:
        if not piece.is_word and kept and kept[-1].phonemes == " ":
            if piece.phonemes == " ":
                continue
            if piece.phonemes[0] in _CLOSING:
                kept.pop()
        kept.append(piece)
    while kept and kept[-1].phonemes == " ":
        kept.pop()
    return kept
