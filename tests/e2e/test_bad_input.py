"""What people send by mistake or on purpose: a clear problem each, and nothing left behind."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.e2e.conftest import PORTRAIT, Api, Json, Refused

Maker = Callable[[], bytes]


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, form, **options)
    return target.getvalue()


def portrait() -> Image.Image:
    return Image.open(PORTRAIT).convert("RGB")


def blank() -> bytes:
    return saved(Image.new("RGB", (640, 640), "grey"), "PNG")


def bomb() -> bytes:
    """100 megapixels in a few kilobytes."""
    return saved(Image.new("1", (10_000, 10_000)), "PNG")


def two_faces() -> bytes:
    face = portrait()
    both = Image.new("RGB", (face.width * 2, face.height))
    both.paste(face, (0, 0))
    both.paste(ImageOps.mirror(face), (face.width, 0))
    return saved(both, "JPEG")


def tiny_face() -> bytes:
    scene = Image.new("RGB", (600, 600), "white")
    scene.paste(portrait().resize((60, 72)), (270, 264))
    return saved(scene, "PNG")


def truncated() -> bytes:
    whole = PORTRAIT.read_bytes()
    return whole[: len(whole) // 3]


def nothing() -> bytes:
    return b""


def prose() -> bytes:
    return b"plainly no picture"


def too_heavy() -> bytes:
    return PORTRAIT.read_bytes() + bytes(20_000_000)


def svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script/></svg>'


def tone(
    seconds: float = 2.0, rate: int = 16_000, channels: int = 1, loudness: float = 0.3
) -> bytes:
    """A voice-like tone as WAV."""
    times = np.arange(int(seconds * rate)) / rate
    wave_ = np.sin(2 * np.pi * 180 * times) * (np.sin(2 * np.pi * 3 * times) > 0) * loudness
    frames = np.repeat((wave_ * 32767).astype("<i2")[:, None], channels, axis=1)
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames.tobytes())
    return target.getvalue()


@pytest.fixture(autouse=True)
def _leaves_nothing(api: Api) -> Iterator[None]:
    before = [len(api.get(f"/v1/{noun}", limit=100)["items"]) for noun in ("assets", "avatars")]
    yield
    after = [len(api.get(f"/v1/{noun}", limit=100)["items"]) for noun in ("assets", "avatars")]
    assert after == before


def refused(call: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    problem = caught.value.problem
    assert problem["type"].startswith("/problems/")
    assert problem["request_id"]
    assert problem["detail"]
    return caught.value


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (nothing, "unsupported_media"),
        (prose, "unsupported_media"),
        (svg, "unsupported_media"),
        (tone, "unsupported_media"),
        (truncated, "image_undecodable"),
        (bomb, "payload_too_large"),
        (too_heavy, "payload_too_large"),
        (blank, "no_face"),
        (two_faces, "several_faces"),
        (tiny_face, "face_too_small"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_picture_that_can_not_be_used_is_refused(api: Api, picture: Maker, code: str) -> None:
    error = refused(
        lambda: api.upload("/v1/avatars", "image", picture(), name="Ada", subject_authorised="true")
    )
    assert error.problem["code"] == code


def animated() -> bytes:
    return saved(
        portrait().resize((256, 300)),
        "GIF",
        save_all=True,
        append_images=[Image.new("RGB", (256, 300))],
    )


def cmyk() -> bytes:
    return saved(portrait().convert("CMYK"), "JPEG")


def sixteen_bits() -> bytes:
    grey = np.asarray(portrait().convert("L"), np.uint16) * 257
    return saved(Image.fromarray(grey), "PNG")


def transparent() -> bytes:
    picture = portrait()
    picture.putalpha(200)
    return saved(picture, "WEBP")


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(portrait().rotate(90, expand=True), "JPEG", exif=exif)


@pytest.mark.parametrize("picture", [animated, cmyk, sixteen_bits, transparent, turned])
def test_an_unusual_picture_works(api: Api, picture: Maker) -> None:
    avatar_id = api.avatar(picture())
    avatar = api.get(f"/v1/avatars/{avatar_id}")
    preview = api.http.get(f"/v1/avatars/{avatar_id}/preview")
    assert Image.open(io.BytesIO(preview.content)).size == (avatar["width"], avatar["height"])
    assert avatar["height"] > avatar["width"], "it stands upright"
    api.http.delete(f"/v1/avatars/{avatar_id}")


def test_without_the_attestation_no_avatar_is_made(api: Api) -> None:
    error = refused(
        lambda: api.upload("/v1/avatars", "image", PORTRAIT, name="Ada", subject_authorised="false")
    )
    assert error.problem["code"] == "consent_required"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "text_empty"),
        ("  \n\t ", "text_empty"),
        ("🙂🎉", "text_empty"),
        ("…!?", "text_empty"),
        ("a" * 20_001, "text_too_long"),
        ("Привет, как дела?", "unsupported_language"),
        ("สวัสดีครับ", "unsupported_language"),
    ],
)
def test_a_text_that_can_not_be_said_is_refused(
    api: Api, avatar_id: str, text: str, code: str
) -> None:
    error = refused(lambda: api.video(avatar_id, text))
    assert (error.status, error.problem["code"]) == (422, code)


def test_a_text_in_two_scripts_of_which_one_can_not_be_read_fails_with_its_reason(
    api: Api, avatar_id: str
) -> None:
    video = api.ended(api.video(avatar_id, "Hello and привет."))
    assert (video["status"], video["error"]["code"]) == ("failed", "unsupported_language")


def test_what_looks_like_markup_is_read_as_text(api: Api) -> None:
    body = {"voice_id": "vo_en_heart", "text": "<speak>Hello <break/> there.</speak>"}
    answer = api.post("/v1/speech?timings=true", body)
    words = [word["text"].strip("<>/.").lower() for word in answer["words"]]
    assert "hello" in " ".join(words)
    assert answer["duration_s"] > 0.5


@pytest.mark.parametrize(
    ("sound", "code"),
    [
        (lambda: tone(loudness=0.0), "audio_silent"),
        (lambda: b"ID3" + b"\0" * 400, "audio_undecodable"),
        (lambda: tone()[:30], "audio_undecodable"),
        (lambda: b"RIFF\0\0\0\0WAVEjunk", "audio_undecodable"),
        (lambda: b"\0" * 1000, "unsupported_media"),
        (lambda: tone(3610, 8000), "payload_too_large"),
    ],
    ids=["silent", "mp3 of nothing", "truncated header", "junk", "zeros", "over an hour"],
)
def test_a_recording_that_can_not_be_used_is_refused(api: Api, sound: Maker, code: str) -> None:
    error = refused(lambda: api.upload("/v1/assets", "file", sound()))
    assert error.problem["code"] == code


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"), [(8_000, 1, 2.0), (48_000, 6, 2.0), (8_000, 1, 3599.0)]
)
def test_an_unusual_recording_works(api: Api, rate: int, channels: int, seconds: float) -> None:
    asset = api.upload("/v1/assets", "file", tone(seconds, rate, channels))
    assert asset["kind"] == "audio"
    assert asset["duration_s"] == pytest.approx(seconds, abs=0.1)
    api.http.delete(f"/v1/assets/{asset['id']}")


def test_the_bytes_tell_what_a_file_is_not_its_name_or_type(api: Api) -> None:
    files = {"file": ("../../etc/passwd\0.mp3", PORTRAIT.read_bytes(), "audio/mpeg")}
    asset = api.http.post("/v1/assets", files=files).json()
    assert (asset["kind"], asset["content_type"]) == ("image", "image/jpeg")
    assert "/" not in json.dumps(asset.get("file_name", ""))
    api.http.delete(f"/v1/assets/{asset['id']}")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        (b'{"avatar_id": 1}', "body.avatar_id"),
        (b'{"nonsense": true}', "body.nonsense"),
        (b"\xff\xfe", "body"),
    ],
)
def test_a_body_that_makes_no_sense_names_what_is_wrong(api: Api, body: bytes, where: str) -> None:
    answer = api.http.post("/v1/videos", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    problem = answer.json()
    assert problem["code"] == "validation_failed"
    assert any(error["location"].startswith(where) for error in problem["errors"])


@pytest.mark.parametrize("noun", ["assets", "avatars", "videos"])
@pytest.mark.parametrize(
    "name", ["xx_01JAZ5W7Q2M8N4P6R8T0V2X4Z6", "%2e%2e%2fetc", "a" * 300, "%00", "' OR 1=1"]
)
def test_an_unknown_id_is_not_found(api: Api, noun: str, name: str) -> None:
    answer = api.http.get(f"/v1/{noun}/{name}")
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert answer.json()["code"] == "not_found"


def test_another_accounts_things_do_not_exist(api: Api, avatar_id: str, stranger: Api) -> None:
    video_id = api.video(avatar_id, "Mine alone.")
    api.ended(video_id)
    for path in (f"avatars/{avatar_id}", f"videos/{video_id}", f"videos/{video_id}/content"):
        error = refused(lambda path=path: stranger.get(f"/v1/{path}"))  # type: ignore[misc]  # as above
        assert error.problem["code"] == "not_found"
    assert stranger.http.delete(f"/v1/avatars/{avatar_id}").status_code == httpx.codes.NOT_FOUND
    error = refused(lambda: stranger.video(avatar_id, "Not mine."))
    assert error.problem["code"] == "not_found"
    assert api.get(f"/v1/avatars/{avatar_id}")["status"] == "ready"


def test_the_same_idempotency_key_at_once_makes_one_video(api: Api, avatar_id: str) -> None:
    body = {"avatar_id": avatar_id, "script": {"type": "text", "text": "Once."}}
    headers = {"Idempotency-Key": "at-once"}

    def ask(_: int) -> httpx.Response:
        return api.http.post("/v1/videos", json=body, headers=headers)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    made: set[str] = set()
    for answer in answers:
        if answer.status_code == httpx.codes.CONFLICT:
            problem: Json = answer.json()
            assert (problem["code"], problem["retryable"]) == ("idempotency_conflict", True)
        else:
            made.add(answer.json()["id"])
    assert len(made) == 1
    again = api.http.post("/v1/videos", json=body, headers=headers)
    assert again.json()["id"] in made
    other = {**body, "script": {"type": "text", "text": "Twice."}}
    conflict = api.http.post("/v1/videos", json=other, headers=headers)
    assert conflict.status_code == httpx.codes.CONFLICT
    assert conflict.json()["retryable"] is False
    api.ended(made.pop())
