"""Fits one linear classifier a label and one of any harm; calibrates them and sets thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
_STRENGTH = 2.0
_COMMONEST = 9.0
_PLAIN_SOURCES = frozenset({"ours", "neutral", "davidson"})
"""Harmless texts by whose false alarms thresholds are set."""
_REVIEW_ALARMS = 0.01
_BLOCK_ALARMS = 0.0005
_LEAST_REVIEW, _NEVER = 0.99, 1.01
"""REVIEW stops what nobody reviews, so only what is next to certain gets it."""
_LEFT_TO_LISTS = {
    Language.ENGLISH: frozenset({ANY, Label.TERRORISM, Label.VIOLENCE, Label.GAMBLING}),
    Language.CHINESE: frozenset({Label.VIOLENCE}),
}
"""Outputs that are sure of harm in ordinary text too: chess, kitchens, gardens, what is denied."""
_LEAST_BLOCK = 0.9


@dataclass(frozen=True, slots=True)
class Table:
    """The examples as counts, and which of them are Chinese."""

    matrix: csr_matrix
    rarity: NDArray[np.uint8]
    is_chinese: Flags


@dataclass(frozen=True, slots=True)
class Fitted:
    """An output's weights, and of each language its calibration and thresholds."""

    weights: Floats
    bias: float
    slope: Floats
    offset: Floats
    review: Floats
    block: Floats


def tabulate(examples: Sequence[Example], vocabulary: Vocabulary) -> Table:
    """Counts every example, weighed by how rare a bucket is."""
    readings = [Reading(example.text, vocabulary) for example in examples]
    texts = [(each.words.text, each.ideographs.text) for each in readings]
    met = np.concatenate([count(*each).buckets for each in texts])
    rarity = np.log((1 + len(examples)) / (1 + np.bincount(met, minlength=BUCKETS))) + 1
    kept = np.clip(np.round(rarity / _COMMONEST * 255), 1, 255).astype(np.uint8)
    counts = [count(*each, whole_rarity(kept)) for each in texts]
    starts = np.cumsum([0, *(len(each.buckets) for each in counts)])
    matrix = csr_matrix(
        (
            np.concatenate([each.weights for each in counts]),
            np.concatenate([each.buckets for each in counts]),
            starts,
        ),
        shape=(len(examples), BUCKETS),
    )
    return Table(matrix, kept, np.array([is_chinese(han) for _, han in texts]))


def fit(output: str, examples: Sequence[Example], table: Table) -> Fitted:
    """Fits an output to all examples that tell of it.

    Calibration and thresholds come from classifiers that have not learnt from a text, nor from
    another of the same template.
    """
    known = np.array([output == ANY or output in each.known for each in examples])
    is_harm = np.array(
        [bool(each.labels) if output == ANY else output in each.labels for each in examples]
    )
    weights = np.array([_weight(each, output) for each in examples], np.float32)
    fold = np.array([fingerprint(each.kin or each.text) // 7 % _FOLDS for each in examples])

    def learnt(chosen: Flags) -> LogisticRegression:
        return _regression(_STRENGTH).fit(
            table.matrix[chosen], is_harm[chosen], sample_weight=weights[chosen]
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
    by_language = [
        _calibrated(
            sums,
            is_harm,
            known & (table.is_chinese == (language is Language.CHINESE)),
            plain,
            weights,
            _NEVER if output in _LEFT_TO_LISTS[language] else _LEAST_REVIEW,
        )
        for language in LANGUAGES
    ]
    slope, offset, review, block = np.array(by_language, np.float32).T
    bias = float(final.intercept_[0])
    return Fitted(final.coef_[0].astype(np.float32), bias, slope, offset, review, block)


def _calibrated(
    sums: NDArray[np.float64],
    is_harm: Flags,
    known: Flags,
    plain: Flags,
    weights: Floats,
    least: float,
) -> tuple[float, float, float, float]:
    """Slope, offset and both thresholds of a language."""
    model = _regression(100.0).fit(sums[known, None], is_harm[known], sample_weight=weights[known])
    slope, offset = float(model.coef_[0, 0]), float(model.intercept_[0])
    alarms = 1 / (1 + np.exp(-(slope * sums[known & plain] + offset)))
    review = max(least, float(np.quantile(alarms, 1 - _REVIEW_ALARMS)))
    block = max(_LEAST_BLOCK, review, float(np.quantile(alarms, 1 - _BLOCK_ALARMS)))
    return slope, offset, review, block


def _weight(example: Example, output: str) -> float:
    """Tweets and COLD are many, and all of one kind."""
    if output != ANY or example.source not in {"cold", "davidson"}:
        return 1.0
    return 0.3


def learn(
    examples: Sequence[Example], vocabulary: Vocabulary, tell: Callable[[str], None]
) -> Weights:
    """Fits every output."""
    table = tabulate(examples, vocabulary)
    tell(f"{len(examples)} texts, {table.matrix.nnz} counts")
    fitted: list[Fitted] = []
    for output in OUTPUTS:
        fitted.append(fit(output, examples, table))
        tell(f"{output}: review {fitted[-1].review}, block {fitted[-1].block}")
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
        np.stack([each.review for each in fitted], axis=1),
        np.stack([each.block for each in fitted], axis=1),
        learnt="",
    )


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, solver="liblinear", max_iter=200, random_state=0)
