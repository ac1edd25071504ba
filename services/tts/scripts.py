"""Which writing a text is in, and so which language its parts are read in."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise

from services.common.errors import UnsupportedLanguage
from services.tts.language import Language
from services.tts.normalise.grammar import any_of
from services.tts.normalise.mandarin.money import CODES
from services.tts.normalise.markup import TAG

_HAN = ("CJK", "IDEOGRAPHIC")
_HAN_LETTERS_OF_A_WORD = 1
_LATIN_LETTERS_OF_A_WORD = 4

_CODE = rf"(?:{any_of(CODES)})"
_OF_A_NUMBER = re.compile(
    r"(?<![A-Za-z\d.])\d[\d.,]{0,24}+(?:"
    r"(km/h|[kcmnμµ]?m|[kmμµ]?g|[mc]?[lL]|[kKMGT][Bb](?:ps)?|[kMG]?Hz|[kKM]?[WVA]h?|[hs])[²³23]?"
    r"|(?:[:：][0-5]\d){0,2}+\s?([AaPp]\.?[Mm])\.?"
    rf"|\s?[十百千万亿]{{0,2}}+\s?({_CODE})"
    r")(?![A-Za-z])"
    rf"|(?<![A-Za-z])({_CODE}|(?:US|HK|NT|[ACS])(?=\$))\s?\$?(?=\d)"
    r"|第([IVX]{1,6})(?![A-Za-z])"
)
"""Letters that are read in the language of their number.

A unit that follows at once, AM and PM, what a currency is called, a numeral after 第.
"""
_JOINT = re.compile(r"(?:[A-Za-z]{2}|[A-Z])([-‐‑])(?=\d)")
"""The hyphen of COVID-19, which is no minus."""


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a text that is read in one language; the parts cover the text in order."""

    start: int
    end: int
    language: Language


def check_scripts(text: str) -> None:
    """Raises UnsupportedLanguage, naming the script, for letters that no voice reads."""
    _languages_of(text)


def main_language(text: str, default: Language) -> Language:
    """The language that most of a text is in; `default` for one without letters.

    Raises UnsupportedLanguage.
    """
    return _main(_languages_of(text)) or default


def runs_of(text: str, default: Language) -> list[Run]:
    """Cuts a text where its script changes.

    Digits, punctuation and space go with the letters around them; between two scripts, space and
    punctuation with those before, digits with the script that most of the text is in. A text
    without letters is read in `default`. Raises UnsupportedLanguage.
    """
    languages = _languages_of(text)
    main = _main(languages) or default
    _bind(text, languages)
    runs: list[Run] = []
    start = 0
    for language, group in groupby(_filled(text, languages, main)):
        end = start + len(list(group))
        runs.append(Run(start, end, language))
        start = end
    return runs


def _main(languages: list[Language | None]) -> Language | None:
    """The language that most words are in."""
    chinese = languages.count(Language.ZH) / _HAN_LETTERS_OF_A_WORD
    english = languages.count(Language.EN) / _LATIN_LETTERS_OF_A_WORD
    if not chinese and not english:
        return None
    return Language.ZH if chinese >= english else Language.EN


def _filled(text: str, languages: list[Language | None], main: Language) -> list[Language]:
    """The languages with those of digits, punctuation and space decided."""
    filled: list[Language] = []
    groups = [(own, len(list(group))) for own, group in groupby(languages)]
    for (own, length), (after, _) in pairwise([*groups, (None, 0)]):
        before = filled[-1] if filled else None
        between = text[len(filled) : len(filled) + length]
        if own is None and before and after and before is not after and _has_digit(between):
            own = main
        filled += [own or before or after or main] * length
    return filled


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _languages_of(text: str) -> list[Language | None]:
    """The language that each letter is read in; None for what goes with the letters around it.

    That is what is no letter, a Greek letter that stands alone, and what belongs to a number.
    """
    languages: list[Language | None] = []
    for script, group in groupby(text, _script_of):
        length = len(list(group))
        if script == "Greek" and length == 1:
            languages.append(None)
        elif script is None or script in tuple(Language):
            languages += [Language(script) if script else None] * length
        else:
            raise UnsupportedLanguage(
                f"the voices read English and Mandarin; the text has {script} letters",
                script=script,
            )
    for match in _OF_A_NUMBER.finditer(text):
        _set(languages, match, None)
    return languages


def _bind(text: str, languages: list[Language | None]) -> None:
    """Keeps marks together with the Latin letters that they belong to."""
    for pattern in (_JOINT, TAG):
        for match in pattern.finditer(text):
            _set(languages, match, Language.EN)


def _set(languages: list[Language | None], match: re.Match[str], language: Language | None) -> None:
    """Gives a language to what a match singles out: its only group, else the whole of it."""
    first, end = match.span(match.lastindex or 0)
    languages[first:end] = [language] * (end - first)


@lru_cache(maxsize=8192)
def _script_of(character: str) -> str | None:
    """The language of a letter, or the name of its script when none reads it."""
    for folded in unicodedata.normalize("NFKC", character):
        name = unicodedata.name(folded, "")
        if not folded.isalnum() or (folded.isdecimal() and not name.startswith(_HAN)):
            continue
        if name.startswith(_HAN):
            return Language.ZH
        if name.startswith("LATIN"):
            return Language.EN if character.isalpha() else None
        if folded.isalpha() and unicodedata.category(folded) != "Lm":
            return name.partition(" ")[0].capitalize() or "unknown"
    return None
