"""Text as the lists read it: plain characters, each with the way back to the original."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace

from services.moderation.disguises import PICTURED_ENGLISH, SLANG, TAKEN_APART
from services.moderation.folding import fold
from services.moderation.verdict import Span

BREAK = "\n"
"""Stands in a view where a sentence ends; nothing that is searched for holds it."""

_HAN = r"\u3400-\u9fff\U00020000-\U0003ffff"
HAN = re.compile(f"[{_HAN}]")
_HANS = re.compile(f"[{_HAN}]+")
_RUN = re.compile(r"[^\W_]+")
_WORD = re.compile(rf"[^\W_{_HAN}]+")
# A sign may stand for a letter inside a word or at its start: "p@ss", "$ell".
_DISGUISED = re.compile(rf"[@$]?{_WORD.pattern}(?:[@$!|€£+*~^`'_]{{1,2}}{_WORD.pattern})*\$?")
# A point ends a sentence only before a space: "3.5", "v1.2".
_SENTENCE_END = re.compile(r"[。！？!?；;\n\r…]|\.(?=\s|$)")
_CLAUSE_MARK = re.compile(r"[，、：,:]")
_LEET = str.maketrans("013456789@$!|€£+", "oieasgtbgasiielt")
_HAS_LEET = re.compile(r"[0-9@$!|€£+]")
_LETTER = re.compile(r"[a-z]")
_LONG_RUN = re.compile(r"([^\W\d_])\1\1")
_ANY_RUN = re.compile(r"([^\W\d_])\1+")
_PARTS = re.compile(rf"{'|'.join(map(re.escape, TAKEN_APART))}|(?:([{_HAN}])\1)(?:([{_HAN}])\2)+")
_MIN_DISGUISED = 4
_MIN_MISSPELLED = 6
_PUT_INSIDE = re.compile(r"[*~^`'_]")
_MIN_SPELLED_LETTERS = 3
_MAX_WORD = 16


def count_han(text: str) -> int:
    """How many ideographs a text has."""
    return len(text) - len(_HANS.sub("", text))


@dataclass(frozen=True, slots=True)
class View:
    """A reading of a text: searchable characters and where each came from."""

    text: str
    origin: tuple[int, ...]
    """Of each character: where in the original it begins; never falling."""
    ends: tuple[int, ...]
    """Of each character: where in the original it ends."""

    def span(self, start: int, end: int) -> Span:
        """The range of the original that `text[start:end]` was read from."""
        return Span(self.origin[start], self.ends[end - 1])


def _view(text: str, origin: Sequence[int]) -> View:
    """A view each of whose characters was read from one of the original."""
    if isinstance(origin, range):
        return View(text, tuple(origin), tuple(range(1, len(origin) + 1)))
    return View(text, tuple(origin), tuple(map((1).__add__, origin)))


def folded(text: str) -> View:
    """The text with every character in its plain form."""
    if text.isascii():
        return _view(text.lower(), range(len(text)))
    plain_forms = {ord(sign): fold(sign) for sign in set(text)}
    if all(len(plain) == 1 for plain in plain_forms.values()):
        return _view(text.translate(plain_forms), range(len(text)))
    characters: list[str] = []
    origin: list[int] = []
    for index, plain in enumerate(map(fold, text)):
        characters.append(plain)
        origin.extend([index] * len(plain))
    return _view("".join(characters), origin)


def _with_english_pictures(text: str, base: View) -> View:
    """A folded text in which pictures stand for English words rather than for ideographs."""
    if text.isascii() or PICTURED_ENGLISH.keys().isdisjoint(text):
        return base
    pieces: list[str] = []
    origin: list[int] = []
    for index, sign in enumerate(text):
        plain = f" {PICTURED_ENGLISH[sign]} " if sign in PICTURED_ENGLISH else fold(sign)
        pieces.append(plain)
        origin.extend([index] * len(plain))
    return _view("".join(pieces), origin)


def plain_words(base: View) -> list[str]:
    """The words of a folded text as they stand there."""
    return _WORD.findall(base.text)


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, and where in a folded text it was read."""

    word: str
    start: int
    end: int


class Vocabulary:
    """The words of the lists; knows them again when they are disguised."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._by_skeleton = {
            _skeleton(word): word for word in sorted(self._words) if len(word) >= _MIN_DISGUISED - 1
        }
        self._by_gap = {
            f"{word[:gap]}*{word[gap + 1 :]}": word
            for word in sorted(self._words)
            if len(word) >= _MIN_DISGUISED
            for gap in range(1, len(word) - 1)
        }

    def reveal(self, token: str) -> str | None:
        """The word that a token stands for ("k1ll", "nuuude"); None when it is no disguise."""
        if len(token) > 1 and token in SLANG:
            return SLANG[token]
        if len(token) < _MIN_DISGUISED - 1 or not _LETTER.search(token):
            return None
        if _PUT_INSIDE.search(token):
            return self._unmarked(token)
        if _HAS_LEET.search(token) or _LONG_RUN.search(token):
            return self._by_skeleton.get(_skeleton(token))
        if len(token) >= _MIN_MISSPELLED and token not in self._words:
            return self._by_skeleton.get(_skeleton(token))
        return None

    def _unmarked(self, token: str) -> str | None:
        """The word that a token with marks inside stands for ("ki*ll", "f*ck")."""
        letters = _PUT_INSIDE.sub("", token)
        if letters in self._words and len(letters) >= _MIN_DISGUISED:
            return letters
        if token.count("*") == 1 and token in self._by_gap:
            return self._by_gap[token]
        return self._by_skeleton.get(_skeleton(letters)) if _HAS_LEET.search(letters) else None

    def split(self, letters: str) -> list[str] | None:
        """The words that follow one another without spaces in `letters`; None when some do not."""
        # Of every position: where the last word that ends there begins.
        begins: dict[int, int] = {0: 0}
        for end in range(1, len(letters) + 1):
            for start in range(max(0, end - _MAX_WORD), end):
                if start in begins and letters[start:end] in self._words:
                    begins[end] = start
                    break
        if len(letters) not in begins:
            return None
        found: list[str] = []
        end = len(letters)
        while end:
            found.append(letters[begins[end] : end])
            end = begins[end]
        return found[::-1]


def _skeleton(word: str) -> str:
    """What a word and its disguises have in common: no repeats, no digits, `l` drawn as `i`."""
    return _ANY_RUN.sub(r"\1", word.translate(_LEET)).replace("l", "i")


def words(base: View, vocabulary: Vocabulary) -> View:
    """Words with a space before and after each, sentence ends as breaks, disguises undone."""
    sentences = sentence_numbers(base.text)
    pieces: list[str] = [" "]
    origin: list[int] = [0]
    sentence = 0
    for token in _joined(_tokens(base.text, vocabulary), vocabulary):
        place = base.origin[token.start : token.end]
        if sentences[token.start] != sentence:
            sentence = sentences[token.start]
            pieces.append(f"{BREAK} ")
            origin.extend((place[0], place[0]))
        pieces.append(f"{token.word} ")
        surplus = len(token.word) - len(place)
        origin.extend(place if not surplus else [place[0]] * (len(token.word) - 1) + [place[-1]])
        origin.append(place[-1])
    return _view("".join(pieces), origin)


def _tokens(text: str, vocabulary: Vocabulary) -> Iterator[_Token]:
    meant: dict[str, str | None] = {}
    for found in _DISGUISED.finditer(text):
        token = found.group()
        if token not in meant:
            meant[token] = vocabulary.reveal(token)
        revealed = meant[token]
        if revealed is not None:
            yield _Token(revealed, found.start(), found.end())
        elif token.isalnum():
            yield _Token(token, found.start(), found.end())
        else:
            for run in _WORD.finditer(text, found.start(), found.end()):
                yield _Token(run.group(), run.start(), run.end())


def _joined(tokens: Iterable[_Token], vocabulary: Vocabulary) -> Iterator[_Token]:
    """The tokens, with what is spelled letter by letter ("k i l l y o u") as words."""
    letters: list[_Token] = []
    for token in tokens:
        if len(token.word) == 1 and token.word.isalpha():
            letters.append(token)
            continue
        yield from _spelled(letters, vocabulary)
        letters = []
        yield token
    yield from _spelled(letters, vocabulary)


def _spelled(letters: list[_Token], vocabulary: Vocabulary) -> Iterator[_Token]:
    spelled = None
    if len(letters) >= _MIN_SPELLED_LETTERS:
        spelled = vocabulary.split("".join(token.word for token in letters))
    if spelled is None:
        yield from (replace(token, word=SLANG.get(token.word, token.word)) for token in letters)
        return
    start = 0
    for word in spelled:
        last = start + len(word) - 1
        yield _Token(word, letters[start].start, letters[last].end)
        start = last + 1


def ideographs(base: View) -> View:
    """Chinese with its Latin letters and digits, without what stands between; clauses parted.

    Spaces and signs are passed over. Punctuation between single characters is, too: it was put
    there to hide a word.
    """
    text = base.text
    sentences = sentence_numbers(text)
    pieces: list[str] = []
    origin: list[int] = []
    end, size = 0, 0
    for run in _RUN.finditer(text):
        start, size_before, size = run.start(), size, run.end() - run.start()
        parted = end and (
            sentences[start] != sentences[end - 1] or _CLAUSE_MARK.search(text, end, start)
        )
        if parted and not size == size_before == 1:
            pieces.append(BREAK)
            origin.append(base.origin[start])
        pieces.append(run.group())
        end = run.end()
        origin.extend(base.origin[start:end])
    return _put_together(_view("".join(pieces), origin))


def _put_together(view: View) -> View:
    """The same with characters that were taken apart (贝者) or doubled (微微信信) as they were."""
    pieces: list[str] = []
    origin: list[int] = []
    ends: list[int] = []
    done = 0
    for found in _PARTS.finditer(view.text):
        start, end = found.span()
        pieces.append(view.text[done:start])
        origin.extend(view.origin[done:start])
        ends.extend(view.ends[done:start])
        plain = TAKEN_APART.get(found.group()) or found.group()[::2]
        size = (end - start) // len(plain)
        pieces.append(plain)
        origin.extend(view.origin[start:end:size])
        ends.extend(view.ends[start + size - 1 : end : size])
        done = end
    if not done:
        return view
    pieces.append(view.text[done:])
    return View("".join(pieces), (*origin, *view.origin[done:]), (*ends, *view.ends[done:]))


def sentence_numbers(text: str) -> tuple[int, ...]:
    """Of each position of a text: the number of its sentence, counted from 0."""
    numbers: list[int] = []
    count = 0
    for count, end in enumerate(_SENTENCE_END.finditer(text), start=1):
        numbers.extend([count - 1] * (end.end() - len(numbers)))
    numbers.extend([count] * (len(text) - len(numbers)))
    return tuple(numbers)


class Reading:
    """A text read in every way that it is searched."""

    __slots__ = ("_spoken", "ideographs", "sentences", "text", "words")

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text = text
        self.sentences = sentence_numbers(text)
        base = folded(text)
        self._spoken = _with_english_pictures(text, base)
        self.words = words(self._spoken, vocabulary)
        self.ideographs = ideographs(base)

    def with_words_of(self, vocabulary: Vocabulary) -> Reading:
        """The same text, its disguised words read as those of another vocabulary."""
        other = copy(self)
        other.words = words(self._spoken, vocabulary)
        return other
