"""The network from steps of sound to mouth shapes: a dense layer, two GRUs, heads."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from services.lipsync.motion.spectrum import BANDS
from training.motion.examples import GATES, PHONEMES
from training.motion.shapes import FITTED

WIDTH = 128
LAYERS = 2
SPAN = 3
"""Steps that the first layer sees: the newest and those before it."""
STEP_VALUES = 2 * BANDS


@dataclass(frozen=True, slots=True)
class Told:
    """What the network says of each step [batch, steps, ...]."""

    shapes: Tensor
    gates: Tensor
    """Logits."""
    phonemes: Tensor
    """Logits."""


def new_network(seed: int) -> nn.ModuleDict:
    """An untrained network."""
    torch.manual_seed(seed)
    return nn.ModuleDict(
        {
            "front": nn.Linear(SPAN * STEP_VALUES, WIDTH),
            "memory": nn.GRU(WIDTH, WIDTH, LAYERS, batch_first=True),
            "shapes": nn.Linear(WIDTH, len(FITTED)),
            "gates": nn.Linear(WIDTH, len(GATES)),
            "phonemes": nn.Linear(WIDTH, len(PHONEMES)),
        }
    )


def run(network: nn.ModuleDict, steps: Tensor, dropout: float = 0.0) -> Told:
    """What is told of sounds [batch, steps, STEP_VALUES], each from its beginning."""
    before = nn.functional.pad(steps, (0, 0, SPAN - 1, 0))
    count = steps.shape[1]
    seen = torch.cat([before[:, n : n + count] for n in range(SPAN)], dim=-1)
    first = torch.relu(network["front"](seen))
    first = nn.functional.dropout(first, dropout, training=dropout > 0.0)
    remembered, _ = network["memory"](first)
    remembered = nn.functional.dropout(remembered, dropout, training=dropout > 0.0)
    return Told(
        network["shapes"](remembered),
        network["gates"](remembered),
        network["phonemes"](remembered),
    )
