"""What the classifier counts in a text: groups of neighbouring characters and words, hashed.

Chinese is counted by groups of 1 to 4 characters, English by 2 to 5 characters of a word, by words
and by pairs of words. Training and judging count with this one module.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BUCKETS = 1 << 18
_CHINESE_SIZES = (1, 2, 3, 4)
_ENGLISH_SIZES = (2, 3, 4, 5)
_FIRST_HAN, _LAST_HAN = 0x3400, 0x9FFF
_SPACE = ord(" ")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(31)
_MASK = np.uint64(BUCKETS - 1)

Buckets = NDArray[np.uint64]
_NOTHING = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each bucket was met: `buckets` are distinct, `weights` of length 1."""

    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]


def count(words: str, ideographs: str, rarity: NDArray[np.float32] | None = None) -> Counts:
    """Counts a text that was read as words and as ideographs; rare buckets weigh by `rarity`."""
    met = np.concatenate([_english(words), _chinese(ideographs), _whole_words(words)])
    buckets, times = np.unique(met.astype(np.int64), return_counts=True)
    weights = (1.0 + np.log(times)).astype(np.float32)
    if rarity is not None:
        weights *= rarity[buckets]
    length = float(np.linalg.norm(weights))
    return Counts(buckets, weights / np.float32(length) if length else weights)


def _codes(text: str) -> Buckets:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)


def _groups(codes: Buckets, size: int, kind: int) -> Buckets:
    """A bucket of every group of `size` neighbours."""
    count_of = max(0, len(codes) - size + 1)
    mixed = np.full(count_of, kind * 16 + size, np.uint64)
    for offset in range(size):
        mixed = (mixed ^ codes[offset : offset + count_of]) * _MULTIPLIER
        mixed ^= mixed >> _SHIFT
    return mixed & _MASK


def _chinese(text: str) -> Buckets:
    """Groups that hold an ideograph."""
    codes = _codes(text)
    is_han = (codes >= _FIRST_HAN) & (codes <= _LAST_HAN)
    if not is_han.any():
        return _NOTHING
    before = np.concatenate([[0], np.cumsum(is_han)])
    found = []
    for size in _CHINESE_SIZES:
        groups = _groups(codes, size, 1)
        found.append(groups[before[size:] > before[: len(groups)]])
    return np.concatenate(found)


def _english(text: str) -> Buckets:
    """Groups within a word, the space before and after it included; none of ideographs."""
    if text.isspace():
        return _NOTHING
    codes = _codes(text)
    barred = np.concatenate([[0], np.cumsum((codes == _SPACE) | (codes < _SPACE))])
    han = np.concatenate([[0], np.cumsum((codes >= _FIRST_HAN) & (codes <= _LAST_HAN))])
    found = []
    for size in _ENGLISH_SIZES:
        groups = _groups(codes, size, 2)
        inside = barred[size - 1 : len(barred) - 1] == barred[1 : len(groups) + 1]
        found.append(groups[inside & (han[size:] == han[: len(groups)])])
    return np.concatenate(found)


def _whole_words(text: str) -> Buckets:
    hashes = [zlib.crc32(word.encode()) for word in text.split()]
    ones = np.array(hashes, np.uint64)
    pairs = (ones[:-1] * _MULTIPLIER) ^ ones[1:]
    mixed = np.concatenate([ones, pairs]) * _MULTIPLIER
    return (mixed ^ (mixed >> _SHIFT)) & _MASK
