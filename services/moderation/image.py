"""Judges pictures by a network that was trained to tell nudity and sex (Yahoo's Open NSFW)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from services.common.image import decode_image
from services.common.onnx import Network
from services.moderation.verdict import (
    Finding,
    FindingSource,
    Label,
    Suggestion,
    Verdict,
    verdict_on,
)

_SIDE, _CROP = 256, 224
_MEAN_BGR = np.array([104.0, 117.0, 123.0], np.float32)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which score on a person has to decide, and from which a picture is refused."""

    review: float
    block: float

    def suggestion(self, score: float) -> Suggestion:
        """What a score asks for; a score that is no number asks for a person."""
        if score >= self.block:
            return Suggestion.BLOCK
        return Suggestion.PASS if score < self.review else Suggestion.REVIEW


class ImageJudge:
    """Judges pictures; threads may share it."""

    def __init__(self, network: Network, thresholds: Thresholds, model_version: str) -> None:
        self._network = network
        self._thresholds = thresholds
        self.policy_version = f"{model_version}@{thresholds.review:g}/{thresholds.block:g}"

    def judge(self, data: bytes) -> Verdict:
        """The verdict on an image file; raises ImageUndecodable, ImageTooLarge."""
        score = self._score(decode_image(data))
        suggestion = self._thresholds.suggestion(score)
        findings = (
            Finding(Label.SEXUAL, suggestion, score, FindingSource.MODEL, sub_label="nudity"),
        )
        return verdict_on(
            () if suggestion is Suggestion.PASS else findings,
            evaluated=(Label.SEXUAL,),
            policy_version=self.policy_version,
        )

    def _score(self, picture: NDArray[np.uint8]) -> float:
        (outputs,) = self._network(network_input(picture)).values()
        return float(outputs[0, 1])


def network_input(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The middle of a picture, RGB [h, w, 3], squeezed into a square: what the network knows."""
    edge = (_SIDE - _CROP) // 2
    squeezed = Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    middle = squeezed.crop((edge, edge, edge + _CROP, edge + _CROP))
    bgr = np.asarray(middle, np.float32)[:, :, ::-1]
    return np.ascontiguousarray((bgr - _MEAN_BGR)[np.newaxis])
