"""The main job: a portrait and a sentence become a video that a person would watch."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
from c2pa import Reader
from numpy.typing import NDArray

from tests.e2e.conftest import Api, Json, Refused, Stack
from tests.e2e.watching import (
    HEARD_RATE_HZ,
    Transcribe,
    alphas,
    error_rate,
    film,
    letters,
    smaller,
)

ENGLISH = "One portrait and one sentence are enough to make a person speak."
MANDARIN = "一张照片和一句话，就能让人开口说话。"


@pytest.fixture(scope="module")
def english(api: Api, avatar_id: str) -> Json:
    return api.ended(api.video(avatar_id, ENGLISH))


def test_english_is_spoken_so_that_it_is_understood(
    api: Api, english: Json, transcript: Transcribe
) -> None:
    assert english["status"] == "succeeded"
    heard = transcript(film(api.content(english["id"])).sound, "en")
    words = [re.findall(r"[a-z']+", text.lower()) for text in (ENGLISH, heard)]
    assert error_rate(*words) <= 0.05


def test_mandarin_is_spoken_so_that_it_is_understood(
    api: Api, avatar_id: str, transcript: Transcribe
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
    assert len(shown.sound) / HEARD_RATE_HZ == pytest.approx(english["duration_s"], abs=0.05)
    assert shown.pictures[0].shape[:2] == (english["height"], english["width"])
    assert len(content) == english["bytes"]


def test_the_file_says_that_it_was_generated(api: Api, english: Json) -> None:
    with av.open(io.BytesIO(api.content(english["id"]))) as container:
        label = json.loads(container.metadata["AIGC"])
    assert (label["Label"], label["ProduceID"]) == ("1", english["id"])


def test_the_service_knows_its_own_file_and_sees_every_change(api: Api, english: Json) -> None:
    content = bytearray(api.content(english["id"]))
    told = verified(api, bytes(content))
    assert (told["made_here"], told["video_id"]) == (True, english["id"])
    label, manifest = told["evidence"]
    assert (label["kind"], label["ours"]) == ("label", True)
    assert (manifest["title"], manifest["whole"], manifest["ours"]) == (english["id"], True, True)
    content[-1000] ^= 1
    _, broken = verified(api, bytes(content))["evidence"]
    assert not broken["whole"]


def verified(api: Api, content: bytes) -> Json:
    answer = api.http.post("/v1/verify", files={"file": ("v.mp4", content)})
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


def test_the_pictures_say_so_too_at_the_beginning(api: Api, english: Json) -> None:
    pictures = np.stack(film(api.content(english["id"])).pictures).astype(np.float32)
    side = min(pictures.shape[1:3])
    corner = pictures[:, side // 20 : side // 9, side // 20 : side // 3]
    differs = np.abs(corner - corner[-1]).mean(axis=(1, 2, 3))
    marked = round(3.0 * english["fps"])
    assert len(pictures) > marked
    assert differs[:marked].min() > 20
    assert differs[marked:].max() < 8


def test_the_sound_is_neither_clipped_nor_faint(api: Api, english: Json) -> None:
    sound = film(api.content(english["id"])).sound
    assert 0.2 < np.abs(sound).max() < 1.0
    spoken = sound[np.abs(sound) > 0.02]
    assert np.sqrt(np.mean(spoken**2)) > 0.05


def test_the_mouth_moves_and_the_background_is_still(api: Api, english: Json) -> None:
    pictures = np.stack(film(api.content(english["id"])).pictures).astype(np.float32)
    change = np.abs(np.diff(pictures, axis=0)).mean(axis=(0, 3))
    height, width = change.shape
    corner = change[: height // 10, -width // 10 :].mean()
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
        resampler = av.AudioResampler("flt", "mono", HEARD_RATE_HZ)
        parts = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    sent = np.concatenate([part.to_ndarray().reshape(-1) for part in parts])
    assert lag_s(sent, shown.sound) == pytest.approx(0.2, abs=0.002), "after the lead-in"


def lag_s(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """How much later the same sound is heard in the other recording."""
    size = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size))
    return float(np.fft.irfft(product, size).argmax()) / HEARD_RATE_HZ


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


def test_a_performance_is_seen_before_the_colour_that_was_asked_for(
    api: Api, avatar_id: str
) -> None:
    text = "Hello there. Yes, indeed."
    performance = {
        "expression": {"name": "happy", "strength": 0.8},
        "cues": [{"at": {"text_offset": text.index("Yes")}, "action": "nod"}],
    }
    background = {"type": "colour", "colour": "#00b140"}
    asked = {"performance": performance, "output": {"background": background, "width": 256}}
    video = api.ended(api.video(avatar_id, text, **asked))
    assert video["status"] == "succeeded", video["error"]
    pictures = np.stack(film(api.content(video["id"])).pictures).astype(np.float32)
    corner = pictures[:, :16, -16:].reshape(-1, 3)
    assert np.abs(corner - (0, 177, 64)).max() < 24
    green = np.abs(pictures[0] - (0, 177, 64)).max(axis=-1) < 24
    assert 0.1 < green.mean() < 0.7
    assert not green[
        green.shape[0] // 2 - 8 :, green.shape[1] // 2 - 8 : green.shape[1] // 2 + 8
    ].any()
    assert dip_px(pictures) > 2
    beyond = {"performance": {"cues": [{"at": {"text_offset": 99}, "action": "nod"}]}}
    with pytest.raises(Refused) as refused:
        api.video(avatar_id, text, **beyond)
    assert refused.value.problem["errors"][0]["location"] == (
        "body.performance.cues.0.at.text_offset"
    )


@pytest.fixture(scope="module")
def transparent(api: Api, avatar_id: str) -> Json:
    output = {"background": {"type": "transparent"}, "width": 256}
    return api.ended(api.video(avatar_id, ENGLISH, output=output))


def test_before_nothing_a_person_has_alpha_that_moves_along(api: Api, transparent: Json) -> None:
    assert transparent["status"] == "succeeded", transparent["error"]
    assert transparent["background"] == {"type": "transparent"}
    alpha = alphas(api.content(transparent["id"]))
    count, height, width = alpha.shape
    assert count == round(transparent["duration_s"] * 25)
    assert (width, height) == (transparent["width"], transparent["height"])
    assert alpha[:, :16, -16:].max() <= 3, "the corner is clear"
    face = alpha[:, height // 2 - 8 : height // 2 + 8, width // 2 - 8 : width // 2 + 8]
    assert face.min() >= 252, "the face is opaque"
    assert 0.2 < (alpha[0] > 127).mean() < 0.9
    assert (np.ptp(alpha, axis=0) > 100).any(), "the edge moves"


def test_a_transparent_file_is_a_webm_that_is_heard_and_served_like_an_mp4(
    api: Api, transparent: Json, transcript: Transcribe
) -> None:
    path = f"/v1/videos/{transparent['id']}/content"
    answer = api.http.get(path)
    content = answer.content
    assert answer.headers["content-type"] == "video/webm"
    assert f'"{transparent["id"]}.webm"' in answer.headers["content-disposition"]
    assert len(content) == transparent["bytes"]
    shown = film(content)
    assert (shown.codecs, shown.fps) == (("vp9", "opus"), 25)
    assert (shown.picture_times[0], shown.sound_starts_s) == (0.0, 0.0)
    assert len(shown.sound) / HEARD_RATE_HZ == pytest.approx(transparent["duration_s"], abs=0.05)
    heard = transcript(shown.sound, "en")
    words = [re.findall(r"[a-z']+", text.lower()) for text in (ENGLISH, heard)]
    assert error_rate(*words) <= 0.05
    part = api.http.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    subtitles = api.http.get(f"/v1/videos/{transparent['id']}/subtitles")
    assert letters("make a person speak") in letters(subtitles.text)


def test_a_transparent_stream_is_refused_for_a_reason(api: Api, avatar_id: str) -> None:
    with pytest.raises(Refused) as refused:
        api.post("/v1/streams", {"avatar_id": avatar_id, "background": {"type": "transparent"}})
    (fault,) = refused.value.problem["errors"]
    assert "keyed out" in fault["message"]


def dip_px(pictures: NDArray[np.float32]) -> float:
    """How far the middle of the picture goes down and comes back, at most."""
    height, width = pictures.shape[1:3]
    middle = pictures[:, height // 6 : height // 2, width // 3 : 2 * width // 3].mean(axis=(2, 3))
    first = middle[0] - middle[0].mean()
    lags = [
        int(np.correlate(row - row.mean(), first, "full").argmax()) - len(first) + 1
        for row in middle
    ]
    return float(max(lags) - np.median(lags))


def test_the_manifest_of_what_has_alpha_lies_beside_it(api: Api, transparent: Json) -> None:
    answer = api.http.get(f"/v1/videos/{transparent['id']}/manifest")
    assert answer.headers["content-type"] == "application/c2pa"
    content = io.BytesIO(api.content(transparent["id"]))
    with Reader("video/webm", content, answer.content) as reader:
        told = json.loads(reader.json())
    assert told["manifests"][told["active_manifest"]]["title"] == transparent["id"]
    faults = [fault["code"] for fault in told["validation_status"]]
    assert faults == ["signingCredential.untrusted"]


def test_a_copy_without_label_and_manifest_is_known_again(
    api: Api, avatar_id: str, tmp_path: Path
) -> None:
    # Said nowhere else: of two films with the same words and face, either is as right.
    words = "Seven lighthouse keepers counted every ship that passed before the morning fog came."
    made = api.ended(api.video(avatar_id, words))
    assert made["status"] == "succeeded", made["error"]
    copy = smaller(io.BytesIO(api.content(made["id"])), tmp_path / "copy.mp4")
    answer = api.http.post("/v1/verify", files={"file": ("copy.mp4", copy.read_bytes())})
    told = answer.json()
    assert [one["kind"] for one in told["evidence"]] == ["fingerprint"]
    assert (told["made_here"], told["video_id"]) == (True, made["id"])
