"""Kokoro-82M as a speech engine: an ONNX model that also tells how long each token lasts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.common.errors import StartupError
from services.tts.engine import Interrupt, Stopped, Take
from services.tts.language import Language
from services.tts.voices import Gender, Voice

SAMPLE_RATE_HZ = 24_000
SAMPLES_PER_UNIT = 600
"""What the model counts durations in."""
MAX_PHONEMES = 509
"""The styles have 510 rows, one for each number of phonemes from none on."""

_EDGE = 0
"""Stands before the first and after the last phoneme."""
_PHONEMES: Final = {
    1: ";:,.!?",
    9: '—…"()“” \u0303ʣʥʦʨᵝ\uab67AI',
    31: "O",
    33: "Q",
    35: "ST",
    39: "W",
    41: "Yᵊabcdef",
    50: "hijklmnopqrstuvwxyzɑɐɒæ",
    75: "βɔɕç",
    80: "ɖðʤə",
    85: "ɚɛɜ",
    90: "ɟ",
    92: "ɡ",
    99: "ɥ",
    101: "ɨɪʝ",
    110: "ɯɰŋɳɲɴø",
    118: "ɸθœ",
    123: "ɹ",
    125: "ɾɻ",
    128: "ʁɽʂʃʈʧ",
    135: "ʊʋ",
    138: "ʌɣɤ",
    142: "χʎ",
    147: "ʒʔ",
    156: "ˈˌː",
    162: "ʰ",
    164: "ʲ",
    169: "↓",
    171: "→↗↘",
    177: "ᵻ",
}
"""The model's alphabet: runs of phonemes and the number of the first of each."""
TOKENS: Final = {
    phoneme: first + place for first, run in _PHONEMES.items() for place, phoneme in enumerate(run)
}
_TIMBRE = 128
"""The first values of a style are the timbre, the others rhythm and melody."""
_NATIVES: dict[tuple[Language, Gender], str] = {
    (Language.EN, "female"): "af_heart",
    (Language.EN, "male"): "am_michael",
    (Language.ZH, "female"): "zf_xiaoxiao",
    (Language.ZH, "male"): "zm_yunxi",
}
"""Whose rhythm and melody a voice borrows for a language that is not its own.

With its own, an English voice gets twice to four times as many Chinese characters wrong.
"""
_LEVEL_DB = -20.0
_LEVELS_DB = {
    "af_alloy": -20.2, "af_aoede": -16.4, "af_bella": -20.0, "af_heart": -21.2, "af_jessica": -21.2,
    "af_kore": -17.2, "af_nicole": -19.3, "af_nova": -25.0, "af_river": -20.3, "af_sarah": -19.4,
    "af_sky": -22.1, "am_adam": -17.6, "am_echo": -20.5, "am_eric": -19.8, "am_fenrir": -18.3,
    "am_liam": -20.5, "am_michael": -22.4, "am_onyx": -21.2, "am_puck": -17.4, "am_santa": -21.1,
    "bf_alice": -19.7, "bf_emma": -19.3, "bf_isabella": -16.2, "bf_lily": -19.9, "bm_daniel": -20.0,
    "bm_fable": -21.0, "bm_george": -19.8, "bm_lewis": -21.8, "zf_xiaobei": -19.5,
    "zf_xiaoni": -17.3, "zf_xiaoxiao": -15.1, "zf_xiaoyi": -17.5, "zm_yunjian": -19.5,
    "zm_yunxi": -19.8, "zm_yunxia": -19.4, "zm_yunyang": -22.5,
}  # fmt: skip
"""How loud the model speaks with each style, measured over its voiced parts; and how loud it is to
be."""
_TAGS = {"a": "en-US", "b": "en-GB", "z": "zh-CN"}
_GENDERS: dict[str, Gender] = {"f": "female", "m": "male"}


class KokoroEngine:
    """One session, shared by all threads that speak."""

    max_phonemes = MAX_PHONEMES
    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(
        self, session: onnxruntime.InferenceSession, styles: dict[str, NDArray[np.float32]]
    ) -> None:
        self._session = session
        self._styles = styles
        self.voices: Sequence[Voice] = sorted(
            map(_voice, styles), key=lambda voice: (voice.tag, voice.name)
        )

    def speak(
        self, phonemes: str, voice: Voice, language: Language, speed: float, interrupt: Interrupt
    ) -> Take:
        """See SpeechEngine. What is not in the model's alphabet is left out and takes no time."""
        known = [TOKENS[phoneme] for phoneme in phonemes if phoneme in TOKENS]
        options: Any = onnxruntime.RunOptions()
        interrupt.listen(lambda: setattr(options, "terminate", True))
        feeds = {
            "tokens": np.array([[_EDGE, *known, _EDGE]], np.int64),
            "style": self._style(voice, language, len(known)),
            "speed": np.array([speed], np.float32),
        }
        try:
            samples, units = self._session.run(None, feeds, options)
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
            if interrupt.thrown:
                raise Stopped from None
            raise
        lengths = (units.reshape(-1) * SAMPLES_PER_UNIT).astype(int).tolist()
        spoken = iter(lengths[1:-1])
        return Take(
            samples,
            lead=lengths[0],
            lengths=[next(spoken) if phoneme in TOKENS else 0 for phoneme in phonemes],
        )

    def _style(self, voice: Voice, language: Language, length: int) -> NDArray[np.float32]:
        style = self._styles[voice.style][None, length]
        if language is voice.language:
            return style
        native = self._styles[_NATIVES[language, voice.gender]][None, length]
        return np.concatenate((style[:, :_TIMBRE], native[:, _TIMBRE:]), axis=1)


def open_kokoro(
    model: Path, voices: Path, *, threads: int, providers: Sequence[str]
) -> KokoroEngine:
    """Opens the model; raises StartupError when an execution provider is not there."""
    missing = set(providers) - set(onnxruntime.get_available_providers())
    if missing:
        raise StartupError(
            f"ONNX Runtime has no {', '.join(sorted(missing))} here: install a build with it, "
            "or change VULTUS_TTS_ONNX_PROVIDERS"
        )
    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads would take a tenth more of the processor from what is drawn meanwhile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(model), options, providers=list(providers))
    with np.load(voices) as archive:
        styles = {name: archive[name] for name in archive.files}
    return KokoroEngine(session, styles)


def _voice(style: str) -> Voice:
    kind, _, name = style.partition("_")
    tag = _TAGS[kind[0]]
    return Voice(
        id=f"vo_{tag[:2]}_{name}",
        name=name.capitalize(),
        tag=tag,
        gender=_GENDERS[kind[1]],
        style=style,
        gain=10.0 ** ((_LEVEL_DB - _LEVELS_DB.get(style, _LEVEL_DB)) / 20.0),
    )
