"""What the network learns from: steps of sound, and the mouth that belongs to each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from eval.face.clips import Clip
from eval.face.curves import curves
from eval.face.phonemes import PhoneRecogniser, visemes_in
from eval.face.tracking import Track
from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.motion.articulation import BITE, CLOSE, TONGUE
from services.lipsync.motion.loudness import LoudnessTrack
from services.lipsync.motion.spectrum import RATE_HZ
from services.lipsync.visemes import Viseme, VisemeShape
from services.tts.visemes import visemes_of
from training.motion.coarticulation import CoarticulatedMouth
from training.motion.shapes import FITTED, PLACES, Shapes, places_of
from training.motion.sound import STEP, Heard, steps_of
from training.motion.speech import Utterance

STEP_S = STEP / RATE_HZ
DELAY_S = 0.13
"""How long after a moment the sound goes on from which its mouth is told."""
GATES = ("lips_close", "lip_bite", "tongue_up")
PHONEMES = "_" + "bpmfvθðdtkɡgʔhʃʒʤʧʨɕꭧʂszʦʣnlŋɹrɻɾjwɥyiɪeɛəɜɤæaɑɐʌoɔuʊAIOQWYᵊᵻɚɯTɨx"
"""Those that are told apart; the first stands for silence."""

_FITTED = [MOUTH_SHAPES.index(name) for name in FITTED]
_GATES = [CLOSE, BITE, TONGUE]
_LEAD_S = 0.04
"""By how much a mouth drawn from phonemes comes before their sound, as in filmed people."""
_PAUSE_S, _MIN_SEAL_S = 0.06, 0.055
_AFTER_ITS_SOUND = "→↗↓↘ːʲᵝ\u0303ˈˌʰ"
_SILENT_DB, _STILL_HOPS = -38.0, 4
_RIDGE = 0.01
_SURE_PRESENCE = 0.5
_AT_REST = 0.12
"""The share of a clip's pictures, those with the lips closest, that show its rest."""
_USUAL_STD = 0.061
_SCALES = (0.6, 2.0)


@dataclass(frozen=True, slots=True)
class Example:
    """A stretch of sound and its mouth, a row a step. What is not known is NaN, phonemes -1."""

    name: str
    steps: NDArray[np.float32]
    """[n, 2 * BANDS]."""
    shapes: NDArray[np.float32]
    """The coefficients of FITTED [n, 7]."""
    gates: NDArray[np.float32]
    """Those of GATES [n, 3]."""
    phonemes: NDArray[np.int64]
    """Places in PHONEMES [n]."""
    lips: NDArray[np.float32]
    """PLACES against the mouth at rest, inter-ocular distances [n, 45, 2]."""


@dataclass(frozen=True, slots=True)
class Filmed:
    """A person who speaks in a clip."""

    name: str
    noted: bool
    """Whether it was noted how late the mouth is in the file."""
    sound: NDArray[np.float32]
    at_s: NDArray[np.float64]
    """When each picture would be shown, were the clip in step [n]."""
    lips: NDArray[np.float64]
    """PLACES against the mouth at rest, stretched to the usual amplitude [n, 45, 2]."""
    shapes: NDArray[np.float64]
    """The coefficients of FITTED that come closest [n, 7]."""
    opening: NDArray[np.float64]
    """Of the inner lips, unstretched [n]."""
    said: CoarticulatedMouth
    """The sounds that are recognised in it."""


def filmed(
    clip: Clip, track: Track, shapes: Shapes, offset_s: float, recogniser: PhoneRecogniser
) -> Filmed:
    """What a clip shows; `offset_s` says how late the mouth is in it."""
    sure = track.presence > _SURE_PRESENCE
    places = places_of(track.points[sure])
    opening = curves(track).opening[sure]
    closest = opening <= np.quantile(opening, _AT_REST)
    lips = places - np.median(places[closest], axis=0)
    scale = float(np.clip(_USUAL_STD / max(float(opening.std()), 1e-6), *_SCALES))
    lips = lips * scale
    shown = shapes.shown(lips, weights(), _RIDGE)
    noted = clip.offset_s is not None
    said = CoarticulatedMouth(visemes_in(recogniser, clip.sound))
    at_s = track.at_s[sure] - offset_s
    return Filmed(clip.name, noted, clip.sound, at_s, lips, shown, opening, said)


@cache
def weights() -> NDArray[np.float64]:
    """How much each of PLACES counts [45, 2]: the inner lips most, the chin little."""
    counts = np.ones((len(PLACES), 2))
    counts[20:40, 1] = 4.0
    counts[40:] = (0.0, 0.2)
    return counts


def filmed_example(person: Filmed, heard: Heard) -> Example:
    """A clip's sound as it is heard, with the mouth that was filmed."""
    steps = steps_of(heard.samples)
    at_s = told_s(len(steps)) * heard.pace
    known = (at_s >= person.at_s[0]) & (at_s <= person.at_s[-1])

    def read(values: NDArray[np.float64]) -> NDArray[np.float32]:
        flat = values.reshape(len(values), -1)
        columns = [np.interp(at_s, person.at_s, column) for column in flat.T]
        rows = np.stack(columns, axis=-1)
        rows[~known] = np.nan
        return rows.reshape(len(at_s), *values.shape[1:]).astype(np.float32)

    gates = np.stack(
        [person.said.coefficients_at(int((at + _LEAD_S) * 1e6))[_GATES] for at in at_s]
    )
    phonemes = np.full(len(steps), -1, np.int64)
    return Example(person.name, steps, read(person.shapes), gates, phonemes, read(person.lips))


def spoken_example(name: str, utterance: Utterance, heard: Heard) -> Example:
    """Speech of our own as it is heard, with the mouth that its phonemes are drawn with."""
    steps = steps_of(heard.samples)
    at_us = told_s(len(steps)) * heard.pace * 1e6
    mouth, loudness = _drawn(utterance)
    drawn = np.stack(
        [
            mouth.coefficients_at(int(at), loudness.gain_at(int(at)), loudness.presence_at(int(at)))
            for at in at_us + _LEAD_S * 1e6
        ]
    )
    return Example(
        name,
        steps,
        drawn[:, _FITTED],
        drawn[:, _GATES],
        _phonemes_at(utterance, at_us / 1e6),
        np.full((len(steps), len(PLACES), 2), np.nan, np.float32),
    )


def told_s(steps: int) -> NDArray[np.float64]:
    """Of which second of the sound each step tells the mouth."""
    return np.asarray((np.arange(steps) + 1) * STEP_S - DELAY_S, np.float64)


def _drawn(utterance: Utterance) -> tuple[CoarticulatedMouth, LoudnessTrack]:
    lengths = np.diff(np.minimum(utterance.ends, len(utterance.samples)), prepend=0)
    timed = [*zip(utterance.phonemes, lengths.tolist(), strict=True), (" ", 0)]
    shapes = visemes_of(timed, pause=int(_PAUSE_S * RATE_HZ), min_seal=int(_MIN_SEAL_S * RATE_HZ))
    mouth = CoarticulatedMouth(
        [Viseme(VisemeShape(v.shape), _us(v.start), _us(v.end), v.weight) for v in shapes]
    )
    loudness = LoudnessTrack(RATE_HZ)
    loudness.append(utterance.samples)
    return mouth, loudness


def _us(samples: int) -> int:
    return samples * 1_000_000 // RATE_HZ


def _phonemes_at(utterance: Utterance, at_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which phoneme sounds; silence where hardly anything does."""
    names: list[int] = []
    ends: list[int] = []
    for phoneme, end in zip(utterance.phonemes, utterance.ends.tolist(), strict=True):
        if phoneme in _AFTER_ITS_SOUND and names:
            ends[-1] = end
            continue
        names.append(PHONEMES.find(phoneme) if phoneme in PHONEMES else 0)
        ends.append(end)
    places = np.searchsorted(np.array(ends), at_s * RATE_HZ, side="right")
    found = np.array([*names, 0], np.int64)[places]
    hop = STEP // 2
    samples = utterance.samples[: len(utterance.samples) // hop * hop].astype(np.float32)
    level = 10 * np.log10(np.mean(samples.reshape(-1, hop) ** 2, axis=1) + 1e-3)
    loudest = np.lib.stride_tricks.sliding_window_view(
        np.pad(level, _STILL_HOPS, constant_values=-99.0), 2 * _STILL_HOPS + 1
    )
    quiet = loudest.max(axis=1) < level.max() + _SILENT_DB
    at_hop = np.clip((at_s * RATE_HZ / hop).astype(int), 0, len(quiet) - 1)
    found[quiet[at_hop] | (at_s < 0)] = 0
    return found
