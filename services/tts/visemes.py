"""Phonemes to mouth shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise


class VisemeShape(IntEnum):
    """A mouth shape of the common fifteen-viseme set; the values are those of the wire."""

    SIL = 1
    PP = 2
    FF = 3
    TH = 4
    DD = 5
    KK = 6
    CH = 7
    SS = 8
    NN = 9
    RR = 10
    AA = 11
    E = 12
    IH = 13
    OH = 14
    OU = 15


@dataclass(frozen=True, slots=True)
class Viseme:
    """A mouth shape and when it holds."""

    shape: VisemeShape
    start: int
    """Sample of its segment."""
    end: int
    """Likewise, exclusive."""
    weight: float
    """How fully it is articulated, 0 to 1."""


_SHAPES = {
    VisemeShape.PP: "bpmβɸ",
    VisemeShape.FF: "fvʋ",
    VisemeShape.TH: "θð",
    VisemeShape.DD: "dtɖʈɾɽT",
    VisemeShape.KK: "kɡcɟqxhɣχʁɰʔ",
    VisemeShape.CH: "ʃʒʤʧʨʥɕꭧʂʝç",
    VisemeShape.SS: "szʦʣ",
    VisemeShape.NN: "nlŋɳɲɴʎ",
    VisemeShape.RR: "ɹrɻɚ",
    VisemeShape.AA: "aɑɐɒæʌ",
    VisemeShape.E: "eɛəɜɤᵊœø",
    VisemeShape.IH: "iɪjɨᵻɯ",
    VisemeShape.OH: "oɔ",
    VisemeShape.OU: "uʊwyɥ",
}
_SHAPES_OF: dict[str, tuple[VisemeShape, ...]] = {
    phoneme: (shape,) for shape, phonemes in _SHAPES.items() for phoneme in phonemes
} | {
    "A": (VisemeShape.E, VisemeShape.IH),
    "I": (VisemeShape.AA, VisemeShape.IH),
    "O": (VisemeShape.OH, VisemeShape.OU),
    "Q": (VisemeShape.E, VisemeShape.OU),
    "W": (VisemeShape.AA, VisemeShape.OU),
    "Y": (VisemeShape.OH, VisemeShape.IH),
}
_VOWELS = "aɑɐɒæʌeɛəɜɤᵊœøiɪɨᵻɯoɔuʊyɚAIOQWY"
_REDUCED = "əᵊɐᵻ"
_STRESSES = {"ˈ": 1.0, "ˌ": 0.85}
_TONES = "→↗↓↘"
_BEFORE_ITS_SOUND = "ˈˌʰ"
_AFTER_ITS_SOUND = "→↗↓↘ːʲᵝ\u0303"

_UNSTRESSED, _WEAK = 0.7, 0.5
_TONED = 0.9
_CONSONANT = 0.8
_SEALS = (VisemeShape.PP, VisemeShape.FF)


def visemes_of(
    phonemes: Iterable[tuple[str, int]], *, pause: int, min_seal: int
) -> Iterator[Viseme]:
    """The mouth shapes of phonemes with their lengths, one after the other without gaps.

    What is heard between words is silence when it lasts at least `pause`, otherwise it belongs to
    the sound before. The lips of p, b and m stay shut for `min_seal`, at the cost of their
    neighbours. All lengths are in samples.
    """
    return _sealed(list(_joined(_shaped(phonemes), pause)), min_seal)


def hushed(visemes: Iterable[Viseme], until: Callable[[int, int], int]) -> Iterator[Viseme]:
    """The same with the mouth at rest where a drawn-out sound is not heard any more.

    `until` tells where a span stops being heard. The model counts the pause after a word to its
    last sound.
    """
    return _silences_joined(
        part for viseme in visemes for part in _hushed(viseme, until(viseme.start, viseme.end))
    )


def _hushed(viseme: Viseme, end: int) -> Iterator[Viseme]:
    if viseme.shape < VisemeShape.NN or end == viseme.end:
        yield viseme
        return
    if end > viseme.start:
        yield replace(viseme, end=end)
    yield Viseme(VisemeShape.SIL, end, viseme.end, 1.0)


def _shaped(phonemes: Iterable[tuple[str, int]]) -> Iterator[Viseme]:
    """The shape of each phoneme; marks lend their time to the sound that they belong to."""
    made: list[Viseme] = []
    start, end, stress = 0, 0, 0.0
    for phoneme, length in phonemes:
        end += length
        if phoneme in _BEFORE_ITS_SOUND:
            stress = _STRESSES.get(phoneme, stress)
            continue
        if phoneme in _AFTER_ITS_SOUND and made:
            made[-1] = replace(made[-1], end=end)
            if phoneme in _TONES:
                _raise_vowels(made)
        else:
            shapes = _SHAPES_OF.get(phoneme, (VisemeShape.SIL,))
            bounds = [start + (end - start) * n // len(shapes) for n in range(len(shapes) + 1)]
            made += [
                Viseme(shape, *bound, _weight(phoneme, shape, stress))
                for shape, bound in zip(shapes, pairwise(bounds), strict=True)
            ]
            stress = 0.0 if phoneme in _VOWELS else stress
        start = end
    yield from (viseme for viseme in made if viseme.end > viseme.start)


def _weight(phoneme: str, shape: VisemeShape, stress: float) -> float:
    if phoneme in _VOWELS:
        return stress or (_WEAK if phoneme in _REDUCED else _UNSTRESSED)
    return 1.0 if shape in _SEALS or shape is VisemeShape.SIL else _CONSONANT


def _raise_vowels(made: list[Viseme]) -> None:
    """A syllable that carries a tone is spoken fully."""
    for place in range(len(made) - 1, -1, -1):
        if made[place].shape < VisemeShape.RR:
            return
        made[place] = replace(made[place], weight=max(made[place].weight, _TONED))


def _joined(visemes: Iterable[Viseme], pause: int) -> Iterator[Viseme]:
    """Joins equal neighbours, and silences shorter than `pause` to the sound before them."""
    last: Viseme | None = None
    for viseme in _silences_joined(visemes):
        short = viseme.shape is VisemeShape.SIL and viseme.end - viseme.start < pause
        if last and (short or viseme.shape is last.shape):
            last = replace(last, end=viseme.end, weight=max(last.weight, viseme.weight))
            continue
        if last:
            yield last
        last = viseme
    if last:
        yield last


def _silences_joined(visemes: Iterable[Viseme]) -> Iterator[Viseme]:
    last: Viseme | None = None
    for viseme in visemes:
        if last and last.shape is viseme.shape is VisemeShape.SIL:
            last = replace(last, end=viseme.end)
            continue
        if last:
            yield last
        last = viseme
    if last:
        yield last


def _sealed(visemes: list[Viseme], min_seal: int) -> Iterator[Viseme]:
    """Lengthens short closures of the lips by up to half of each neighbour."""
    for place, viseme in enumerate(visemes):
        if viseme.shape is not VisemeShape.PP:
            continue
        missing = max(0, min_seal - (viseme.end - viseme.start))
        if place > 0:
            before = visemes[place - 1]
            taken = min(missing, (before.end - before.start) // 2)
            visemes[place - 1] = replace(before, end=before.end - taken)
            viseme = replace(viseme, start=viseme.start - taken)
            missing -= taken
        if place + 1 < len(visemes):
            after = visemes[place + 1]
            taken = min(missing, (after.end - after.start) // 2)
            visemes[place + 1] = replace(after, start=after.start + taken)
            viseme = replace(viseme, end=viseme.end + taken)
        visemes[place] = viseme
    yield from visemes
