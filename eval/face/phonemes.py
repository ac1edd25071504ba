"""The sounds that are heard in a voice, so that lips can be judged by them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from hama.asr import ASR_OUTPUT_FRAME_SAMPLES, ASRModel, ctc_phoneme_spans

from eval.face.clips import RATE_HZ, Sound
from services.lipsync.visemes import Viseme, VisemeShape

EMISSION_LAG_US = 45_000
"""How long after its onset a phone is emitted: the delay at which the shapes best fit the mouths of
people who were filmed."""
_MICROSECONDS = 1_000_000
_VOWEL_MAX_US = 320_000
_CONSONANT_MAX_US = 140_000
_SHORTEST_US = 20_000
_SEAL_BIAS = float(np.log(10.0))
_LEVEL_HOP_US = 10_000
_SILENT_RMS = 10.0 ** (-55.0 / 20.0)
_SILENT_SHARE = 10.0 ** (-38.0 / 20.0)

_SHAPES: dict[VisemeShape, str] = {
    VisemeShape.PP: "p b m ʙ ɓ pʰ p͈ ɱ β ɸ",
    VisemeShape.FF: "f v ʋ",
    VisemeShape.TH: "θ ð",
    VisemeShape.DD: "t d tʰ t͈ ʈ ɖ ɗ ɾ ɽ",
    VisemeShape.KK: "k g ɡ c ɟ kʰ k͈ x ɣ χ ħ h ɦ ʔ ʁ ʀ ɴ",
    VisemeShape.CH: "t͡ʃ d͡ʒ t͡ɕ t͡ɕʰ t͡ɕ͈ ʃ ʒ ʂ ʐ ɕ ʑ ɻ",
    VisemeShape.SS: "s z s͈ ẑ ɮ",
    VisemeShape.NN: "n l ŋ ɲ ɫ ʎ ñ",
    VisemeShape.RR: "ɹ r ɚ ɝ",
    VisemeShape.AA: "a ɑ ä ɐ ʌ æ à ã å ɒ",
    VisemeShape.E: "e ɛ ə ɜ ɘ eə ø œ ẽ ᵊ",
    VisemeShape.IH: "i ɪ j ɨ ì ĩ ǐ ɯ ɯi ɰ ç ʝ",
    VisemeShape.OH: "o ɔ õ ɤ ɵ",
    VisemeShape.OU: "u ʊ w y ʉ ʏ ɥ ũ",
}
_VOWELS = (VisemeShape.AA, VisemeShape.E, VisemeShape.IH, VisemeShape.OH, VisemeShape.OU)
_SHAPE_OF = {phone: shape for shape, phones in _SHAPES.items() for phone in phones.split()}

_GLIDES: dict[str, tuple[VisemeShape, ...]] = {
    "aɪ": (VisemeShape.AA, VisemeShape.IH),
    "aʊ": (VisemeShape.AA, VisemeShape.OU),
    "eɪ": (VisemeShape.E, VisemeShape.IH),
    "oʊ": (VisemeShape.OH, VisemeShape.OU),
    "ɔɪ": (VisemeShape.OH, VisemeShape.IH),
    "ɪə": (VisemeShape.IH, VisemeShape.E),
    "ja": (VisemeShape.IH, VisemeShape.AA),
    "je": (VisemeShape.IH, VisemeShape.E),
    "jo": (VisemeShape.IH, VisemeShape.OH),
    "ju": (VisemeShape.IH, VisemeShape.OU),
    "jʌ": (VisemeShape.IH, VisemeShape.AA),
    "wa": (VisemeShape.OU, VisemeShape.AA),
    "we": (VisemeShape.OU, VisemeShape.E),
    "wi": (VisemeShape.OU, VisemeShape.IH),
    "wʌ": (VisemeShape.OU, VisemeShape.AA),
}


def shapes_of(phone: str) -> tuple[VisemeShape, ...]:
    """The mouth shapes of a phone in IPA: two for a glide, none for tones and length marks."""
    if phone in _GLIDES:
        return _GLIDES[phone]
    bare = "".join(c for c in unicodedata.normalize("NFD", phone) if not unicodedata.combining(c))
    for candidate in (phone, bare, bare[:1]):
        if candidate in _SHAPE_OF:
            return (_SHAPE_OF[candidate],)
    return ()


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone that was heard, microseconds from the start of the sound it was heard in."""

    phone: str
    start_us: int
    end_us: int


class PhoneRecogniser(Protocol):
    """Hears phones in sound."""

    def recognise(self, samples: Sound) -> Sequence[Phone]:
        """The phones of a 16 kHz sound in [-1, 1], in order."""
        ...


class HamaRecogniser:
    """The `hama` CTC phoneme recogniser, frames of 20 ms. Safe to call from several threads.

    It takes part of Mandarin's unaspirated p for other sounds, yet seldom without a doubt; lips
    that do not meet are seen at once. So p, b and m win against up to ten times likelier sounds: on
    clean speech that finds nine in ten of them in Mandarin instead of six, and no false one in
    English.
    """

    def __init__(self) -> None:
        self._model = ASRModel()
        self._bias = np.array(
            [
                _SEAL_BIAS if shapes_of(token)[:1] == (VisemeShape.PP,) else 0.0
                for token in self._model.decoder_tokens
            ],
            np.float32,
        )

    def recognise(self, samples: Sound) -> Sequence[Phone]:
        """The phones of a 16 kHz sound in [-1, 1], in order."""
        feeds = {
            "waveform": samples[None].astype(np.float32),
            "waveform_lengths": np.array([len(samples)], np.int64),
        }
        (log_probs,), (frames,) = self._model.session.run(["log_probs", "out_lengths"], feeds)
        tokens = np.argmax(log_probs[:frames] + self._bias, axis=1).tolist()
        spans = ctc_phoneme_spans(
            tokens,
            self._model.decoder_tokens,
            blank_id=self._model.blank_id,
            word_boundary_token=self._model.decode_cfg.word_boundary_token,
            frame_ms=1000 * ASR_OUTPUT_FRAME_SAMPLES / RATE_HZ,
        )
        return [
            Phone(span.phoneme, int(span.start_ms * 1000), int(span.end_ms * 1000))
            for span in spans
        ]


def visemes_in(recogniser: PhoneRecogniser, sound: Sound) -> list[Viseme]:
    """The mouth shapes that are heard in the whole of a sound at once."""
    visemes: list[Viseme] = []
    for phone in _audible(recogniser.recognise(sound), sound) if len(sound) else []:
        shapes = shapes_of(phone.phone)
        if shapes:
            visemes.extend(_visemes(phone, shapes))
    return visemes


def _audible(phones: Iterable[Phone], sound: Sound) -> Iterator[Phone]:
    """The phones, each cut off where the voice falls silent."""
    hop = RATE_HZ * _LEVEL_HOP_US // _MICROSECONDS
    levels = np.sqrt(np.mean(sound[: len(sound) // hop * hop].reshape(-1, hop) ** 2, axis=1))
    audible = levels > max(_SILENT_RMS, _SILENT_SHARE * levels.max(initial=0.0))
    for phone in phones:
        first = max(0, phone.start_us - EMISSION_LAG_US) // _LEVEL_HOP_US
        heard = np.flatnonzero(audible[first : phone.end_us // _LEVEL_HOP_US + 1])
        if len(heard):
            end_us = (first + int(heard[-1]) + 1) * _LEVEL_HOP_US + EMISSION_LAG_US
            yield replace(phone, end_us=min(phone.end_us, end_us))


def _visemes(phone: Phone, shapes: Sequence[VisemeShape]) -> list[Viseme]:
    longest_us = _VOWEL_MAX_US if shapes[-1] in _VOWELS else _CONSONANT_MAX_US
    length_us = max(_SHORTEST_US, min(phone.end_us - phone.start_us, longest_us))
    onset_us = max(0, phone.start_us - EMISSION_LAG_US)
    bounds = [onset_us + length_us * n // len(shapes) for n in range(len(shapes) + 1)]
    return [
        Viseme(shape, start_us, end_us)
        for shape, start_us, end_us in zip(shapes, bounds, bounds[1:], strict=False)
    ]
