"""What is said in a window of sound: Whisper hears it, where a detector of voices finds speech."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from services.moderation.sound import SPEECH_RATE_HZ

_LANGUAGES = {"en": "en", "zh": "zh", "cmn": "zh", "yue": "zh"}
_SURELY_FOREIGN = 0.7
"""Probability from which on another language than ours is believed."""
_MIN_CONFIDENCE = -1.0
"""Mean log probability of the words below which they are likely made up."""
_SURELY_SILENT = 0.8
"""Probability of silence from which on even likelier words are not believed."""
_SURELY_SPOKEN = -0.5
_FRAMES = 3000
_MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said in a window."""

    text: str
    """Empty when no words could be made out."""
    language: str
    """BCP 47 primary language; empty without speech."""
    speech_s: float
    """How long somebody spoke."""


NOTHING_SAID = Heard("", "", 0.0)


class Transcriber(Protocol):
    """Turns speech into text; slow."""

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> Heard:
        """What is said in up to WINDOW_S at SPEECH_RATE_HZ; the language is detected when None."""
        ...


class WhisperTranscriber:
    """Whisper and Silero's voice detector; opened by the first call; for one thread at a time."""

    def __init__(self, folder: Path, *, device: str, threads: int) -> None:
        self._folder = folder
        self._device = device
        self._threads = threads

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> Heard:
        """What is said in up to WINDOW_S at SPEECH_RATE_HZ; the language is detected when None."""
        speech = speech_of(samples)
        if not len(speech):
            return NOTHING_SAID
        features = self._whisper.feature_extractor(speech)[:, :_FRAMES]
        padded = np.pad(features, ((0, 0), (0, _FRAMES - features.shape[1])))
        encoded = self._whisper.encode(padded)
        spoken = _known(language) or self._detected(encoded)
        return Heard(self._words(encoded, spoken), spoken, len(speech) / SPEECH_RATE_HZ)

    @cached_property
    def _whisper(self) -> Any:
        # Imported late: it takes 200 MB that a service without recordings can do without.
        from faster_whisper import WhisperModel

        return WhisperModel(
            str(self._folder),
            device=self._device,
            compute_type="int8",
            cpu_threads=self._threads,
            local_files_only=True,
        )

    def _detected(self, encoded: Any) -> str:
        """The likeliest language; one without lists only when that is sure."""
        (detected,) = self._whisper.model.detect_language(encoded)
        probabilities: dict[str, float] = {token.strip("<|>"): share for token, share in detected}
        likeliest = max(probabilities, key=lambda name: probabilities[name])
        if likeliest in _LANGUAGES or probabilities[likeliest] >= _SURELY_FOREIGN:
            return _LANGUAGES.get(likeliest, likeliest)
        return max(("en", "zh"), key=lambda name: probabilities[name])

    def _words(self, encoded: Any, language: str) -> str:
        from faster_whisper.tokenizer import Tokenizer

        tokenizer = Tokenizer(
            self._whisper.hf_tokenizer, multilingual=True, task="transcribe", language=language
        )
        (result,) = self._whisper.model.generate(
            encoded,
            # With times told: without them Whisper often ends after the first sentence.
            [[*tokenizer.sot_sequence]],
            beam_size=2,
            max_length=_MAX_TOKENS,
            return_scores=True,
            return_no_speech_prob=True,
        )
        (confidence,) = result.scores
        made_up = result.no_speech_prob > _SURELY_SILENT and confidence < _SURELY_SPOKEN
        if confidence < _MIN_CONFIDENCE or made_up:
            return ""
        words = [one for one in result.sequences_ids[0] if one < tokenizer.timestamp_begin]
        return str(tokenizer.decode(words)).strip()


def speech_of(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The parts in which somebody speaks, joined."""
    from faster_whisper.vad import get_speech_timestamps

    parts = [samples[part["start"] : part["end"]] for part in get_speech_timestamps(samples)]
    return np.concatenate(parts) if parts else samples[:0]


def _known(language: str | None) -> str | None:
    """The recogniser's name of a language that the caller named, if it has lists."""
    return _LANGUAGES.get(language.split("-")[0].lower()) if language else None
