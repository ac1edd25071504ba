"""Voices, and sound made at once."""

from __future__ import annotations

import base64
import io
import wave
from pathlib import Path

import av
import httpx
import pytest

from services.gateway.records import Suggestion, Verdict
from services.storage.assets.sniffing import sniff
from services.storage.provenance.credentials import made_credentials
from services.storage.provenance.evidence import gather
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage

BODY = {"voice_id": "vo_en_heart", "text": "Hello there. Good day."}
SPOKEN_S = 1.6


async def test_voices_are_listed_all_or_by_language(client: httpx.AsyncClient) -> None:
    voices = (await client.get("/v1/voices")).json()["items"]
    assert [voice["id"] for voice in voices] == ["vo_en_heart", "vo_zh_xiaoxiao"]
    assert voices[0]["sample_rate"] == 24_000
    chinese = (await client.get("/v1/voices", params={"language": "zh-CN"})).json()["items"]
    assert [voice["id"] for voice in chinese] == ["vo_zh_xiaoxiao"]
    wrong = await client.get("/v1/voices", params={"language": "../"})
    problem(wrong, 422, "validation_failed")


async def test_wav_is_a_whole_file_of_the_voices_rate(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/speech", json=BODY)
    assert response.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(response.content)) as file:
        assert (file.getframerate(), file.getnchannels()) == (24_000, 1)
        assert file.getnframes() / 24_000 == pytest.approx(SPOKEN_S)


@pytest.mark.parametrize(
    ("name", "content_type", "codec"),
    [("mp3", "audio/mpeg", "mp3"), ("opus", "audio/ogg", "opus")],
)
async def test_compressed_sound_decodes_to_the_same_length(
    client: httpx.AsyncClient, name: str, content_type: str, codec: str
) -> None:
    response = await client.post("/v1/speech", json=BODY | {"format": name})
    assert response.headers["content-type"] == content_type
    with av.open(io.BytesIO(response.content), "r") as file:
        stream = file.streams.audio[0]
        assert stream.codec_context.name.startswith(codec)
        samples = sum(int(frame.samples) for frame in file.decode(stream))
        assert samples / stream.codec_context.sample_rate == pytest.approx(SPOKEN_S, abs=0.1)


@pytest.mark.parametrize("name", ["wav", "mp3", "opus"])
async def test_every_file_says_that_it_was_generated(
    client: httpx.AsyncClient, name: str, tmp_path: Path
) -> None:
    response = await client.post("/v1/speech", json=BODY | {"format": name})
    path = tmp_path / "speech"
    path.write_bytes(response.content)
    media = sniff(path)
    found = gather(path, media.reader, media.content_type, chain=made_credentials("x").decode())
    assert found.label is not None
    assert found.label.producer == "vultus"
    assert found.label.content_id.startswith("sp_")


async def test_timings_tell_mouth_shapes_and_words(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/speech", params={"timings": "true"}, json=BODY)
    timed = response.json()
    assert timed["duration_s"] == pytest.approx(SPOKEN_S)
    assert timed["visemes"][1] == {"viseme": "aa", "start_ms": 800, "duration_ms": 800}
    assert timed["words"][3] == {"text": "day", "start_ms": 1200, "end_ms": 1600}
    assert base64.b64decode(timed["audio_base64"])[:4] == b"RIFF"


async def test_what_moderation_refuses_is_never_spoken(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    stage.moderator.verdict = Verdict(Suggestion.BLOCK, ("hate", "hate", "violence"))
    body = problem(await client.post("/v1/speech", json=BODY), 403, "content_rejected")
    assert body["categories"] == ["hate", "violence"]
    assert not stage.speaker.spoken


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"voice_id": "vo_none"}, 404, "not_found"),
        ({"text": "👍"}, 422, "text_empty"),
        ({"text": "x" * 5001}, 422, "text_too_long"),
        ({"speed": 3}, 422, "validation_failed"),
        ({"format": "flac"}, 422, "validation_failed"),
    ],
)
async def test_wrong_requests_are_told(
    client: httpx.AsyncClient, change: dict[str, object], status: int, code: str
) -> None:
    problem(await client.post("/v1/speech", json=BODY | change), status, code)
