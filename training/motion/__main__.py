"""Trains the network that moves mouths by sound; docs/face.md says how well.

python -m training.motion.speech --minutes 8 --seed 1
python -m training.motion.shapes --portraits a.jpg b.jpg
python -m training.motion hear
python -m training.motion align --clips clips more_clips
python -m training.motion check --clips clips more_clips
python -m training.motion finish --clips clips more_clips

`hear` learns what our own voices say. `align` finds how late the mouths are in clips of which
nobody has noted it. `check` learns from all clips but some, in turns, and tells how well those are
followed that were left out; their networks are kept in `held_out` for `python -m eval.face`.
`finish` learns from all of them and writes the ONNX file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from eval.face.clips import Clip, load_clips
from eval.face.phonemes import HamaRecogniser
from eval.face.tracking import Tracker
from training.motion.examples import Example, Filmed, filmed, filmed_example, spoken_example
from training.motion.judging import Judged, judged, table, told_opening
from training.motion.learning import Plan, learn_to_hear, learn_to_mouth
from training.motion.network import new_network
from training.motion.shapes import Shapes
from training.motion.sound import altered, plain
from training.motion.speech import load_speech
from training.motion.steps import save_steps

_FULL_SCALE = 32768.0
_TAKES = 4
_SURE_R, _LEAST_STD = 0.35, 0.02


def show(line: str) -> None:
    """Prints at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def spoken_examples(folder: Path, takes: int, seed: int) -> list[Example]:
    """Our own speech: as it is, and so many times altered."""
    chance = np.random.default_rng(seed)
    examples = []
    for number, utterance in enumerate(load_speech(folder)):
        sound = utterance.samples.astype(np.float32) / _FULL_SCALE
        for take in range(takes):
            heard = altered(sound, chance) if take or number % 4 else plain(sound)
            examples.append(spoken_example(str(number), utterance, heard))
    return examples


def filmed_examples(people: Sequence[Filmed], takes: int, seed: int) -> list[Example]:
    """Filmed people: as they are, and so many times altered."""
    chance = np.random.default_rng(seed)
    return [
        filmed_example(person, altered(person.sound, chance) if take else plain(person.sound))
        for person in people
        for take in range(takes + 1)
    ]


def load_people(
    folders: Sequence[Path], home: Path, shapes: Shapes, offsets_s: dict[str, float]
) -> list[Filmed]:
    """Who speaks in the clips of some folders; `offsets_s` says what the clips' notes do not."""
    tracker, recogniser = Tracker(home), HamaRecogniser()
    clips = [clip for folder in folders for clip in load_clips(folder)]
    return [
        filmed(clip, tracker.clip(clip), shapes, _offset_s(clip, offsets_s), recogniser)
        for clip in clips
        if clip.leave_out is None and len(clip.sound)
    ]


def _offset_s(clip: Clip, offsets_s: dict[str, float]) -> float:
    return offsets_s.get(clip.name, 0.0) if clip.offset_s is None else clip.offset_s


def checked(
    network: nn.ModuleDict, unseen: Sequence[Filmed], shapes: Shapes, into: Path
) -> list[Judged]:
    """How a network follows clips that it has not learnt from; it is kept for each of them."""
    rows = [judged(*told_opening(network, person, shapes), person) for person in unseen]
    for row in rows:
        show(f"{row}")
        save_steps(network, 1.0, into / f"{row.name}.onnx")
    return rows


def keep_rows(path: Path, rows: Sequence[Judged]) -> None:
    """Adds rows to a file, in place of older ones of the same clips."""
    kept = {row.name: row for row in [*kept_rows(path), *rows]}
    path.write_text(json.dumps([asdict(row) for row in kept.values()], indent=1))


def kept_rows(path: Path) -> list[Judged]:
    """The rows of a file; none where there is no file."""
    return [Judged(**row) for row in json.loads(path.read_text())] if path.is_file() else []


def save(network: nn.ModuleDict, path: Path) -> None:
    """Writes a network's weights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)


def load(path: Path) -> nn.ModuleDict:
    """Reads what `save` wrote."""
    network = new_network(0)
    network.load_state_dict(torch.load(path, weights_only=True))
    return network


def aligned(
    known: nn.ModuleDict,
    people: Sequence[Filmed],
    trusted: set[str],
    spoken: Sequence[Example],
    shapes: Shapes,
    plan: Plan,
) -> dict[str, float]:
    """How late the mouths are, seconds, in clips that are not among the trusted ones.

    Clips that hardly correlate with their sound at any lag are left out of it.
    """
    sure = [person for person in people if person.name in trusted]
    network = learn_to_mouth(known, filmed_examples(sure, _TAKES, 0), spoken, shapes, plan)
    found = {}
    for person in people:
        row = judged(*told_opening(network, person, shapes), person)
        show(f"{'trusted' if person.name in trusted else 'new'}: {row}")
        moving = float(person.opening.std()) > _LEAST_STD
        if person.name not in trusted and moving and row.best_r > _SURE_R:
            found[person.name] = -row.lag_ms / 1000.0
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="training.motion")
    parser.add_argument("command", choices=("hear", "align", "check", "finish"))
    parser.add_argument("--work", type=Path, default=Path("out/motion"))
    parser.add_argument("--home", type=Path, default=Path(".vultus"))
    parser.add_argument("--clips", type=Path, nargs="*", default=[])
    parser.add_argument("--updates", type=int, default=300)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", type=int, nargs="*", help="the folds to do now")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gain", type=float, default=1.0)
    parser.add_argument("--again", action="store_true", help="go on from what is learnt")
    parser.add_argument("--into", type=Path, default=Path("services/lipsync/motion/mouth.onnx"))
    return parser.parse_args()


def main() -> None:
    """Runs one command."""
    options = _options()
    torch.set_num_threads(options.threads)
    plan = Plan(options.updates, options.batch, options.rate, seed=options.seed)
    spoken = spoken_examples(
        options.work / "speech", 2 if options.command == "hear" else 1, options.seed
    )
    show(f"{sum(len(example.steps) for example in spoken) / 3000:.1f} minutes of speech")
    heard = options.work / "hear.pt"
    if options.command == "hear":
        network = load(heard) if options.again else new_network(plan.seed)

        def keep(error: float) -> None:
            save(network, heard)
            show(f"{error:.3f}")

        learn_to_hear(network, spoken, plan, keep)
        return
    shapes = Shapes.load(options.work / "shapes.npz")
    offsets = options.work / "offsets.json"
    known = json.loads(offsets.read_text()) if offsets.is_file() else {}
    people = load_people(options.clips, options.home, shapes, known)
    in_step = [person for person in people if person.noted or person.name in known]
    match options.command:
        case "align":
            trusted = {person.name for person in people if person.noted}
            found = aligned(load(heard), people, trusted | set(known), spoken, shapes, plan)
            offsets.write_text(json.dumps(known | found, indent=1))
        case "check":
            rows = options.work / "checked.json"
            noted = [person for person in in_step if person.noted]
            for fold in options.only or range(options.folds):
                unseen = noted[fold :: options.folds]
                names = {person.name for person in unseen}
                seen = [person for person in in_step if person.name not in names]
                takes = filmed_examples(seen, _TAKES, fold)
                network = learn_to_mouth(load(heard), takes, spoken, shapes, plan)
                keep_rows(rows, checked(network, unseen, shapes, options.work / "held_out"))
            show(table(kept_rows(rows)))
        case _:
            takes = filmed_examples(in_step, _TAKES, options.seed)
            network = learn_to_mouth(load(heard), takes, spoken, shapes, plan)
            save(network, options.work / "mouth.pt")
            save_steps(network, options.gain, options.into)


if __name__ == "__main__":
    main()
