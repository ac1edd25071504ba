"""Speech of our own voices with the time of every phoneme: labels without end, and exact.

python -m training.motion.speech --minutes 8 --seed 1 --into out/motion/speech
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.lipsync.motion.resampling import MODEL_RATE_HZ, to_model_rate
from services.tts.app import open_engine
from services.tts.engine import Interrupt
from services.tts.kokoro import KokoroEngine
from services.tts.language import Language
from services.tts.pronunciation import Pronouncer
from services.tts.settings import TtsSettings
from services.tts.voices import Voice
from training.motion.texts import sentences

_SPEEDS = (0.8, 1.3)
_MANDARIN_SHARE = 0.35
_SILENCE = " "


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sentence, spoken."""

    samples: NDArray[np.int16]
    """16 kHz."""
    phonemes: str
    """Kokoro's, one character each; a space is a pause."""
    ends: NDArray[np.int64]
    """The sample at which each phoneme ends."""

    def save(self, path: Path) -> None:
        """Writes it as an .npz file."""
        np.savez(path, samples=self.samples, phonemes=np.array(self.phonemes), ends=self.ends)

    @staticmethod
    def load(path: Path) -> Utterance:
        """Reads what `save` wrote."""
        with np.load(path) as arrays:
            return Utterance(arrays["samples"], str(arrays["phonemes"]), arrays["ends"])


def load_speech(folder: Path) -> list[Utterance]:
    """All utterances below a folder, in a stable order."""
    return [Utterance.load(path) for path in sorted(folder.rglob("*.npz"))]


def say(
    engine: KokoroEngine, pronouncer: Pronouncer, voice: Voice, text: str, speed: float
) -> Utterance | None:
    """Says a sentence; None when it is longer than the engine speaks at once."""
    said = pronouncer.pronounce(text, 0, voice.language)
    phonemes = "".join(piece.phonemes for piece in said)
    if not phonemes or len(phonemes) > engine.max_phonemes:
        return None
    take = engine.speak(phonemes, voice, voice.language, speed, Interrupt())
    sound = np.asarray(take.samples, np.float32).reshape(-1) * np.float32(voice.gain)
    samples = to_model_rate(sound, engine.sample_rate_hz)
    ends = np.cumsum([take.lead, *take.lengths]) * MODEL_RATE_HZ // engine.sample_rate_hz
    pcm = np.clip(samples * 32767.0, -32768, 32767).astype(np.int16)
    return Utterance(pcm, _SILENCE + phonemes, np.asarray(ends, np.int64))


def synthesise(
    engine: KokoroEngine, folder: Path, *, minutes: float, chance: random.Random
) -> float:
    """Fills a folder with utterances of voices in turn; the minutes that were made."""
    pronouncer = Pronouncer()
    voices = _in_turn(engine.voices, chance)
    texts = {language: sentences(chance, language) for language in Language}
    folder.mkdir(parents=True, exist_ok=True)
    made, number = 0, 0
    while made < minutes * 60 * MODEL_RATE_HZ:
        voice = voices[number % len(voices)]
        number += 1
        speed = chance.uniform(*_SPEEDS)
        utterance = say(engine, pronouncer, voice, next(texts[voice.language]), speed)
        if utterance is not None:
            utterance.save(folder / f"{number:05d}-{voice.style}.npz")
            made += len(utterance.samples)
    return made / 60 / MODEL_RATE_HZ


def _in_turn(voices: Sequence[Voice], chance: random.Random) -> list[Voice]:
    """A long row of voices, in which both languages have their share."""
    by_language = {
        language: [voice for voice in voices if voice.language is language] for language in Language
    }
    row = []
    for _ in range(1000):
        mandarin = chance.random() < _MANDARIN_SHARE
        row.append(chance.choice(by_language[Language.ZH if mandarin else Language.EN]))
    return row


def main() -> None:
    """Makes speech."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--into", type=Path, default=Path("out/motion/speech"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    engine = open_engine(TtsSettings(onnx_threads=options.threads))
    minutes = synthesise(
        engine,
        options.into / f"{options.seed:03d}",
        minutes=options.minutes,
        chance=random.Random(options.seed),  # noqa: S311 - play, not secrets
    )
    sys.stdout.write(f"{minutes:.1f} minutes in {options.into}\n")


if __name__ == "__main__":
    main()
