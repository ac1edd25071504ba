"""The word lists: their files, their notation, and which version they are.

A file `lexicon/<language>/<label>.txt` holds sections, and one entry a line:

    [block threat]        weight of what follows, and optionally its finer name
    kill (you|him|her)    alternatives; an empty one makes it optional
    buy ~ cocaine         the parts in this order, near each other, in one sentence
    child & porn          the parts in any order, near each other, in one sentence

`[allow]` holds what must not count although another entry stands inside it. `[negation]` and
`[reporting]` hold the turns of phrase that show that harm is denied or told of: in `cues.txt` harm
of any label, elsewhere of the file's own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path

from services.common.errors import StartupError
from services.moderation.disguises import SLANG
from services.moderation.normalisation import (
    BREAK,
    HAN,
    Reading,
    Vocabulary,
    folded,
    ideographs,
    plain_words,
)
from services.moderation.verdict import Label

BUNDLED_LISTS = Path(__file__).parent / "lexicon"
MAX_SPELLING = 200
_CUES = "cues"
_MAX_EXPANSIONS = 15_000
_GROUP = re.compile(r"\(([^()]*)\)")
_SECTION = re.compile(r"\[(?P<kind>[a-z]+)(?: (?P<sub_label>[a-z_]+))?\]")


class LexiconError(StartupError):
    """A word list is missing or not in its notation; the message names file and line."""


class Language(StrEnum):
    """Languages that there are lists for."""

    ENGLISH = "en"
    CHINESE = "zh"


class Kind(StrEnum):
    """What an entry says about the text it is found in."""

    BLOCK = "block"
    REVIEW = "review"
    ALLOW = "allow"
    NEGATION = "negation"
    REPORTING = "reporting"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line of a list means."""

    language: Language
    kind: Kind
    label: Label | None
    """None in `cues.txt`: of whatever harm."""
    sub_label: str
    part_count: int
    ordered: bool
    """Whether the parts must come in their order."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list."""

    entry: Entry
    parts: tuple[frozenset[str], ...]
    """Each part's spellings: English as words, Chinese without what stands between."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All lists."""

    lines: tuple[Line, ...]
    version: str
    """Twelve hexadecimal digits of the files' hash."""

    def labels(self) -> frozenset[Label]:
        """The kinds of harm that every language has a list for."""
        by_language = [
            {line.entry.label for line in self.lines if line.entry.language is language}
            for language in Language
        ]
        return frozenset(label for label in Label if all(label in labels for labels in by_language))


def read_lexicon(folder: Path = BUNDLED_LISTS) -> Lexicon:
    """Reads every list of a folder; raises LexiconError for a fault in any."""
    lines: list[Line] = []
    digest = hashlib.sha256()
    for language in Language:
        paths = sorted((folder / language).glob("*.txt"))
        if not paths:
            raise LexiconError(f"no word lists for {language} in {folder}")
        for path in paths:
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise LexiconError(f"{path} can't be read: {error}") from error
            digest.update(f"{language}/{path.name}\0{text}\0".encode())
            lines.extend(_read_list(path, text, language))
    return Lexicon(tuple(lines), digest.hexdigest()[:12])


def _read_list(path: Path, text: str, language: Language) -> Iterator[Line]:
    if path.stem != _CUES and path.stem not in list(Label):
        raise LexiconError(f"{path}: no label is called {path.stem!r}")
    label = None if path.stem == _CUES else Label(path.stem)
    kind, sub_label = None, ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        if section := _SECTION.fullmatch(line):
            kind, sub_label = _kind(section["kind"], path, number), section["sub_label"] or ""
        elif kind is None:
            raise LexiconError(f"{path}:{number}: an entry stands before the first section")
        else:
            parts, ordered = _parts(line, language, f"{path}:{number}")
            entry = Entry(language, kind, label, sub_label, len(parts), ordered)
            yield Line(entry, parts)


def _kind(name: str, path: Path, number: int) -> Kind:
    cues = {Kind.NEGATION, Kind.REPORTING}
    if name not in list(Kind) or (path.stem == _CUES and Kind(name) not in cues):
        raise LexiconError(f"{path}:{number}: no section here is called {name!r}")
    return Kind(name)


def _parts(line: str, language: Language, place: str) -> tuple[tuple[frozenset[str], ...], bool]:
    if "~" in line and "&" in line:
        raise LexiconError(f"{place}: ~ and & do not go together")
    try:
        parts = tuple(_spellings(part, language) for part in re.split("[~&]", line))
    except ValueError as error:
        raise LexiconError(f"{place}: {error}") from error
    return parts, "&" not in line


def _spellings(part: str, language: Language) -> frozenset[str]:
    plain = (folded(spelling) for spelling in expand(part))
    keys = frozenset(
        ideographs(view).text if language is Language.CHINESE else " ".join(plain_words(view))
        for view in plain
    )
    if "" in keys:
        raise ValueError("an alternative is empty")
    if max(map(len, keys)) > MAX_SPELLING:
        raise ValueError(f"a spelling is longer than {MAX_SPELLING} characters")
    return keys


@dataclass(frozen=True, slots=True)
class Phrase:
    """An entry that is written as it is said, without the notation of the lists."""

    text: str
    kind: Kind
    label: Label | None = None
    sub_label: str = ""

    @property
    def language(self) -> Language:
        """Chinese when an ideograph is in it."""
        is_chinese = HAN.search(folded(self.text).text)
        return Language.CHINESE if is_chinese else Language.ENGLISH


def fault_of_phrase(text: str) -> str:
    """What is wrong with a phrase's text, and what to do; empty for a sound one."""
    plain = folded(text).text
    if not text.strip():
        return "is empty; leave it out"
    if not any(map(str.isalpha, plain)):
        return "holds no letter; a phrase is found by its words"
    if not all(letter.isascii() or HAN.match(letter) for letter in plain if letter.isalpha()):
        return "must be English or Chinese"
    if len(plain) > MAX_SPELLING:
        return f"is read as more than {MAX_SPELLING} characters; make it shorter"
    return ""


def phrase_lines(phrases: Iterable[Phrase]) -> list[Line]:
    """Phrases as lines of a list, spelled as the texts are read that they are searched in."""
    spoken = list(phrases)
    words = (word for each in spoken for word in plain_words(folded(each.text)))
    vocabulary = Vocabulary(said for word in words for said in SLANG.get(word, word).split())
    return [_phrase_line(each, vocabulary) for each in spoken]


def _phrase_line(phrase: Phrase, vocabulary: Vocabulary) -> Line:
    language = phrase.language
    reading = Reading(phrase.text, vocabulary)
    view = reading.ideographs if language is Language.CHINESE else reading.words
    as_written = view.text.strip()
    without_ends = as_written.replace(f"{BREAK} " if language is Language.ENGLISH else BREAK, "")
    entry = Entry(language, phrase.kind, phrase.label, phrase.sub_label, 1, True)
    return Line(entry, (frozenset({as_written, without_ends}),))


def expand(part: str) -> list[str]:
    """Every spelling that a part with alternatives stands for; raises ValueError for too many."""
    pieces = _GROUP.split(part)
    if any(sign in piece for piece in pieces[::2] for sign in "()|"):
        raise ValueError("brackets or bars are out of place")
    choices = [piece.split("|") if index % 2 else [piece] for index, piece in enumerate(pieces)]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > _MAX_EXPANSIONS:
        raise ValueError(f"{count} spellings are more than {_MAX_EXPANSIONS}")
    return ["".join(combination) for combination in product(*choices)]
