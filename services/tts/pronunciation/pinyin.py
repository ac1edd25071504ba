"""Pinyin syllables in Kokoro's alphabet: IPA with arrows for the tones."""

from __future__ import annotations

from dataclasses import dataclass

NEUTRAL = "5"
"""The tone of a syllable without one."""


@dataclass(frozen=True, slots=True)
class Syllable:
    """How one character is read."""

    character: str
    initial: str
    """Empty, or a consonant as pinyin writes it: `zh`."""
    final: str
    """The rest, in the strict form: `uei` rather than `ui`, `v` for ü."""
    tone: str
    """1 to 4, or NEUTRAL."""


_INITIALS = {
    "": "",
    "b": "p",
    "p": "pʰ",
    "m": "m",
    "f": "f",
    "d": "t",
    "t": "tʰ",
    "n": "n",
    "l": "l",
    "g": "k",
    "k": "kʰ",
    "h": "x",
    "j": "ʨ",
    "q": "ʨʰ",
    "x": "ɕ",
    "zh": "\uab67",
    "ch": "\uab67ʰ",
    "sh": "ʂ",
    "r": "ɻ",
    "z": "ʦ",
    "c": "ʦʰ",
    "s": "s",
}
# A final's tone stands after its vowel: the two parts are before and after it.
_FINALS = {
    "a": ("a", ""),
    "ai": ("ai", ""),
    "an": ("a", "n"),
    "ang": ("a", "ŋ"),
    "ao": ("au", ""),
    "e": ("ɤ", ""),
    "ei": ("ei", ""),
    "en": ("ə", "n"),
    "eng": ("ə", "ŋ"),
    "er": ("ɚ", ""),
    "ê": ("ɛ", ""),
    "i": ("i", ""),
    "ia": ("ja", ""),
    "ian": ("jɛ", "n"),
    "iang": ("ja", "ŋ"),
    "iao": ("jau", ""),
    "ie": ("je", ""),
    "in": ("i", "n"),
    "ing": ("i", "ŋ"),
    "io": ("jɔ", ""),
    "iong": ("jʊ", "ŋ"),
    "iou": ("jou", ""),
    "m": ("m", ""),
    "n": ("n", ""),
    "ng": ("ŋ", ""),
    "o": ("ɔ", ""),
    "ong": ("ʊ", "ŋ"),
    "ou": ("ou", ""),
    "u": ("u", ""),
    "ua": ("wa", ""),
    "uai": ("wai", ""),
    "uan": ("wa", "n"),
    "uang": ("wa", "ŋ"),
    "uei": ("wei", ""),
    "uen": ("wə", "n"),
    "ueng": ("wə", "ŋ"),
    "uo": ("wo", ""),
    "v": ("y", ""),
    "van": ("ɥɛ", "n"),
    "ve": ("ɥe", ""),
    "vn": ("y", "n"),
}
_BUZZED = "ɨ"
"""The vowel of zi ci si and zhi chi shi ri."""
_BUZZING = ("z", "c", "s", "zh", "ch", "sh", "r")
_TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}


def phonemes_of(syllable: Syllable) -> str:
    """A syllable in phonemes; empty when it is none of Mandarin's."""
    initial, final, tone = syllable.initial, syllable.final, syllable.tone
    if initial not in _INITIALS or final not in _FINALS or tone not in _TONES:
        return ""
    before, after = _FINALS[final]
    if final == "i" and initial in _BUZZING:
        before = _BUZZED
    elif final == "o" and initial:
        before = "wo"
    return _INITIALS[initial] + before + _TONES[tone] + after
