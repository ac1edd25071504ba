"""Chinese by its sound: a text as syllables, whether written as characters, pinyin or digits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache

from pypinyin.pinyin_dict import pinyin_dict

from services.moderation.normalisation import HAN, View

_FIRST_CODE = 0xE000
_LONGEST_SYLLABLE = 6
_LONGEST_PINYIN = 60
_LATIN = re.compile(r"[a-z]+")
_SYLLABLES_OF_DIGITS = ("ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu")
_DIGITS = dict(zip("0123456789", _SYLLABLES_OF_DIGITS, strict=True))
# Southern speakers, and whoever writes for their eyes, tell these apart by nothing.
_MERGED = (("zh", "z"), ("ch", "c"), ("sh", "s"))
_MERGED_ENDS = ("ang", "eng", "ing")


def _merged(syllable: str) -> str:
    for one, other in _MERGED:
        if syllable.startswith(one):
            syllable = other + syllable[len(one) :]
    return syllable[:-1] if syllable.endswith(_MERGED_ENDS) else syllable


def _plain(reading: str) -> str:
    """A reading of pypinyin's without its tone; ü as v."""
    parts = unicodedata.normalize("NFD", reading).replace("u\u0308", "v")
    return "".join(part for part in parts if unicodedata.category(part) != "Mn").lower()


@cache
def _sounds() -> tuple[Mapping[int, str], Mapping[str, str]]:
    """Of every ideograph, digit and pinyin syllable: the sign of its sound."""
    first = {
        chr(code): _plain(readings.partition(",")[0])
        for code, readings in pinyin_dict.items()
        if HAN.match(chr(code))
    } | _DIGITS
    heard = sorted({_merged(syllable) for syllable in first.values()})
    signs = {syllable: chr(_FIRST_CODE + index) for index, syllable in enumerate(heard)}
    by_character = {ord(character): signs[_merged(said)] for character, said in first.items()}
    written = {
        said: signs[_merged(said)] for said in first.values() if len(said) > 1 or said in "aeo"
    }
    return by_character, written


def sound_of(spelling: str) -> str:
    """A spelling of the lists as signs of its sounds; other characters as they are."""
    by_character, _ = _sounds()
    return spelling.translate(by_character)


def syllables(read: View) -> tuple[View, list[str]]:
    """What was read as ideographs, as signs of sounds, and what was written for each of them.

    Pinyin becomes one sign a syllable.
    """
    by_character, _ = _sounds()
    pieces: list[str] = []
    written: list[str] = []
    origin: list[int] = []
    ends: list[int] = []
    done = 0
    for run in _LATIN.finditer(read.text):
        parts = _split(run.group())
        if parts is None:
            continue
        start = run.start()
        pieces.append(read.text[done:start].translate(by_character))
        written.extend(read.text[done:start])
        origin.extend(read.origin[done:start])
        ends.extend(read.ends[done:start])
        for sign, size in parts:
            pieces.append(sign)
            written.append(read.text[start : start + size])
            origin.append(read.origin[start])
            ends.append(read.ends[start + size - 1])
            start += size
        done = start
    pieces.append(read.text[done:].translate(by_character))
    written.extend(read.text[done:])
    view = View("".join(pieces), (*origin, *read.origin[done:]), (*ends, *read.ends[done:]))
    return view, written


@lru_cache(maxsize=20_000)
def _remembered_split(letters: str) -> tuple[tuple[str, int], ...] | None:
    _, written = _sounds()
    begins: dict[int, int] = {0: 0}
    for end in range(1, len(letters) + 1):
        for start in range(max(0, end - _LONGEST_SYLLABLE), end):
            if start in begins and letters[start:end] in written:
                begins[end] = start
                break
    if len(letters) not in begins:
        return None
    found: list[tuple[str, int]] = []
    end = len(letters)
    while end:
        start = begins[end]
        found.append((written[letters[start:end]], end - start))
        end = start
    return tuple(found[::-1])


def _split(letters: str) -> tuple[tuple[str, int], ...] | None:
    """The sounds of letters that are pinyin through and through, and their lengths."""
    if not 1 < len(letters) <= _LONGEST_PINYIN:
        return None
    return _remembered_split(letters)


def warm() -> None:
    """Reads the dictionary now rather than at the first text."""
    _sounds()
