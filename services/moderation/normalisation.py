"""Text as the lists read it: plain characters, each with the way back to the original."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.moderation.folding import fold
from services.moderation.verdict import Span

BREAK = "\n"
"""Stands in a view where a sentence ends; nothing that is searched for holds it."""

_HAN = r"\u3400-\u9fff\U00020000-\U0003ffff"
HAN = re.compile(f"[{_HAN}]")
_RUN = re.compile(r"[^\W_]+")
_WORD = re.compile(rf"[^\W_{_HAN}]+")
# A sign may stand for a letter inside a word or at its start: "p@ss", "$ell".
_DISGUISED = re.compile(rf"[@$]?{_WORD.pattern}(?:[@$!|€£+]{_WORD.pattern})*")
# A point ends a sentence only before a space: "3.5", "v1.2".
_SENTENCE_END = re.compile(r"[。！？!?；;\n\r…]|\.(?=\s|$)")
_CLAUSE_MARK = re.compile(r"[，、：,:]")
_LEET = str.maketrans("013456789@$!|€£+", "oieasgtbgasiielt")
_HAS_LEET = re.compile(r"[0-9@$!|€£+]")
_LETTER = re.compile(r"[a-z]")
_LONG_RUN = re.compile(r"([^\W\d_])\1\1")
_ANY_RUN = re.compile(r"([^\W\d_])\1+")
_MIN_DISGUISED = 4
_MIN_SPELLED_LETTERS = 3
_MAX_WORD = 16


@dataclass(frozen=True, slots=True)
class View:
    """A reading of a text: searchable characters and where each came from."""

    text: str
    origin: tuple[int, ...]
    """Of each character: its position in the original; never falling."""

    def span(self, start: int, end: int) -> Span:
        """The range of the original that `text[start:end]` was read from."""
        return Span(self.origin[start], self.origin[end - 1] + 1)


def folded(text: str) -> View:
    """The text with every character in its plain form."""
    if text.isascii():
        return View(text.lower(), tuple(range(len(text))))
    characters: list[str] = []
    origin: list[int] = []
    for index, plain in enumerate(map(fold, text)):
        characters.append(plain)
        origin.extend([index] * len(plain))
    return View("".join(characters), tuple(origin))


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

    def reveal(self, token: str) -> str | None:
        """The word that a token stands for ("k1ll", "nuuude"); None when it is no disguise."""
        if len(token) < _MIN_DISGUISED - 1 or not _LETTER.search(token):
            return None
        if not (_HAS_LEET.search(token) or _LONG_RUN.search(token)):
            return None
        return self._by_skeleton.get(_skeleton(token))

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
    return _ANY_RUN.sub(r"\1", word).translate(_LEET).replace("l", "i")


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
    return View("".join(pieces), tuple(origin))


def _tokens(text: str, vocabulary: Vocabulary) -> Iterator[_Token]:
    for found in _DISGUISED.finditer(text):
        token = found.group()
        revealed = vocabulary.reveal(token)
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
        yield from letters
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
    return View("".join(pieces), tuple(origin))


def sentence_numbers(text: str) -> tuple[int, ...]:
    """Of each position of a text: the number of its sentence, counted from 0."""
    numbers: list[int] = []
    count = 0
    for count, end in enumerate(_SENTENCE_END.finditer(text), start=1):
        numbers.extend([count - 1] * (end.end() - len(numbers)))
    numbers.extend([count] * (len(text) - len(numbers)))
    return tuple(numbers)
