"""The main job: a portrait and a sentence become a video that a person would watch."""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import av
import httpx
import numpy as np
import pytest
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from tests.e2e.conftest import MODELS, Api, Json, Stack

ENGLISH = "One portrait and one sentence are enough to make a person speak."
MANDARIN = "一张照片和一句话，就能让人开口说话。"
_HEARD_RATE_HZ = 16_000


@dataclass(frozen=True)
class Film:
    """A decoded MP4."""

    pictures: list[NDArray[np.uint8]]
    picture_times: list[float]
    sound: NDArray[np.float32]
    sound_starts_s: float
    codecs: tuple[str, str]
    fps: float


def film(content: bytes) -> Film:
    with av.open(io.BytesIO(content), "r") as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        codecs = (video.codec_context.name, audio.codec_context.name)
        resampler = av.AudioResampler("flt", "mono", _HEARD_RATE_HZ)
        pictures, picture_times, sound, sound_times = [], [], [], []
        for frame in file.decode(video, audio):
            if isinstance(frame, av.VideoFrame):
                pictures.append(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False))
                picture_times.append(float(frame.time or 0.0))
            elif isinstance(frame, av.AudioFrame):
                sound_times.append(float(frame.time or 0.0))
                sound += [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
        rate = float(video.average_rate or 0)
        return Film(pictures, picture_times, np.concatenate(sound), sound_times[0], codecs, rate)


def error_rate(said: list[str], heard: list[str]) -> float:
    """Levenshtein distance as a share of what was said."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1] / len(said)


def letters(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c)[0] in "LN")


@pytest.fixture(scope="module")
def transcript() -> Callable[[NDArray[np.float32], str], str]:
    model = WhisperModel(str(MODELS / "whisper-base"), compute_type="int8", cpu_threads=2)

    def heard(sound: NDArray[np.float32], language: str) -> str:
        prompt = "以下是普通话的句子。" if language == "zh" else None
        segments, _ = model.transcribe(
            sound, language=language, initial_prompt=prompt, condition_on_previous_text=False
        )
        return "".join(segment.text for segment in segments)

    return heard


@pytest.fixture(scope="module")
def english(api: Api, avatar_id: str) -> Json:
    return api.ended(api.video(avatar_id, ENGLISH))


def test_english_is_spoken_so_that_it_is_understood(
    api: Api, english: Json, transcript: Callable[[NDArray[np.float32], str], str]
) -> None:
    assert english["status"] == "succeeded"
    heard = transcript(film(api.content(english["id"])).sound, "en")
    words = [re.findall(r"[a-z']+", text.lower()) for text in (ENGLISH, heard)]
    assert error_rate(*words) <= 0.05


def test_mandarin_is_spoken_so_that_it_is_understood(
    api: Api, avatar_id: str, transcript: Callable[[NDArray[np.float32], str], str]
) -> None:
    video = api.ended(api.video(avatar_id, MANDARIN))
    assert video["status"] == "succeeded"
    heard = transcript(film(api.content(video["id"])).sound, "zh")
    assert error_rate(list(letters(MANDARIN)), list(letters(heard))) <= 0.08


def test_the_file_is_an_mp4_that_plays_at_once_and_in_step(api: Api, english: Json) -> None:
    content = api.content(english["id"])
    assert content[4:8] == b"ftyp"
    assert content.index(b"moov") < content.index(b"mdat")
    shown = film(content)
    assert shown.codecs == ("h264", "aac")
    assert (shown.picture_times[0], shown.sound_starts_s) == (0.0, 0.0)
    assert shown.fps == english["fps"] == 25
    assert len(shown.pictures) == round(english["duration_s"] * 25)
    assert len(shown.sound) / _HEARD_RATE_HZ == pytest.approx(english["duration_s"], abs=0.05)
    assert shown.pictures[0].shape[:2] == (english["height"], english["width"])
    assert len(content) == english["bytes"]


def test_the_sound_is_neither_clipped_nor_faint(api: Api, english: Json) -> None:
    sound = film(api.content(english["id"])).sound
    assert 0.2 < np.abs(sound).max() < 1.0
    spoken = sound[np.abs(sound) > 0.02]
    assert np.sqrt(np.mean(spoken**2)) > 0.05


def test_the_mouth_moves_and_the_background_is_still(api: Api, english: Json) -> None:
    pictures = np.stack(film(api.content(english["id"])).pictures).astype(np.float32)
    change = np.abs(np.diff(pictures, axis=0)).mean(axis=(0, 3))
    height, width = change.shape
    corner = change[: height // 10, : width // 10].mean()
    assert change.max() > 20 * max(float(corner), 0.05)
    assert corner < 0.5


def test_subtitles_cover_what_is_said(api: Api, english: Json) -> None:
    path = f"/v1/videos/{english['id']}/subtitles"
    vtt = api.http.get(path)
    srt = api.http.get(path, params={"format": "srt"})
    assert vtt.headers["content-type"].startswith("text/vtt")
    for text in (vtt.text, srt.text):
        lines = [line for line in text.splitlines() if line and "-->" not in line]
        assert letters(ENGLISH) in letters("".join(lines[1:] if lines[0] == "WEBVTT" else lines))
    stamps = re.findall(r"(\d\d):(\d\d):(\d\d)[.,](\d{3})", srt.text)
    ends = [int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000 for h, m, s, ms in stamps]
    assert ends == sorted(ends)
    assert ends[-1] <= english["duration_s"]


def test_a_part_of_the_file_can_be_asked_for(api: Api, english: Json) -> None:
    path = f"/v1/videos/{english['id']}/content"
    whole = api.content(english["id"])
    part = api.http.get(path, headers={"Range": "bytes=100-199"})
    assert part.status_code == httpx.codes.PARTIAL_CONTENT
    assert part.content == whole[100:200]
    last = api.http.get(path, headers={"Range": "bytes=-50"})
    assert last.content == whole[-50:]
    beyond = api.http.get(path, headers={"Range": f"bytes={len(whole)}-"})
    assert beyond.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE


def test_a_recording_is_spoken_as_it_is(api: Api, avatar_id: str) -> None:
    said = api.post("/v1/speech?timings=true", {"voice_id": "vo_en_heart", "text": ENGLISH})
    recording = base64.b64decode(said["audio_base64"])
    asset = api.upload("/v1/assets", "file", recording)
    script = {"type": "audio", "asset_id": asset["id"]}
    body = {"avatar_id": avatar_id, "script": script, "output": {"fps": 30, "width": 256}}
    video = api.ended(api.post("/v1/videos", body)["id"])
    assert video["status"] == "succeeded"
    assert (video["width"], video["fps"]) == (256, 30)
    shown = film(api.content(video["id"]))
    with av.open(io.BytesIO(recording), "r") as file:
        resampler = av.AudioResampler("flt", "mono", _HEARD_RATE_HZ)
        parts = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    sent = np.concatenate([part.to_ndarray().reshape(-1) for part in parts])
    assert lag_s(sent, shown.sound) == pytest.approx(0.2, abs=0.002), "after the lead-in"


def lag_s(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """How much later the same sound is heard in the other recording."""
    size = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size))
    return float(np.fft.irfft(product, size).argmax()) / _HEARD_RATE_HZ


def test_what_is_not_allowed_is_rejected_with_its_categories(api: Api, avatar_id: str) -> None:
    text = "I will kill you and your whole family tonight, you will all die."
    video = api.ended(api.video(avatar_id, text))
    assert video["status"] == "rejected"
    assert video["error"]["code"] == "content_rejected"
    assert video["error"]["categories"]


def test_an_erased_video_is_gone(api: Api, stack: Stack, avatar_id: str) -> None:
    video_id = api.video(avatar_id, "Forget me.")
    api.ended(video_id)
    assert api.http.delete(f"/v1/videos/{video_id}").status_code == httpx.codes.NO_CONTENT
    for path in ("", "/content", "/subtitles"):
        answer = api.http.get(f"/v1/videos/{video_id}{path}")
        assert answer.status_code == httpx.codes.NOT_FOUND


def test_logs_follow_a_request_through_the_services_without_its_text(
    api: Api, stack: Stack, avatar_id: str
) -> None:
    text = "The pineapple whispers."
    request_id = "e2e-follow-me"
    body = {"avatar_id": avatar_id, "script": {"type": "text", "text": text}}
    answer = api.http.post("/v1/videos", json=body, headers={"X-Request-Id": request_id})
    api.ended(answer.json()["id"])
    assert request_id in stack.log("gateway")
    assert request_id in stack.log("worker")
    for name in ("gateway", "worker", "tts", "lipsync", "moderation", "storage"):
        assert "pineapple" not in stack.log(name)
