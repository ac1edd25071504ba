"""How far what the network tells is from what was seen and said."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.motion.network import Told
from training.motion.shapes import PLACES

UPPER, LOWER = PLACES.index(13), PLACES.index(14)
_LEFT, _RIGHT = PLACES.index(61), PLACES.index(291)
_SURE = 1e-4
_MISSED = 3.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Stretches of examples, as tensors [batch, steps, ...]; NaN and -1: not known."""

    steps: Tensor
    shapes: Tensor
    gates: Tensor
    phonemes: Tensor
    lips: Tensor


def spoken_loss(told: Told, batch: Batch) -> Tensor:
    """For speech of our own: its phonemes, its gates and the curves that it is drawn with."""
    shapes = _masked_mean((told.shapes - torch.nan_to_num(batch.shapes)) ** 2, batch.shapes)
    return 4.0 * shapes + heard_loss(told, batch)


def heard_loss(told: Told, batch: Batch) -> Tensor:
    """Of what is heard alone: phonemes and gates."""
    phonemes = torch.nn.functional.cross_entropy(
        told.phonemes.flatten(0, 1), batch.phonemes.flatten(), ignore_index=-1
    )
    return phonemes + 2.0 * gates_loss(told, batch)


def gates_loss(told: Told, batch: Batch) -> Tensor:
    """Of shut and bitten lips and the tongue, which are rare: one that is missed counts more than
    one too many."""
    gates = torch.nn.functional.binary_cross_entropy_with_logits(
        told.gates,
        torch.nan_to_num(batch.gates).clamp(0.0, 1.0),
        reduction="none",
        pos_weight=torch.tensor(_MISSED),
    )
    return _masked_mean(gates, batch.gates)


def filmed_loss(told: Told, batch: Batch, moves: Tensor, weights: Tensor) -> Tensor:
    """For people who were filmed: where their lips are, and that these move alike.

    `moves` [7, 45, 2] says what the shapes do, `weights` [45, 2] how much each place counts.
    """
    lips = torch.einsum("bsk,kpd->bspd", told.shapes, moves)
    off = (lips - torch.nan_to_num(batch.lips)) ** 2 * weights
    places = _masked_mean(off, batch.lips) * 400.0
    shapes = _masked_mean((told.shapes - torch.nan_to_num(batch.shapes)) ** 2, batch.shapes)
    opening = _unlike(_gap(lips), _gap(batch.lips))
    width = _unlike(_width(lips), _width(batch.lips))
    below = torch.relu(-told.shapes).mean()
    return places + 0.5 * shapes + opening + 0.3 * width + below


def _gap(lips: Tensor) -> Tensor:
    return lips[..., LOWER, 1] - lips[..., UPPER, 1]


def _width(lips: Tensor) -> Tensor:
    return lips[..., _RIGHT, 0] - lips[..., _LEFT, 0]


def _masked_mean(values: Tensor, known: Tensor) -> Tensor:
    sure = ~torch.isnan(known)
    return torch.where(sure, values, 0.0).sum() / sure.sum().clamp(min=1)


def _unlike(told: Tensor, seen: Tensor) -> Tensor:
    """1 minus the concordance of curves [batch, steps], mean over the batch."""
    sure = ~torch.isnan(seen)
    count = sure.sum(dim=1).clamp(min=1)

    def mean(values: Tensor) -> Tensor:
        return torch.where(sure, values, 0.0).sum(dim=1) / count

    seen = torch.nan_to_num(seen)
    told_mean, seen_mean = mean(told), mean(seen)
    told_off, seen_off = told - told_mean[:, None], seen - seen_mean[:, None]
    both = mean(told_off * seen_off)
    apart = (told_mean - seen_mean) ** 2
    spread = mean(told_off**2) + mean(seen_off**2) + apart + _SURE
    return (1.0 - 2.0 * both / spread).mean()
