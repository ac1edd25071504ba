"""How tones change among their neighbours in Mandarin.

Third tones before third tones change within words only: across words it depends on the rhythm,
which the model finds by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.tts.pronunciation.pinyin import NEUTRAL, Syllable
from services.tts.pronunciation.readings import Word

_DIGITS = "〇零一二三四五六七八九"
_BEFORE_PLAIN_ONE = f"{_DIGITS}十百千万亿第初期周拜点"
"""After these 一 is a number in a row, or an ordinal, and keeps its tone."""
_AFTER_PLAIN_ONE = f"{_DIGITS}月号"


def with_sandhi(words: Sequence[Word]) -> list[Word]:
    """The words with the tones that are spoken."""
    syllables = [syllable for word in words for syllable in word.syllables]
    changed: list[Word] = []
    at = 0
    for word in words:
        spoken = []
        end = at + len(word.syllables)
        for place, syllable in enumerate(word.syllables, at):
            before = syllables[place - 1] if place else None
            after = syllables[place + 1] if place + 1 < len(syllables) else None
            if syllable.character == "一" and at < place == end - 1:
                after = None
            inside = place + 1 < end
            spoken.append(replace(syllable, tone=_tone(syllable, before, after, inside=inside)))
        changed.append(replace(word, syllables=tuple(spoken)))
        at = end
    return changed


def _tone(
    syllable: Syllable, before: Syllable | None, after: Syllable | None, *, inside: bool
) -> str:
    if after is None:
        return syllable.tone
    match syllable.character:
        case "不":
            return "2" if after.tone == "4" else syllable.tone
        case "一":
            return _tone_of_one(syllable, before, after)
    if syllable.tone == after.tone == "3" and inside:
        return "2"
    return syllable.tone


def _tone_of_one(one: Syllable, before: Syllable | None, after: Syllable) -> str:
    if after.character in _AFTER_PLAIN_ONE:
        return "1"
    if before and before.character in _BEFORE_PLAIN_ONE and after.character != "刻":
        return "1"
    if before and before.character == after.character:
        return NEUTRAL
    return "2" if after.tone == "4" or after.character == "个" else "4"
