"""Turns of somebody who speaks into an open microphone."""

from __future__ import annotations

import numpy as np
import pytest

from services.gateway.webrtc.turns import RATE_HZ, Heard, TurnCutter

NOISE = 20.0
"""Amplitude of a quiet room, of 32768."""


def sound(*parts: tuple[float, float], noise: float = NOISE) -> bytes:
    """Parts of (seconds, amplitude of speech)."""
    rng = np.random.default_rng(7)
    pieces = []
    for seconds, amplitude in parts:
        times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * times_s)
        speech = amplitude * syllables * np.sin(2 * np.pi * 200 * times_s)
        pieces.append(speech + rng.normal(0, noise, len(times_s)))
    return np.concatenate(pieces).astype("<i2").tobytes()


def turns(pcm: bytes, *, piece: int = 1920) -> list[float]:
    """How long the turns are that are cut from a sound, seconds; the last may be open."""
    cutter = TurnCutter()
    lengths: list[float] = []
    for at in range(0, len(pcm), piece):
        for heard in cutter.add(pcm[at : at + piece]):
            if heard.begins:
                lengths.append(0.0)
            lengths[-1] += len(heard.pcm_s16le) / 2 / RATE_HZ
    return lengths


def test_silence_is_no_turn() -> None:
    assert turns(sound((5, 0))) == []


def test_a_pause_ends_a_turn_and_a_breath_does_not() -> None:
    lengths = turns(sound((1, 0), (1, 6000), (0.4, 0), (1, 6000), (1.5, 0), (1, 6000), (1, 0)))
    assert lengths == pytest.approx([2.4 + 0.7 + 0.26, 1 + 0.7 + 0.26], abs=0.1)


def test_pieces_may_be_of_any_length() -> None:
    pcm = sound((0.5, 0), (1, 6000), (1.5, 0), (1, 6000), (1, 0))
    assert turns(pcm, piece=1920) == turns(pcm, piece=698) == turns(pcm, piece=len(pcm))


def test_what_was_said_just_before_is_kept() -> None:
    cutter = TurnCutter()
    pcm = sound((2, 0), (0.5, 6000))
    first = next(heard for heard in cutter.add(pcm))
    assert first.begins
    assert first.pcm_s16le in pcm
    assert len(first.pcm_s16le) / 2 / RATE_HZ == pytest.approx(0.3)


def test_a_click_is_no_turn() -> None:
    assert turns(sound((1, 0), (0.03, 20_000), (2, 0))) == []


def test_a_noisy_room_is_no_turn_but_who_speaks_in_it_is() -> None:
    noise = 600.0
    quiet = turns(sound((60, 0), noise=noise))
    assert sum(quiet) < 20  # it takes a while to know the room
    lengths = turns(sound((60, 0), (1, 9000), (2, 0), noise=noise))
    assert len(lengths) == len(quiet) + 1
    assert lengths[-1] == pytest.approx(1 + 0.7 + 0.26, abs=0.1)


def test_a_long_turn_in_a_quiet_room_stays_one() -> None:
    assert len(turns(sound((1, 0), (60, 6000), (1, 0)))) == 1


def test_a_turn_ends_when_the_sound_does() -> None:
    cutter = TurnCutter()
    assert list(cutter.stop()) == []
    list(cutter.add(sound((1, 6000))))
    assert list(cutter.stop()) == [Heard(b"", ends=True)]
    assert list(cutter.stop()) == []
