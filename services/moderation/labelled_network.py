"""An operator's own model for pictures: a folder with `model.onnx` and `labels.toml`.

A zero-shot model of the kind of CLIP fits when it is exported with its prompts, as does any
classifier: a picture in, one number for each prompt or class out.

    name = "weapons"                  # in every verdict's policy_version
    side = 224                        # the picture is squeezed to side x side pixels
    mean = [0.481, 0.458, 0.408]      # of red, green, blue, 0 to 1
    std = [0.269, 0.261, 0.276]
    activation = "softmax"            # over all outputs; "sigmoid": each; "none": they are scores

    [[output]]                        # one for each of the network's numbers, in their order
    label = "violence"
    sub_label = "gore"
    review = 0.5                      # from here on a person decides
    block = 0.9                       # from here on it is refused; left out: never

    [[output]]                        # what is harmless has no label

The network takes float [1, 3, side, side] and gives float [1, outputs].
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.common.errors import StartupError
from services.common.models import sha256_of
from services.common.onnx import Network, open_network
from services.common.pixels import resized
from services.moderation.image_model import Picture, Score, Thresholds
from services.moderation.verdict import HARMS, Label

_NETWORK, _LABELS = "model.onnx", "labels.toml"
_RUNTIME_ERRORS = (
    ort.Fail,
    ort.InvalidArgument,
    ort.InvalidGraph,
    ort.InvalidProtobuf,
    ort.NotImplemented,
    ort.RuntimeException,
)
_Share = Annotated[float, Field(ge=0, le=1)]
_Colour = tuple[float, float, float]


class ImageModelFaulty(StartupError):
    """An operator's model can't be used; the message names the file and what is wrong."""


class _Output(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: Label | None = None
    sub_label: str = ""
    review: _Share | None = None
    block: _Share | None = None

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.label is not None and self.label not in HARMS:
            raise ValueError(f"label must be one of {', '.join(HARMS)}")
        if (self.label is None) != (self.review is None):
            raise ValueError("label and review must be given together")
        if self.block is not None and (self.review is None or self.block < self.review):
            raise ValueError("block must not be under review")
        return self

    @property
    def thresholds(self) -> Thresholds:
        """Of an output without a label: never anything."""
        review, block = self.review, self.block
        return Thresholds(
            math.inf if review is None else review, math.inf if block is None else block
        )


class Labels(BaseModel):
    """What `labels.toml` says."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern="^[a-z0-9-]{1,40}$")
    side: int = Field(ge=16, le=1024)
    mean: _Colour = (0.0, 0.0, 0.0)
    std: _Colour = (1.0, 1.0, 1.0)
    activation: Literal["softmax", "sigmoid", "none"] = "none"
    output: tuple[_Output, ...] = Field(min_length=1)


class LabelledNetwork:
    """A network whose outputs are labels' scores; threads may share it."""

    def __init__(self, network: Network, labels: Labels, version: str) -> None:
        self._network = network
        self._labels = labels
        self.version = version
        self.labels = frozenset(each.label for each in labels.output if each.label is not None)

    def scores(self, picture: Picture) -> Sequence[Score]:
        """One for each output that has a label."""
        values = self.values(picture)
        return [
            Score(each.label, each.sub_label, float(value), each.thresholds)
            for each, value in zip(self._labels.output, values, strict=True)
            if each.label is not None
        ]

    def values(self, picture: Picture) -> NDArray[np.float32]:
        """What the network says [outputs], after the activation."""
        side = self._labels.side
        squeezed = resized(picture, side, side).astype(np.float32) / 255.0
        mean, std = (np.array(each, np.float32) for each in (self._labels.mean, self._labels.std))
        image = (squeezed - mean) / std
        outputs = next(iter(self._network(image.transpose(2, 0, 1)[np.newaxis]).values()))
        return _activated(outputs.reshape(-1), self._labels.activation)


def _activated(values: NDArray[np.float32], activation: str) -> NDArray[np.float32]:
    if activation == "softmax":
        powers = np.exp(values - values.max())
        return np.asarray(powers / powers.sum(), np.float32)
    if activation == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -80, 80))), np.float32)
    return values


def open_labelled_network(folder: Path, providers: Sequence[str]) -> LabelledNetwork:
    """The model in a folder, tried once. Raises ImageModelFaulty, ProviderMissing."""
    labels = _read_labels(folder / _LABELS)
    digest = sha256_of(folder / _NETWORK)
    if digest is None:
        raise ImageModelFaulty(f"{folder / _NETWORK} is missing")
    thresholds = ",".join(str(each.thresholds) for each in labels.output if each.label)
    version = f"{labels.name}-{digest[:8]}@{thresholds}"
    try:
        network = open_network(folder / _NETWORK, providers)
        model = LabelledNetwork(network, labels, version)
        found = model.values(np.zeros((labels.side, labels.side, 3), np.uint8)).size
    except _RUNTIME_ERRORS as error:
        raise ImageModelFaulty(f"{folder / _NETWORK} can't be run: {error}") from error
    if found != len(labels.output):
        raise ImageModelFaulty(
            f"{folder / _LABELS} describes {len(labels.output)} outputs; the network has {found}"
        )
    return model


def _read_labels(path: Path) -> Labels:
    try:
        return Labels.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ImageModelFaulty(f"{path} can't be read: {error}") from error
    except (ValidationError, ValueError) as error:
        raise ImageModelFaulty(f"{path} is not sound: {error}") from error
