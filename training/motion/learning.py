"""Teaches the network: first what is said, from our own voices; then how people's mouths say it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training.motion.examples import Example, weights
from training.motion.losses import Batch, filmed_loss, gates_loss, heard_loss, spoken_loss
from training.motion.network import run
from training.motion.shapes import Shapes

_STRETCH = 200
"""Steps of an example in a batch."""
_KEPT_EVERY = 25
_MASKS, _MASKED_BANDS, _JITTER = 2, 14, 0.25


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train."""

    updates: int
    batch: int = 24
    rate: float = 2e-3
    dropout: float = 0.2
    decay: float = 1e-3
    seed: int = 1


def learn_to_hear(
    network: nn.ModuleDict, spoken: Sequence[Example], plan: Plan, keep: Callable[[float], None]
) -> None:
    """Teaches a network what our own voices say.

    `keep` is called every so often with the mean error since it was called last.
    """
    batches = _batches(spoken, plan.batch, np.random.default_rng(plan.seed))
    errors = []
    for step in _updates(network, plan):
        batch = next(batches)
        loss = spoken_loss(run(network, batch.steps, plan.dropout), batch)
        step(loss)
        errors.append(float(loss.detach()))
        if len(errors) == _KEPT_EVERY:
            keep(float(np.mean(errors)))
            errors.clear()


def learn_to_mouth(
    known: nn.ModuleDict,
    people: Sequence[Example],
    spoken: Sequence[Example],
    shapes: Shapes,
    plan: Plan,
) -> nn.ModuleDict:
    """A copy of a network that moves the mouth as filmed people do, and still hears."""
    network = copy.deepcopy(known)
    chance = np.random.default_rng(plan.seed + 1)
    torch.manual_seed(plan.seed + 1)
    filmed, heard = _batches(people, plan.batch, chance), _batches(spoken, plan.batch // 2, chance)
    moves = torch.tensor(shapes.moves, dtype=torch.float32)
    counts = torch.tensor(weights(), dtype=torch.float32)
    for step in _updates(network, plan):
        seen, said = next(filmed), next(heard)
        told = run(network, seen.steps, plan.dropout)
        loss = filmed_loss(told, seen, moves, counts) + gates_loss(told, seen)
        told = run(network, said.steps, plan.dropout)
        step(loss + 0.5 * heard_loss(told, said) + _at_rest(told.shapes, said))
    return network


def _at_rest(shapes: Tensor, batch: Batch) -> Tensor:
    """What is left of the shapes where our own voices are silent, and drawn so."""
    silent = (batch.shapes.abs().sum(dim=-1) < 1e-3)[..., None]
    return torch.where(silent, shapes**2, 0.0).sum() / silent.sum().clamp(min=1)


def _updates(network: nn.ModuleDict, plan: Plan) -> Iterator[_Step]:
    optimiser = torch.optim.AdamW(network.parameters(), plan.rate, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.rate, total_steps=plan.updates, pct_start=0.15
    )
    for _ in range(plan.updates):
        yield _Step(network, optimiser)
        schedule.step()


@dataclass(frozen=True, slots=True)
class _Step:
    """Takes one step down a loss."""

    network: nn.ModuleDict
    optimiser: torch.optim.Optimizer

    def __call__(self, loss: Tensor) -> None:
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()


def _batches(
    examples: Sequence[Example], size: int, chance: np.random.Generator
) -> Iterator[Batch]:
    """Stretches of examples at random, without end; half of them from the beginning."""
    lengths = np.array([len(example.steps) for example in examples], np.float64)
    shares = lengths / lengths.sum()
    while True:
        chosen = [examples[n] for n in chance.choice(len(examples), size, p=shares)]
        starts = [
            int(chance.integers(max(1, len(example.steps) - _STRETCH + 1)))
            if chance.random() < 0.6
            else 0
            for example in chosen
        ]
        pairs = list(zip(chosen, starts, strict=True))
        yield Batch(
            torch.stack([_masked(_part(e.steps, at, -1.0), chance) for e, at in pairs]),
            torch.stack([_part(e.shapes, at, np.nan) for e, at in pairs]),
            torch.stack([_part(e.gates, at, np.nan) for e, at in pairs]),
            torch.stack([_part(e.phonemes, at, -1) for e, at in pairs]),
            torch.stack([_part(e.lips, at, np.nan) for e, at in pairs]),
        )


def _part(rows: np.ndarray, at: int, missing: float) -> Tensor:
    part = rows[at : at + _STRETCH]
    if len(part) < _STRETCH:
        lacking = np.full((_STRETCH - len(part), *rows.shape[1:]), missing, rows.dtype)
        part = np.concatenate([part, lacking])
    return torch.from_numpy(np.ascontiguousarray(part))


def _masked(steps: Tensor, chance: np.random.Generator) -> Tensor:
    """The steps with some bands away and all a little louder or softer."""
    bands = steps.reshape(len(steps), 2, -1).clone()
    bands += float(chance.normal(0.0, _JITTER))
    for _ in range(_MASKS):
        width = int(chance.integers(1, _MASKED_BANDS))
        low = int(chance.integers(bands.shape[-1] - width))
        bands[..., low : low + width] = 0.0
    return bands.reshape(len(steps), -1)
