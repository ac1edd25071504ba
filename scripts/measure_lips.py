"""Measures how well avatars speak, with a face tracker that the service itself does not use.

python scripts/measure_lips.py --portraits a.jpg b.png --speech hello.json talk.wav
python scripts/measure_lips.py --films talk.mp4

Speech is the answer of `POST /v1/speech?timings=true`, or a WAV file whose phones are recognised.
Prints one row of a Markdown table each. docs/lipsync-quality.md says what the columns mean.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from services.common.models import ModelStore, Source
from services.common.onnx import Network, open_network
from services.lipsync.animation import Animation, Clock, Frame, MouthSource
from services.lipsync.app import open_studio
from services.lipsync.encoder import H264Encoder, default_bitrate_bps
from services.lipsync.faces import FaceDetector
from services.lipsync.pack import AvatarPack
from services.lipsync.phonemes import HamaRecogniser, SpeechReader, to_model_rate
from services.lipsync.pixels import pulled, resized
from services.lipsync.settings import LipsyncSettings
from services.lipsync.studio import PictureStudio
from services.lipsync.visemes import Viseme, VisemeShape
from services.local.models.packages import Package, PackageCache
from services.local.models.tflite_to_onnx import convert

PROVIDERS = ("CPUExecutionProvider",)
TRACKER = Source(
    "pypi",
    "mediapipe",
    "0.10.21",
    "mediapipe/modules/face_landmark/face_landmark.tflite",
    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
)
"""MediaPipe's plain mesh: another network than the attention mesh that places the drawn lips."""
FPS, SHORT_SIDE, SEED = 25, 512, 7
RATE_HZ = 100
"""At which curves are compared."""
SEARCH_MS, CLOSED_WITHIN_MS = 150, 40
CLOSED = 0.025
"""Lips are closed when they are this close to the closest that they ever come, eye distances."""
SILENT_DB, PAUSE_S, SILENCE_S = -35.0, 0.3, 1.5
INNER_LIPS = ((13, 14), (82, 87), (312, 317))
EYES = ((33, 133), (263, 362))

Picture = NDArray[np.uint8]
Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Speech:
    """Something said."""

    samples: NDArray[np.int16]
    rate_hz: int
    visemes: Sequence[Viseme]
    told: bool
    """Whether the mouth shapes came with it, or were recognised."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What one film shows; lengths in inter-ocular distances."""

    seals: int
    sealed: float
    sealed_by_chance: float
    """The same for stretches of the voice as long, wherever they lie."""
    seal_lag_ms: float
    loudness_r: float
    loudness_lag_ms: float
    deviation: float
    speed: float
    pause_deviation: float


class Tracker:
    """Follows one face."""

    def __init__(self, home: Path) -> None:
        self._detector = FaceDetector(
            open_network(ModelStore(home).path("face-detector"), PROVIDERS)
        )
        self._mesh = _plain_mesh(home)

    def openings(self, pictures: Iterable[Picture]) -> Curve:
        """How far apart the inner lips are in each picture."""
        points: NDArray[np.float64] | None = None
        found = []
        for picture in pictures:
            if points is None:
                face = self._detector.find(picture)[0]
                corner = np.array([face.x, face.y])
                points = np.stack([corner, corner + np.array([face.width, face.height])])
                points = self._read(picture, self._read(picture, points))
            points = self._read(picture, points)
            eyes = [points[list(eye)].mean(axis=0) for eye in EYES]
            gaps = [np.linalg.norm(points[low] - points[high]) for high, low in INNER_LIPS]
            found.append(np.mean(gaps) / np.linalg.norm(eyes[1] - eyes[0]))
        return np.array(found)

    def _read(self, picture: Picture, near: NDArray[np.float64]) -> NDArray[np.float64]:
        turn = _upright(near)
        low, high = (near @ turn).min(axis=0), (near @ turn).max(axis=0)
        step = 1.5 * float((high - low).max()) / 192
        middle = turn @ (low + high) / 2
        matrix = np.column_stack([step * turn, middle - step * turn @ (96, 96)])
        patch = pulled(picture, matrix, 192, 192, repeat_edge=True)
        raw = self._mesh((patch.astype(np.float32) / 255.0)[None])["landmarks"].reshape(468, 3)
        return np.asarray(raw[:, :2] @ matrix[:, :2].T + matrix[:, 2], np.float64)


def _upright(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn from an upright face to this one; none for the corners of a box."""
    if len(points) < 468:
        return np.eye(2)
    right, left = (points[list(eye)].mean(axis=0) for eye in EYES)
    x, y = (left - right) / np.linalg.norm(left - right)
    return np.array([[x, -y], [y, x]])


def _plain_mesh(home: Path) -> Network:
    target = home / "cache" / "measure_lips" / "face_mesh.onnx"
    if not target.is_file():
        packages = PackageCache(target.parent)
        packages.bring(Package.of(TRACKER), lambda _: None)
        target.write_bytes(convert(packages.read(TRACKER), ["image"], ["landmarks", "presence"]))
        packages.forget(Package.of(TRACKER))
    return open_network(target, PROVIDERS)


def read_speech(path: Path) -> Speech:
    """Speech from a file."""
    if path.suffix == ".json":
        answer = json.loads(path.read_text())
        samples, rate_hz = _wav(base64.b64decode(answer["audio_base64"]))
        return Speech(samples, rate_hz, [_viseme(entry) for entry in answer["visemes"]], told=True)
    samples, rate_hz = _wav(path.read_bytes())
    return Speech(samples, rate_hz, recognised(samples, rate_hz), told=False)


def recognised(samples: NDArray[np.int16], rate_hz: int) -> Sequence[Viseme]:
    """The mouth shapes that are heard."""
    return SpeechReader(HamaRecogniser(), rate_hz).read(samples, last=True)


def _wav(content: bytes) -> tuple[NDArray[np.int16], int]:
    with wave.open(io.BytesIO(content)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        silence = np.zeros(int(SILENCE_S * file.getframerate()), np.int16)
        return np.concatenate([samples[:: file.getnchannels()], silence]), file.getframerate()


def _viseme(entry: dict[str, float | str]) -> Viseme:
    start_ms, length_ms = float(entry["start_ms"]), float(entry["duration_ms"])
    shape = VisemeShape[str(entry["viseme"]).upper()]
    return Viseme(shape, int(start_ms * 1000), int((start_ms + length_ms) * 1000))


def spoken_by(studio: PictureStudio, pack: AvatarPack, speech: Speech) -> list[Picture]:
    """The decoded frames of an avatar that says something."""
    scale = SHORT_SIDE / min(pack.width, pack.height)
    width, height = (2 * round(side * scale / 2) for side in (pack.width, pack.height))
    encoder = H264Encoder(width, height, FPS, default_bitrate_bps(width, height, FPS))
    renderer = studio.renderer(pack, width, height)
    animation = Animation(Clock(FPS, speech.rate_hz), SEED, renderer, encoder, HamaRecogniser())
    animation.begin_utterance("u", MouthSource.VISEMES if speech.told else MouthSource.AUDIO)
    if speech.told:
        animation.add_visemes(speech.visemes)
    animation.append_sound(speech.samples.tobytes())
    animation.end_utterance()
    animation.finish()
    decoder = av.CodecContext.create("h264", "r")
    units: list[bytes | None] = []
    while not animation.done:
        units += [event.access_unit for event in animation.draw() if isinstance(event, Frame)]
    packets = [*map(av.Packet, units), None]
    return [_rgb(frame) for packet in packets for frame in decoder.decode(packet)]


def _rgb(frame: av.VideoFrame) -> Picture:
    return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def background_change(pictures: Sequence[Picture], pack: AvatarPack) -> float:
    """The mean grey levels by which what is far from the person departs from the first frame."""
    height, width = pictures[0].shape[:2]
    near = cv2.dilate(resized(pack.person, width, height), np.ones((41, 41), np.uint8))
    away = near < 128
    if not away.any():
        return float("nan")
    first = pictures[0][away].astype(np.int16)
    return float(np.mean([np.abs(picture[away] - first).mean() for picture in pictures]))


def measured(opening: Curve, fps: float, speech: Speech) -> Measures:
    """How the lips move with what is said."""
    length_s = min(len(opening) / fps, len(speech.samples) / speech.rate_hz)
    at_s = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    lips = np.interp(at_s, np.arange(len(opening)) / fps, opening)
    level = _level_db(speech)[: len(at_s)]
    voiced = level > SILENT_DB
    closest = float(np.quantile(opening, 0.03))
    sealed, lags, lengths = [], [], []
    for viseme in speech.visemes:
        if viseme.shape is VisemeShape.PP and viseme.end_us < length_s * 1e6:
            near = _within(opening, fps, viseme, CLOSED_WITHIN_MS)
            lengths.append(near.stop - near.start)
            sealed.append(float(opening[near].min()) < closest + CLOSED)
            lags.append(_closure_ms(lips, viseme))
    loudness_r, loudness_lag_ms = _best_lag(lips, np.maximum(level, SILENT_DB))
    speed = np.abs(np.gradient(opening)) * fps
    voiced_frames = np.interp(np.arange(len(opening)) / fps, at_s, voiced) > 0.5
    return Measures(
        seals=len(sealed),
        sealed=float(np.mean(sealed)) if sealed else float("nan"),
        sealed_by_chance=_by_chance(opening[voiced_frames] < closest + CLOSED, lengths),
        seal_lag_ms=float(np.median(lags)) if lags else float("nan"),
        loudness_r=loudness_r,
        loudness_lag_ms=loudness_lag_ms,
        deviation=float(opening[voiced_frames].std()),
        speed=float(speed[voiced_frames].mean()),
        pause_deviation=_pause_deviation(lips, voiced),
    )


def _within(opening: Curve, fps: float, viseme: Viseme, margin_ms: int) -> slice:
    """The frames that are shown while a sound is made, or nearly."""
    start_s, end_s = viseme.start_us / 1e6 - margin_ms / 1e3, viseme.end_us / 1e6 + margin_ms / 1e3
    first = min(max(0, int(np.ceil(start_s * fps))), len(opening) - 1)
    return slice(first, max(first, int(end_s * fps)) + 1)


def _by_chance(closed: NDArray[np.bool_], lengths: Sequence[int]) -> float:
    """The share of stretches of a usual length in which the lips are closed at some time."""
    if not lengths:
        return float("nan")
    stretches = np.lib.stride_tricks.sliding_window_view(closed, int(np.median(lengths)))
    return float(stretches.any(axis=-1).mean())


def _closure_ms(lips: Curve, viseme: Viseme) -> float:
    """How long after the middle of a sound the lips are closest."""
    middle = (viseme.start_us + viseme.end_us) / 2e6 * RATE_HZ
    reach = SEARCH_MS * RATE_HZ // 1000
    first = max(0, int(middle) - reach)
    near = lips[first : int(middle) + reach + 1]
    closest = np.flatnonzero(near <= near.min() + 0.003)
    return float((first + closest.mean() - middle) * 1000 / RATE_HZ)


def _level_db(speech: Speech) -> Curve:
    """The level against the loud parts of a voice, smoothed over 50 ms."""
    sound = to_model_rate(speech.samples.astype(np.float32) / 32768.0, speech.rate_hz)
    hop = 16_000 // RATE_HZ
    power = np.mean(sound[: len(sound) // hop * hop].reshape(-1, hop) ** 2, axis=1)
    level = 10 * np.log10(np.convolve(power, np.full(5, 0.2), "same") + 1e-9)
    return np.asarray(level - np.quantile(level, 0.95), np.float64)


def _best_lag(lips: Curve, level: Curve) -> tuple[float, float]:
    """The greatest correlation, and how long after the sound the lips are there."""
    reach = 200 * RATE_HZ // 1000
    inner = level[reach:-reach]
    correlations = [
        float(np.corrcoef(lips[reach + lag : len(inner) + reach + lag], inner)[0, 1])
        for lag in range(-reach, reach + 1)
    ]
    best = int(np.argmax(correlations))
    return correlations[best], (best - reach) * 1000 / RATE_HZ


def _pause_deviation(lips: Curve, voiced: NDArray[np.bool_]) -> float:
    """The median deviation in pauses, a little away from the voice on either side."""
    around = np.concatenate([[True], voiced, [True]]).astype(int)
    edges: list[int] = np.flatnonzero(np.diff(around)).tolist()
    margin = RATE_HZ // 5
    inner = [
        lips[start + margin : end - margin // 2]
        for start, end in pairwise(edges)
        if not voiced[min(start, len(voiced) - 1)] and end - start > PAUSE_S * RATE_HZ + margin
    ]
    return float(np.median([pause.std() for pause in inner])) if inner else float("nan")


def read_film(path: Path) -> tuple[list[Picture], float, Speech]:
    """The pictures, their rate and the sound of a film."""
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        pictures = [_rgb(frame) for frame in container.decode(video=0)]
    resampler = av.AudioResampler("s16", "mono", 16_000)
    with av.open(str(path)) as container:
        frames = [*container.decode(audio=0), None]
        pieces = [piece.to_ndarray()[0] for frame in frames for piece in resampler.resample(frame)]
    samples = np.concatenate(pieces).astype(np.int16)
    return pictures, float(rate or FPS), Speech(samples, 16_000, recognised(samples, 16_000), False)


def row(name: str, measures: Measures, background: float | None = None) -> str:
    """A line of the table."""
    cells = [
        name,
        f"{measures.sealed:.2f} of {measures.seals}",
        f"{measures.sealed_by_chance:.2f}",
        f"{measures.seal_lag_ms:+.0f}",
        f"{measures.loudness_r:.2f} at {measures.loudness_lag_ms:+.0f}",
        f"{measures.deviation:.3f}",
        f"{measures.speed:.2f}",
        f"{measures.pause_deviation:.4f}",
        "" if background is None else f"{background:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


HEADER = (
    "| | p b m shut | by chance | their lag, ms | r with loudness at ms | deviation | speed "
    "| in pauses | background |\n|---|---|---|---|---|---|---|---|---|"
)


def show(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Measures what is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portraits", type=Path, nargs="*", default=[])
    parser.add_argument("--speech", type=Path, nargs="*", default=[])
    parser.add_argument("--films", type=Path, nargs="*", default=[])
    parser.add_argument("--home", type=Path, default=Path(".vultus"))
    options = parser.parse_args()
    tracker = Tracker(options.home)
    show(HEADER)
    for path in options.films:
        pictures, fps, speech = read_film(path)
        show(row(path.stem, measured(tracker.openings(pictures), fps, speech)))
    settings = LipsyncSettings(home=options.home, storage_address="nowhere:1")
    studio = open_studio(settings)
    speeches = [(path.stem, read_speech(path)) for path in options.speech]
    for path in options.portraits:
        pack = studio.build(path.read_bytes(), lambda _: None)
        for name, speech in speeches:
            pictures = spoken_by(studio, pack, speech)
            measures = measured(tracker.openings(pictures), FPS, speech)
            line = row(f"{path.stem}, {name}", measures, background_change(pictures, pack))
            show(line)


if __name__ == "__main__":
    main()
