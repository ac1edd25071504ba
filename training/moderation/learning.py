"""Fits one linear classifier a label and one of any harm; calibrates them and sets thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from services.moderation.classifier import ANY, LANGUAGES, Weights, is_chinese, whole_rarity
from services.moderation.features import BUCKETS, count
from services.moderation.lexicon import Language
from services.moderation.normalisation import Reading, Vocabulary
from services.moderation.verdict import HARMS, Label
from training.moderation.corpora import Example, fingerprint

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
LABELS = tuple(label for label in HARMS if label is not Label.SEXUAL_MINORS)
"""What is learnt; of minors only the lists speak: nobody may keep texts to learn that from."""
OUTPUTS = (*LABELS, ANY)
_FOLDS = 3
_STRENGTH, _STRENGTH_OF_ANY = 2.0, 0.5
"""The less, the less is trusted to what is rare; what harm is of any kind has to be said simply."""
_COMMONEST = 9.0
_PLAIN_SOURCES = frozenset({"ours", "neutral", "davidson"})
"""Harmless texts by whose scores outputs are made equally shy."""
_TAILS = np.geomspace(0.1, 0.0001, 80)
"""Shares of such texts that may be flagged by an output, most first."""
_ORDINARY_ALARMS = 0.01
"""Share of the ordinary texts that may be flagged by all outputs together."""
_LEAST_REVIEW = 0.84
"""Less than this is too often said of ordinary kitchens, games and offers."""
_BLOCK_TAIL, _LEAST_BLOCK = 0.0005, 0.99
"""BLOCK is for what is next to certain."""


@dataclass(frozen=True, slots=True)
class Table:
    """The examples as counts, and which of them are Chinese."""

    matrix: csr_matrix
    rarity: NDArray[np.uint8]
    is_chinese: Flags


@dataclass(frozen=True, slots=True)
class Fitted:
    """An output's weights, and of each language its calibration."""

    weights: Floats
    bias: float
    slope: Floats
    offset: Floats
    alarms: tuple[Floats, ...]
    """Probabilities of harmless texts that were not learnt from."""


def tabulate(examples: Sequence[Example], vocabulary: Vocabulary) -> Table:
    """Counts every example, weighed by how rare a bucket is."""
    counts, chinese = _counted((example.text for example in examples), vocabulary)
    met = np.bincount(counts.indices, minlength=BUCKETS)
    rarity = np.log((1 + len(examples)) / (1 + met)) + 1
    kept = np.clip(np.round(rarity / _COMMONEST * 255), 1, 255).astype(np.uint8)
    return Table(_weighed(counts, kept), kept, chinese)


def _counted(texts: Iterable[str], vocabulary: Vocabulary) -> tuple[csr_matrix, Flags]:
    """[texts, BUCKETS] of counts, and which texts are Chinese."""
    counts, chinese = [], []
    for text in texts:
        reading = Reading(text, vocabulary)
        counts.append(count(reading.words.text, reading.ideographs.text))
        chinese.append(is_chinese(reading.ideographs.text))
    matrix = csr_matrix(
        (
            np.concatenate([each.weights for each in counts]),
            np.concatenate([each.buckets for each in counts]),
            np.cumsum([0, *(len(each.buckets) for each in counts)]),
        ),
        shape=(len(counts), BUCKETS),
    )
    return matrix, np.array(chinese)


def _weighed(counts: csr_matrix, rarity: NDArray[np.uint8]) -> csr_matrix:
    """The same rows weighed by rarity, again of length 1."""
    weighed = counts.copy()
    weighed.data *= whole_rarity(rarity)[counts.indices]
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    weighed.data /= np.repeat(lengths, np.diff(weighed.indptr))
    return weighed


def fit(output: str, examples: Sequence[Example], table: Table) -> Fitted:
    """Fits an output to all examples that tell of it.

    Calibration and thresholds come from classifiers that have not learnt from a text, nor from
    another of the same template.
    """
    known = np.array([output == ANY or output in each.known for each in examples])
    is_harm = np.array(
        [bool(each.labels) if output == ANY else output in each.labels for each in examples]
    )
    fold = np.array([fingerprint(each.kin or each.text) // 7 % _FOLDS for each in examples])

    def learnt(chosen: Flags) -> LogisticRegression:
        return _regression(_STRENGTH_OF_ANY if output == ANY else _STRENGTH).fit(
            table.matrix[chosen], is_harm[chosen]
        )

    sums = np.zeros(len(examples))
    for number in range(_FOLDS):
        sums[fold == number] = learnt(known & (fold != number)).decision_function(
            table.matrix[fold == number]
        )
    plain = (
        known
        & ~is_harm
        & np.array([each.source in _PLAIN_SOURCES and not each.labels for each in examples])
    )
    final = learnt(known)
    slope, offset, alarms = [], [], []
    for language in LANGUAGES:
        spoken = known & (table.is_chinese == (language is Language.CHINESE))
        model = LogisticRegression(C=100.0).fit(sums[spoken, None], is_harm[spoken])
        slope.append(float(model.coef_[0, 0]))
        offset.append(float(model.intercept_[0]))
        alarms.append(_probability(sums[spoken & plain], slope[-1], offset[-1]))
    return Fitted(
        final.coef_[0].astype(np.float32),
        float(final.intercept_[0]),
        np.array(slope, np.float32),
        np.array(offset, np.float32),
        tuple(alarms),
    )


def _probability(sums: NDArray[np.float64], slope: float, offset: float) -> Floats:
    return (1 / (1 + np.exp(-(slope * sums + offset)))).astype(np.float32)


def thresholds(
    fitted: Sequence[Fitted], language: int, ordinary: csr_matrix
) -> tuple[Floats, Floats, float]:
    """Of each output from where on it is REVIEW and BLOCK in a language, and the tail chosen.

    Every output may flag the same share of harmless texts: the greatest with which all together
    flag no more than _ORDINARY_ALARMS of the ordinary texts, counted in `ordinary`.
    """
    scores = np.stack(
        [
            _probability(
                ordinary @ each.weights + each.bias,
                float(each.slope[language]),
                float(each.offset[language]),
            )
            for each in fitted
        ],
        axis=1,
    )

    def at(tail: float) -> Floats:
        quantiles = [np.quantile(each.alarms[language], 1 - tail) for each in fitted]
        return np.maximum(quantiles, _LEAST_REVIEW).astype(np.float32)

    tails = (tail for tail in _TAILS if _alarm_rate(scores, at(tail)) <= _ORDINARY_ALARMS)
    tail = float(next(tails, _TAILS[-1]))
    review = at(tail)
    certain = np.maximum(at(_BLOCK_TAIL), scores.max(axis=0))
    return review, np.maximum(np.maximum(review, certain), np.float32(_LEAST_BLOCK)), tail


def _alarm_rate(scores: Floats, review: Floats) -> float:
    return float((scores >= review).any(axis=1).mean())


def learn(
    examples: Sequence[Example],
    ordinary: Mapping[Language, Sequence[str]],
    vocabulary: Vocabulary,
    tell: Callable[[str], None],
) -> Weights:
    """Fits every output to the examples; sets thresholds by the ordinary texts."""
    table = tabulate(examples, vocabulary)
    tell(f"{len(examples)} texts, {table.matrix.nnz} counts")
    fitted: list[Fitted] = []
    for output in OUTPUTS:
        fitted.append(fit(output, examples, table))
        tell(f"{output} is fitted")
    chosen = []
    for number, language in enumerate(LANGUAGES):
        counts, _ = _counted(ordinary[language], vocabulary)
        spoken = _weighed(counts, table.rarity)
        review, block, tail = thresholds(fitted, number, spoken)
        tell(f"{language}: tail {tail:.5f}, review {review}, block {block}")
        chosen.append((review, block))
    scale = np.array([np.abs(each.weights).max() / 127 for each in fitted], np.float32)
    steps = [np.round(each.weights / step) for each, step in zip(fitted, scale, strict=True)]
    return Weights(
        OUTPUTS,
        np.stack(steps, axis=1).astype(np.int8),
        scale,
        np.array([each.bias for each in fitted], np.float32),
        table.rarity,
        np.stack([each.slope for each in fitted], axis=1),
        np.stack([each.offset for each in fitted], axis=1),
        np.stack([review for review, _ in chosen]),
        np.stack([block for _, block in chosen]),
        learnt="",
    )


def _regression(strength: float) -> LogisticRegression:
    # The dual problem is solved in a tenth of the time where buckets are more than texts.
    return LogisticRegression(
        C=strength, solver="liblinear", dual=True, tol=0.01, max_iter=200, random_state=0
    )
