"""What models say of pictures: the port for all of them, and Open NSFW (Yahoo, 2016) behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from services.common.onnx import Network
from services.moderation.verdict import Finding, FindingSource, Label, Suggestion

Picture = NDArray[np.uint8]
"""RGB [h, w, 3]."""

_SIDE, _CROP = 256, 224
_MEAN_BGR = np.array([104.0, 117.0, 123.0], np.float32)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which score on a person has to decide, and from which a picture is refused."""

    review: float
    block: float = math.inf
    """Infinite: never."""

    def suggestion(self, score: float) -> Suggestion:
        """What a score asks for; a score that is no number asks for a person."""
        if score >= self.block:
            return Suggestion.BLOCK
        return Suggestion.PASS if score < self.review else Suggestion.REVIEW

    def __str__(self) -> str:
        return f"{self.review:g}/{self.block:g}"


@dataclass(frozen=True, slots=True)
class Score:
    """How likely a picture shows something, and what the service by itself makes of that."""

    label: Label
    sub_label: str
    value: float
    """0 to 1."""
    thresholds: Thresholds

    def finding(self, thresholds: Thresholds) -> Finding | None:
        """What follows; None when nothing does."""
        suggestion = thresholds.suggestion(self.value)
        if suggestion is Suggestion.PASS:
            return None
        return Finding(
            self.label, suggestion, self.value, FindingSource.MODEL, sub_label=self.sub_label
        )


class ImageModel(Protocol):
    """Looks for some kinds of harm in pictures; threads may share it."""

    @property
    def version(self) -> str:
        """Names the model, its weights and its thresholds."""
        ...

    @property
    def labels(self) -> frozenset[Label]:
        """What it looks for."""
        ...

    def scores(self, picture: Picture) -> Sequence[Score]:
        """One for each thing it knows."""
        ...


class OpenNsfw:
    """Nudity and sex."""

    labels = frozenset({Label.SEXUAL})

    def __init__(self, network: Network, thresholds: Thresholds, model_version: str) -> None:
        self._network = network
        self._thresholds = thresholds
        self.version = f"{model_version}@{thresholds}"

    def scores(self, picture: Picture) -> Sequence[Score]:
        """How likely a picture is not safe for work."""
        (outputs,) = self._network(open_nsfw_input(picture)).values()
        return [Score(Label.SEXUAL, "nudity", float(outputs[0, 1]), self._thresholds)]


def open_nsfw_input(picture: Picture) -> NDArray[np.float32]:
    """The middle of a picture squeezed into a square: what Open NSFW knows."""
    edge = (_SIDE - _CROP) // 2
    squeezed = Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    middle = squeezed.crop((edge, edge, edge + _CROP, edge + _CROP))
    bgr = np.asarray(middle, np.float32)[:, :, ::-1]
    return np.ascontiguousarray((bgr - _MEAN_BGR)[np.newaxis])
