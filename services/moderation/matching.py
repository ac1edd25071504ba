"""Finds the lists' entries in a text, however it was disguised, in one pass a language."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import ahocorasick

from services.moderation.lexicon import Entry, Kind, Language, Line
from services.moderation.normalisation import HAN, Reading, View, Vocabulary
from services.moderation.phonetics import sound_of, syllables
from services.moderation.verdict import Span

_REACH = MappingProxyType({Language.ENGLISH: 60, Language.CHINESE: 30})
"""How far apart the parts of an entry may stand, in code points."""
_HARMFUL_KINDS = frozenset({Kind.BLOCK, Kind.REVIEW})
_LEAST_HEARD = 2
"""Characters of a spelling that is listened for."""
_LEAST_ALONE = 3
"""Characters of a spelling that is known by ear without another part beside it."""
_LEAST_LETTERS = 5
"""Of a spelling that is written in nothing but pinyin."""
_LENGTH_BITS = 8
_LENGTH_MASK = (1 << _LENGTH_BITS) - 1


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found."""

    entry: Entry
    pieces: tuple[Span, ...]
    """Where each part of the entry is."""

    @property
    def span(self) -> Span:
        """From the first piece to the last."""
        return Span(
            min(piece.start for piece in self.pieces), max(piece.end for piece in self.pieces)
        )


def by_place(hit: Hit) -> Span:
    """To sort hits by."""
    return hit.span


_Accept = Callable[[View, int, int], bool]


_Target = tuple[int, int]
"""The numbers of an entry and of one of its parts."""


class _Automaton:
    """The spellings of many entries' parts, searched for at once in a view."""

    def __init__(self, spellings: Mapping[str, Iterable[_Target]], accept: _Accept) -> None:
        self._accept = accept
        # A spelling's value: the number of its targets, and its length in the lowest bits.
        self._built = ahocorasick.Automaton(ahocorasick.STORE_INTS)
        numbers: dict[tuple[_Target, ...], int] = {}
        for key, targets in spellings.items():
            number = numbers.setdefault(tuple(targets), len(numbers))
            self._built.add_word(key, number << _LENGTH_BITS | len(key))
        self._targets = tuple(numbers)
        self._built.make_automaton()

    def search(self, view: View) -> Iterator[tuple[int, int, Span]]:
        """Entry, part and place of every spelling in the view."""
        if not self._targets:
            return
        for last, value in self._built.iter(view.text):
            start, end = last + 1 - (value & _LENGTH_MASK), last + 1
            if self._accept(view, start, end):
                span = view.span(start, end)
                for entry, part in self._targets[value >> _LENGTH_BITS]:
                    yield entry, part, span


def _is_whole_words(view: View, start: int, end: int) -> bool:
    """Whether a match in a view of words begins and ends with words."""
    return view.text[start - 1] == " " == view.text[end]


def _continues(one: str, other: str) -> bool:
    """Whether two neighbouring characters belong to one word or number."""
    return (one.isdigit() and other.isdigit()) or (
        one.isalpha() and other.isalpha() and not HAN.match(one) and not HAN.match(other)
    )


def _is_apart(view: View, start: int, end: int) -> bool:
    """Whether Latin letters and digits at the ends of a match are not cut out of more."""
    text = view.text
    return not (start > 0 and _continues(text[start - 1], text[start])) and not (
        end < len(text) and _continues(text[end - 1], text[end])
    )


class _ByEar:
    """Chinese spellings of harm, searched for by their sound.

    Characters that sound alike are many, so that most of a short spelling must be written as it is
    or in pinyin; what only sounds like it must be the lesser part.
    """

    def __init__(
        self, spellings: Mapping[str, Iterable[_Target]], entries: Sequence[Entry]
    ) -> None:
        self._entries = entries
        by_sound: dict[str, list[tuple[str, tuple[_Target, ...]]]] = defaultdict(list)
        for spelling, targets in spellings.items():
            harmful_ones = tuple(t for t in targets if entries[t[0]].kind in _HARMFUL_KINDS)
            if harmful_ones and len(HAN.findall(spelling)) >= _LEAST_HEARD:
                by_sound[sound_of(spelling)].append((spelling, harmful_ones))
        self._meant = tuple(by_sound.values())
        self._built = ahocorasick.Automaton(ahocorasick.STORE_INTS)
        for number, key in enumerate(by_sound):
            self._built.add_word(key, number << _LENGTH_BITS | len(key))
        self._built.make_automaton()

    def search(self, reading: Reading) -> Iterator[tuple[int, int, Span]]:
        """Entry, part and place of every spelling that is heard in the text."""
        if not self._meant:
            return
        view, written = syllables(reading.ideographs)
        for last, value in self._built.iter(view.text):
            start, end = last + 1 - (value & _LENGTH_MASK), last + 1
            if _is_apart(view, start, end) and not _cuts_pinyin(written, start, end):
                for spelling, targets in self._meant[value >> _LENGTH_BITS]:
                    yield from self._heard(view, written, (start, end), spelling, targets)

    def _heard(
        self,
        view: View,
        written: Sequence[str],
        place: tuple[int, int],
        spelling: str,
        targets: tuple[_Target, ...],
    ) -> Iterator[tuple[int, int, Span]]:
        start, end = place
        pinyin = [len(each) for each in written[start:end] if each.isascii() and each.isalpha()]
        other = sum(
            one != meant and not (one.isascii() and one.isalpha())
            for one, meant in zip(written[start:end], spelling, strict=True)
        )
        if not pinyin and not other:
            return
        for entry, part in targets:
            is_alone = self._entries[entry].part_count == 1
            if _may_be_meant(len(spelling), sum(pinyin), len(pinyin), other, is_alone=is_alone):
                yield entry, part, view.span(start, end)


def _may_be_meant(size: int, letters: int, pinyin: int, other: int, *, is_alone: bool) -> bool:
    """Whether so much pinyin and so many other characters may stand for a spelling."""
    if other > size // 2:
        return False
    if pinyin and not other:
        return pinyin < size or letters >= _LEAST_LETTERS
    return size >= _LEAST_ALONE or not is_alone


def _cuts_pinyin(written: Sequence[str], start: int, end: int) -> bool:
    """Whether a match begins or ends within a word of Latin letters."""

    def is_latin(index: int) -> bool:
        return 0 <= index < len(written) and written[index].isascii() and written[index].isalpha()

    return (is_latin(start - 1) and is_latin(start)) or (is_latin(end - 1) and is_latin(end))


class Matcher:
    """Finds entries; building takes a moment, searching is linear in the text."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._entries = tuple(line.entry for line in lines)
        spellings: dict[Language, dict[str, list[_Target]]] = {
            language: defaultdict(list) for language in Language
        }
        for number, line in enumerate(lines):
            for part, keys in enumerate(line.parts):
                for key in keys:
                    spellings[line.entry.language][key].append((number, part))
        english, chinese = spellings[Language.ENGLISH], spellings[Language.CHINESE]
        self.vocabulary = Vocabulary(word for key in english for word in key.split())
        self._english = _Automaton(english, _is_whole_words)
        self._chinese = _Automaton(chinese, _is_apart)
        self._by_ear = _ByEar(chinese, self._entries)

    def read(self, text: str) -> Reading:
        """The text as it is searched."""
        return Reading(text, self.vocabulary)

    def find(self, reading: Reading) -> list[Hit]:
        """Every entry in the text, in the order of their places."""
        by_entry: dict[int, dict[int, set[Span]]] = defaultdict(lambda: defaultdict(set))
        for number, part, span in self._part_hits(reading):
            by_entry[number][part].add(span)
        sentences = reading.sentences
        hits = [
            Hit(self._entries[number], pieces)
            for number, parts in by_entry.items()
            if len(parts) == self._entries[number].part_count
            for pieces in _whole(self._entries[number], parts, sentences)
        ]
        return sorted(hits, key=by_place)

    def _part_hits(self, reading: Reading) -> Iterator[tuple[int, int, Span]]:
        yield from self._english.search(reading.words)
        yield from self._chinese.search(reading.ideographs)
        yield from self._by_ear.search(reading)


def _whole(
    entry: Entry, parts: Mapping[int, Iterable[Span]], sentences: Sequence[int]
) -> list[tuple[Span, ...]]:
    """The places where all parts of an entry are found near one another in one sentence."""
    chains: list[tuple[Span, ...]] = [(span,) for span in sorted(parts[0])]
    for number in range(1, entry.part_count):
        places = sorted(parts[number])
        chains = [
            (*chain, nearest)
            for chain in chains
            if (nearest := _nearest(chain[-1], places, entry, sentences)) is not None
        ]
    return chains


def _nearest(
    one: Span, places: Sequence[Span], entry: Entry, sentences: Sequence[int]
) -> Span | None:
    """The place (of sorted ones) that is nearest to a span, in its sentence and in reach."""
    after = bisect_left(places, Span(one.end, 0))
    candidates = list(places[after : after + 1])
    if not entry.ordered:
        before = bisect_left(places, Span(one.start, 0))
        candidates += places[max(0, before - 1) : before]

    def gap(span: Span) -> int:
        return max(span.start - one.end, one.start - span.end)

    near = [
        span
        for span in candidates
        if 0 <= gap(span) <= _REACH[entry.language]
        and sentences[one.start] == sentences[span.start]
    ]
    return min(near, key=gap, default=None)


def allowed_places(hits: Iterable[Hit]) -> tuple[Span, ...]:
    """Where what is known to be innocent stands, in order."""
    return disjoint(hit.span for hit in hits if hit.entry.kind is Kind.ALLOW)


def harmful(hits: Iterable[Hit], allowed: Sequence[Span]) -> Iterator[Hit]:
    """The hits that speak of harm and no part of which lies in an allowed place."""
    starts = [span.start for span in allowed]

    def is_allowed(piece: Span) -> bool:
        index = bisect_right(starts, piece.start) - 1
        return index >= 0 and allowed[index].covers(piece)

    for hit in hits:
        if hit.entry.kind in _HARMFUL_KINDS and not any(map(is_allowed, hit.pieces)):
            yield hit


def disjoint(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same places without overlaps, in order."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start < merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)
