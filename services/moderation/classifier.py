"""Linear classifiers over counted characters and words: how likely a passage does harm, and which.

The file is made by `python -m training.moderation`; its digest stands beside it. Without both, or
when they do not fit, nothing starts.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.common.errors import StartupError
from services.moderation.features import BUCKETS, count
from services.moderation.lexicon import Language
from services.moderation.normalisation import BREAK, Reading, View, count_han
from services.moderation.policy import GUARDED, NO_POLICY, Policy
from services.moderation.verdict import Label, Span

BUNDLED_MODEL = Path(__file__).parent / "model" / "text.npz"
ANY = "any"
"""The output that tells whether a passage does any harm."""
LANGUAGES = (Language.ENGLISH, Language.CHINESE)
MAX_PASSAGE = 240
"""Code points of the longest passage that is judged at once."""
_COMMONEST_RARITY = 9.0
_CHINESE_SHARE = 0.3
_LEAST_WORDS, _LEAST_IDEOGRAPHS = 5, 4

Floats = NDArray[np.float32]


class ClassifierError(StartupError):
    """The classifier is missing, altered, or not of this version."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the file holds; of each output and language where not said otherwise."""

    outputs: tuple[str, ...]
    """Labels, and ANY."""
    weights: NDArray[np.int8]
    """[BUCKETS, outputs], in steps of `scale`."""
    scale: Floats
    bias: Floats
    rarity: NDArray[np.uint8]
    slope: Floats
    """[languages, outputs]: a sum s is a probability of 1 / (1 + exp(-(slope s + offset)))."""
    offset: Floats
    review: Floats
    """[languages, outputs]: from this probability on a person decides."""
    block: Floats
    """[languages, outputs]: from this probability on it is refused."""
    learnt: str
    """Digest of the texts that were learnt from."""

    def write(self, path: Path) -> None:
        """Writes the file and its digest."""
        data = io.BytesIO()
        np.savez_compressed(
            data,
            outputs=np.array(self.outputs),
            weights=self.weights,
            scale=self.scale,
            bias=self.bias,
            rarity=self.rarity,
            slope=self.slope,
            offset=self.offset,
            review=self.review,
            block=self.block,
            learnt=np.array(self.learnt),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.getvalue())
        digest = hashlib.sha256(data.getvalue()).hexdigest()
        _digest_path(path).write_text(f"{digest}\n", "utf-8")


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


def read_weights(path: Path = BUNDLED_MODEL) -> tuple[Weights, str]:
    """The weights and their digest; raises ClassifierError when anything is wrong with them."""
    try:
        data = path.read_bytes()
        told = _digest_path(path).read_text("utf-8").strip()
    except OSError as error:
        raise ClassifierError(f"the text classifier {path} is missing: {error}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != told:
        raise ClassifierError(f"the text classifier {path} was altered: its digest is {digest}")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        weights = Weights(
            tuple(map(str, arrays.pop("outputs"))), learnt=str(arrays.pop("learnt")), **arrays
        )
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ClassifierError(f"the text classifier {path} can't be read: {error}") from error
    if weights.weights.shape != (BUCKETS, len(weights.outputs)):
        raise ClassifierError(f"the text classifier {path} is of another version")
    return weights, digest


def whole_rarity(rarity: NDArray[np.uint8]) -> Floats:
    """How much buckets weigh, from how it is kept."""
    return rarity.astype(np.float32) * np.float32(_COMMONEST_RARITY / 255)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a passage is suspected of."""

    place: Span
    label: Label
    score: float
    """Calibrated: of passages with 0.7, seven in ten do harm, as far as was learnt."""
    is_blocked: bool


class Classifier:
    """Scores passages; stateless, so threads may share it."""

    def __init__(self, weights: Weights, digest: str) -> None:
        self._weights = weights
        self._rarity = whole_rarity(weights.rarity)
        self._any = weights.outputs.index(ANY)
        self._labels = [Label(name) for name in weights.outputs if name != ANY]
        self._columns = [column for column, name in enumerate(weights.outputs) if name != ANY]
        self.version = digest[:8]

    def own_thresholds(self, label: Label) -> tuple[float, float]:
        """From which probabilities on a label is for a person and is refused, where least."""
        if label not in self._labels:
            return 1.0, 1.0
        column = self._weights.outputs.index(label)
        review, block = self._weights.review[:, column], self._weights.block[:, column]
        return float(review.min()), float(block.min())

    def suspicions(
        self,
        reading: Reading,
        places: Sequence[Span],
        policy: Policy = NO_POLICY,
        allowed: Sequence[Span] = (),
    ) -> Iterator[Suspicion]:
        """What each passage is suspected of, if of anything, by what is not allowed in it."""
        for place in places:
            found = self._suspected(reading, place, [place], policy)
            rest = outside(place, allowed)
            if rest != [place]:
                guarded = [each for each in found if each.label in GUARDED]
                found = self._suspected(reading, place, rest, policy)
                found = [*guarded, *(each for each in found if each.label not in GUARDED)]
            yield from found

    def harm(self, reading: Reading, places: Sequence[Span]) -> float:
        """How likely the worst of the passages does any harm, whatever the thresholds."""
        read = (_read(reading, [place]) for place in places)
        return max((float(self._scores(*each)[1].max()) for each in read), default=0.0)

    def _suspected(
        self, reading: Reading, place: Span, parts: Sequence[Span], policy: Policy
    ) -> list[Suspicion]:
        """What a passage is suspected of by parts of it."""
        words, ideographs = _read(reading, parts)
        if not _says_enough(words, ideographs):
            return []
        language, scores = self._scores(words, ideographs)
        review, block = self._weights.review[language], self._weights.block[language]
        is_certain = bool(scores[self._any] >= block[self._any])
        suspected: list[Suspicion] = []
        for label, column in zip(self._labels, self._columns, strict=True):
            score = float(scores[column])
            least, refused = policy.thresholds(label, float(review[column]), float(block[column]))
            if score >= least:
                trusted = is_certain or policy.rule(label).block_from is not None
                suspected.append(Suspicion(place, label, score, trusted and score >= refused))
        likely = float(scores[self._any])
        if not suspected and likely >= review[self._any]:
            best = max(self._columns, key=lambda column: scores[column])
            label = self._labels[self._columns.index(best)]
            if likely >= (policy.rule(label).review_from or 0):
                suspected = [Suspicion(place, label, likely, False)]
        return suspected

    def _scores(self, words: str, ideographs: str) -> tuple[int, Floats]:
        """The language of what was read and the probability of each output."""
        counts = count(words, ideographs, self._rarity)
        language = int(is_chinese(ideographs))
        weights = self._weights
        picked = weights.weights[counts.buckets].astype(np.float32)
        sums = counts.weights @ picked * weights.scale + weights.bias
        return language, 1 / (
            1 + np.exp(-(weights.slope[language] * sums + weights.offset[language]))
        )


def outside(place: Span, allowed: Sequence[Span]) -> list[Span]:
    """What is left of a place without allowed ones, which are in order and do not overlap."""
    left: list[Span] = []
    start = place.start
    for span in allowed:
        if start < span.end and span.start < place.end:
            if span.start > start:
                left.append(Span(start, span.start))
            start = span.end
    if start < place.end:
        left.append(Span(start, place.end))
    return left


def _says_enough(words: str, ideographs: str) -> bool:
    """Whether a passage is long enough to be judged by what it is made of."""
    return len(words.split()) >= _LEAST_WORDS or count_han(ideographs) >= _LEAST_IDEOGRAPHS


def is_chinese(ideographs: str) -> bool:
    """Whether a passage is Chinese: a character weighs as much as three letters."""
    return 3 * count_han(ideographs) > _CHINESE_SHARE * len(ideographs)


def _read(reading: Reading, parts: Sequence[Span]) -> tuple[str, str]:
    """Some parts of a text, as words and as ideographs."""
    words = [_slice(reading.words, part) for part in parts]
    return " ".join(words), BREAK.join(_slice(reading.ideographs, part) for part in parts)


def _slice(view: View, place: Span) -> str:
    """The part of a view that was read from a range of the text."""
    start = bisect_left(view.origin, place.start)
    return view.text[start : bisect_left(view.origin, place.end, lo=start)]


def passages(sentences: Sequence[int], since: int = 0) -> list[Span]:
    """The text from `since` on in passages of whole sentences, or cut where those are too long.

    `sentences` are the numbers of the sentences that its characters are in.
    """
    found: list[Span] = []
    start = end = since
    size = len(sentences)
    while end < size:
        begin = end
        while end < size and sentences[end] == sentences[begin]:
            end += 1
        if end - start > MAX_PASSAGE and begin > start:
            found.append(Span(start, begin))
            start = begin
        while end - start > MAX_PASSAGE:
            found.append(Span(start, start + MAX_PASSAGE))
            start += MAX_PASSAGE
    if start < size:
        found.append(Span(start, size))
    return found
