"""Subtitles as people read them: WebVTT and SRT from words and their times.

A cue holds at most two lines and breaks where a sentence or clause ends. A line holds 42 Latin
characters or 18 Chinese ones, as broadcasters have settled on.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from services.gateway.media import Word

LINE_WIDTH = 42
"""Columns of a line; a wide character takes WIDE_COLUMNS."""
WIDE_COLUMNS = 42 / 18
MAX_LINES = 2
MAX_CUE_US = 6_000_000
MIN_CUE_US = 1_000_000
PAUSE_US = 700_000
"""A silence of this length ends a cue."""
_SENTENCE_ENDS = "。！？.!?…"
_CLAUSE_ENDS = "，、；：,;:—"
_CLOSERS = "\"'”’」』）)]】》"
_WORTH_BREAKING_AT_A_CLAUSE = 0.6


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines that are shown from `start_us` to `end_us`."""

    start_us: int
    end_us: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word with what follows it in the text: punctuation and space."""

    text: str
    start_us: int
    end_us: int


def cues_of(words: Sequence[Word], text: str) -> list[Cue]:
    """Cues in order, without overlap, with the punctuation of the text that the words stand in."""
    cues = [_cue(pieces) for pieces in _grouped(list(_pieces(words, text)))]
    return [
        Cue(cue.start_us, _shown_until(cue, following), cue.lines)
        for cue, following in zip_longest(cues, cues[1:])
    ]


def webvtt(cues: Sequence[Cue]) -> str:
    """A WebVTT file."""
    blocks = [
        f"{_time(cue.start_us, '.')} --> {_time(cue.end_us, '.')}\n{_vtt_text(cue.lines)}\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def srt(cues: Sequence[Cue]) -> str:
    """A SubRip file."""
    blocks = [
        f"{number}\n{_time(cue.start_us, ',')} --> {_time(cue.end_us, ',')}\n"
        + "\n".join(cue.lines)
        + "\n"
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def width(text: str) -> float:
    """Columns that a text takes; Chinese, Japanese and Korean characters are wide."""
    return sum(
        WIDE_COLUMNS if unicodedata.east_asian_width(character) in "WF" else 1.0
        for character in text
    )


def _pieces(words: Sequence[Word], text: str) -> Iterator[_Piece]:
    """Each word with the text up to the next one; words that share their place become one."""
    merged: list[Word] = []
    for word in words:
        if merged and word.char_start < merged[-1].char_end:
            last = merged[-1]
            end = max(last.char_end, word.char_end)
            merged[-1] = Word(last.text, last.start_us, word.end_us, last.char_start, end)
        else:
            merged.append(word)
    for index, word in enumerate(merged):
        first = word.char_start if index else 0
        end = merged[index + 1].char_start if index + 1 < len(merged) else len(text)
        shown = " ".join(text[first:end].split())
        spaced = bool(text[first:end]) and text[end - 1].isspace()
        yield _Piece(f"{shown} " if spaced else shown, word.start_us, word.end_us)


def _grouped(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    group: list[_Piece] = []
    for piece in pieces:
        if group and _starts_anew(group, piece):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _starts_anew(group: Sequence[_Piece], piece: _Piece) -> bool:
    shown = "".join(part.text for part in group)
    longer = len(_wrapped([*group, piece])) > MAX_LINES
    late = piece.end_us - group[0].start_us > MAX_CUE_US
    pause = piece.start_us - group[-1].end_us >= PAUSE_US
    ending = shown.rstrip().rstrip(_CLOSERS)[-1:]
    sentence = ending != "" and ending in _SENTENCE_ENDS
    filled = width(shown) >= LINE_WIDTH * MAX_LINES * _WORTH_BREAKING_AT_A_CLAUSE
    clause = filled and ending != "" and ending in _CLAUSE_ENDS
    return longer or late or pause or sentence or clause


def _cue(pieces: Sequence[_Piece]) -> Cue:
    return Cue(pieces[0].start_us, pieces[-1].end_us, tuple(_balanced(pieces)))


def _wrapped(pieces: Sequence[_Piece], line_width: float = LINE_WIDTH) -> list[str]:
    """Lines filled one after the other; a piece that is wider than a line stands alone."""
    lines = [""]
    for piece in pieces:
        if lines[-1] and width((lines[-1] + piece.text).rstrip()) > line_width:
            lines.append("")
        lines[-1] += piece.text
    return [line.strip() for line in lines]


def _balanced(pieces: Sequence[_Piece]) -> list[str]:
    """The same number of lines as filling takes, as even as they can be."""
    lines = _wrapped(pieces)
    if len(lines) == 1:
        return lines
    total = width("".join(piece.text for piece in pieces))
    for share in (0.5, 0.55, 0.6, 0.7, 0.8):
        even = _wrapped(pieces, total * share)
        if len(even) == len(lines) and max(map(width, even)) <= LINE_WIDTH:
            return even
    return lines


def _shown_until(cue: Cue, following: Cue | None) -> int:
    """A short cue stays on for MIN_CUE_US, unless the next one comes."""
    wanted = max(cue.end_us, cue.start_us + MIN_CUE_US)
    return min(wanted, following.start_us) if following else wanted


def _time(at_us: int, separator: str) -> str:
    milliseconds = at_us // 1000
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{separator}{milliseconds:03}"


def _vtt_text(lines: Sequence[str]) -> str:
    text = "\n".join(lines)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
