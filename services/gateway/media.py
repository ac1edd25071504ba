"""Sound, mouth shapes, words and pictures as the pipeline passes them on; times in microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

US_PER_S = 1_000_000
_BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Where an object lies; only storage turns this into bytes."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A run of sound: PCM signed 16-bit little-endian, mono."""

    pcm_s16le: bytes
    sample_rate_hz: int
    start_us: int
    """Time of the first sample, on the clock of the utterance or of the timeline."""

    @property
    def end_us(self) -> int:
        """Time of the end of the last sample."""
        samples = len(self.pcm_s16le) // _BYTES_PER_SAMPLE
        return self.start_us + samples * US_PER_S // self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class Viseme:
    """A mouth shape and when it holds, on the clock of the utterance."""

    shape: str
    """Of the fifteen-viseme set: `sil`, `PP`, `FF`, `TH`, `DD`, `kk`, …"""
    start_us: int
    duration_us: int
    weight: float


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken word; `char_start` and `char_end` are its place in the text, in code points."""

    text: str
    start_us: int
    end_us: int
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or clause whose sound follows, with all its times."""

    text: str
    start_us: int
    duration_us: int
    visemes: tuple[Viseme, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded picture: an H.264 access unit, or, with alpha, two VP9 frames."""

    access_unit: bytes
    pts_us: int
    keyframe: bool
    alpha: bytes = b""


class MouthSource(StrEnum):
    """Where the mouth shapes of an utterance come from."""

    VISEMES = "visemes"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class UtteranceStart:
    """An utterance begins on the timeline."""

    utterance_id: str
    mouth_source: MouthSource


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """The utterance's sound is complete."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Silence with a living face."""

    duration_us: int


Sound = Segment | AudioChunk
"""What a voice gives: a segment's times, then its sound."""


@dataclass(frozen=True, slots=True)
class DrawUntil:
    """A paced animation may draw the pictures that end by then, on its timeline."""

    until_us: int


@dataclass(frozen=True, slots=True)
class Clear:
    """Everything appended and not yet drawn is dropped; the mouth closes."""


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """The next picture is to be a keyframe."""


@dataclass(frozen=True, slots=True)
class BitrateChange:
    """The encoder's target from the next picture on."""

    bitrate_bps: int


class ExpressionName(StrEnum):
    """How a face can look."""

    NEUTRAL = "neutral"
    HAPPY = "happy"
    SERIOUS = "serious"
    SURPRISED = "surprised"
    SAD = "sad"


@dataclass(frozen=True, slots=True)
class Expression:
    """A look and how strong it is, 0 to 1."""

    name: ExpressionName
    strength: float = 1.0


class Action(StrEnum):
    """What a head can do, once."""

    NOD = "nod"
    SHAKE = "shake"
    TILT = "tilt"
    LOOK_AT_CAMERA = "look_at_camera"


@dataclass(frozen=True, slots=True)
class Gesture:
    """What a face does at a time of the utterance: an expression from then on, an action, both."""

    at_us: int
    expression: Expression | None = None
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Gestures:
    """What a face does in the open utterance."""

    items: tuple[Gesture, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """What a face does at once; `standing` is its look wherever an utterance has none."""

    standing: Expression | None = None
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Colour:
    """A background of one colour, 0xRRGGBB."""

    rgb: int


@dataclass(frozen=True, slots=True)
class Photo:
    """A background that is a picture in storage."""

    picture: ObjectRef


@dataclass(frozen=True, slots=True)
class Blur:
    """The portrait's own background, blurred: 0 (a little) to 1."""

    strength: float


@dataclass(frozen=True, slots=True)
class Transparent:
    """Nothing behind the person: pictures have alpha."""


Background = Colour | Photo | Blur | Transparent
"""What stands behind a person in place of what the portrait shows."""


class MarkText(StrEnum):
    """What the visible mark says, by its language."""

    ENGLISH = "en"
    CHINESE = "zh"


@dataclass(frozen=True, slots=True)
class Mark:
    """The notice in the pictures that they were generated."""

    text: MarkText
    visible_us: int = 0
    """From the first picture on; 0: always."""


Cue = UtteranceStart | tuple[Viseme, ...] | Gestures | AudioChunk | UtteranceEnd | Idle
"""What is appended to a timeline."""

Control = DrawUntil | Clear | KeyframeRequest | BitrateChange | Act
"""How an animation is steered while it runs."""


@dataclass(frozen=True, slots=True)
class AnimationStarted:
    """What the animation will be like."""

    width: int
    height: int
    fps: int
    sample_rate_hz: int


@dataclass(frozen=True, slots=True)
class UtteranceStarted:
    """An utterance's first sample stands at `at_us` on the timeline."""

    utterance_id: str
    at_us: int


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """An utterance's last sample was before `at_us` on the timeline."""

    utterance_id: str
    at_us: int
    cleared: bool = False
    """Whether a Clear cut it short."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """A Clear was carried out; the timeline goes on at `at_us`."""

    at_us: int


Drawn = AnimationStarted | Frame | AudioChunk | UtteranceStarted | UtteranceEnded | Cleared
"""What an animation gives, in timeline order; AnimationStarted first."""

Recordable = Frame | AudioChunk | tuple[Word, ...]
"""What a recording is made of, on its own timeline."""
