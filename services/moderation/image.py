"""Judges pictures: by models, by what is written in them, and portraits by the faces they show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.common.image import decode_image
from services.moderation.faces import FaceReader, Faces
from services.moderation.image_model import ImageModel, Score, Thresholds
from services.moderation.ocr import PictureText, TextReader
from services.moderation.policy import NO_POLICY, Policy, UncoveredRule
from services.moderation.text import TextJudge
from services.moderation.verdict import (
    Finding,
    FindingSource,
    Label,
    Suggestion,
    Verdict,
    verdict_on,
)

_IN_PICTURE = "text"
"""The finer name of what is found in text."""


class Purpose(StrEnum):
    """What a picture is for."""

    UNKNOWN = "unknown"
    PORTRAIT = "portrait"
    BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class ImageEvidence:
    """What was seen in a picture, before any rule."""

    purpose: Purpose
    evaluated: frozenset[Label]
    scores: tuple[Score, ...]
    text: PictureText
    faces: Faces | None
    """None of a background: nobody looked for them."""


class ImageJudge:
    """Judges pictures; threads may share it."""

    def __init__(
        self,
        models: Sequence[ImageModel],
        reader: TextReader,
        faces: FaceReader,
        texts: TextJudge,
    ) -> None:
        self._models = models
        self._reader = reader
        self._faces = faces
        self._texts = texts
        versions = [*(model.version for model in models), reader.version, faces.version]
        self.policy_version = "+".join([*versions, texts.policy_version])

    def check(self, data: bytes, purpose: Purpose, policy: Policy = NO_POLICY) -> Verdict:
        """The verdict on an image file; raises ImageUndecodable, ImageTooLarge."""
        return self.judge(self.examine(data, purpose), policy)

    def examine(self, data: bytes, purpose: Purpose) -> ImageEvidence:
        """All that is seen in an image file; raises ImageUndecodable, ImageTooLarge."""
        picture = decode_image(data)
        faces = None if purpose is Purpose.BACKGROUND else self._faces.look(picture)
        return ImageEvidence(
            purpose,
            frozenset().union(*(model.labels for model in self._models)),
            tuple(score for model in self._models for score in model.scores(picture)),
            self._reader.read(picture),
            faces,
        )

    def judge(self, evidence: ImageEvidence, policy: Policy = NO_POLICY) -> Verdict:
        """What follows from what was seen, by an account's policy.

        Whether a portrait passes for what no model covers is decided by the faces it shows, unless
        the policy says otherwise. A text that can't be read whole is for a person to decide,
        whatever the picture is for.
        """
        written = list(self._readings(evidence.text, policy))
        scores = list(evidence.scores)
        findings: list[Finding | None] = []
        evaluated = set(evidence.evaluated)
        if evidence.faces is not None:
            scores.append(evidence.faces.minor)
            evaluated.add(Label.MINOR)
            if evidence.purpose is Purpose.PORTRAIT:
                findings.append(_uncovered(evidence.faces, policy.uncovered))
                evaluated.add(Label.PORTRAIT)
        findings += (score.finding(_thresholds(score, policy)) for score in scores)
        unread = not evidence.text.is_whole or any(
            verdict.suggestion is Suggestion.REVIEW for verdict in written
        )
        return verdict_on(
            [*policy.ruled(filter(None, findings)), *_found_in(written)],
            evaluated=evaluated,
            policy_version=policy.named(self.policy_version),
            otherwise=Suggestion.REVIEW if unread else Suggestion.PASS,
        )

    def _readings(self, text: PictureText, policy: Policy) -> Iterator[Verdict]:
        """On the lines as they stand, and on a text that was broken into them."""
        for joint in ("\n", " ") if len(text.lines) > 1 else (" ",) if text.lines else ():
            yield self._texts.judge(joint.join(text.lines), policy=policy)


def _found_in(verdicts: Sequence[Verdict]) -> Iterator[Finding]:
    """Of each label the worst finding, without a place: nobody sent the text."""
    worst: dict[Label, Finding] = {}
    for found in (found for verdict in verdicts for found in verdict.findings):
        known = worst.get(found.label)
        if known is None or (found.suggestion, found.score) > (known.suggestion, known.score):
            worst[found.label] = found
    for found in worst.values():
        yield replace(found, spans=(), sub_label=_IN_PICTURE)


def _thresholds(score: Score, policy: Policy) -> Thresholds:
    own = score.thresholds
    return Thresholds(*policy.thresholds(score.label, own.review, own.block))


def _uncovered(faces: Faces, rule: UncoveredRule) -> Finding | None:
    """What a portrait's faces ask for, for all that no model looks for."""
    if rule is UncoveredRule.REVIEW:
        sub_label = "not_covered"
    elif rule is UncoveredRule.PASS or faces.subjects == 1:
        return None
    else:
        sub_label = "several_faces" if faces.subjects else "no_clear_face"
    return Finding(Label.PORTRAIT, Suggestion.REVIEW, 1.0, FindingSource.MODEL, sub_label=sub_label)
