"""A live stream through the whole stack: what is said, stopped, refused, and kept."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from services.common.grpc_client import open_channel
from services.gateway.clients.media import GrpcSpeaker
from services.gateway.media import AudioChunk
from services.gateway.pipeline import SPEECH_RATE_HZ
from tests.e2e.conftest import Api, Json, Stack, eventually
from tests.e2e.watching import HEARD_RATE_HZ, Film, Transcribe, error_rate, film, letters

ENGLISH = "The morning train was late, but nobody on the platform complained."
LONG = (
    "Once upon a time there was a fisherman. He lived beside the sea with his wife and a cat. "
    "Every day he rowed out before the sun came up, and every day he came home at noon."
)
MANDARIN = "今天天气很好，我们一起去公园散步吧。"
_PATIENCE_S = 120.0
_QUIET = 0.01


class Live:
    """A stream, and the socket that drives it."""

    def __init__(self, api: Api, stream: Json, socket: ClientConnection) -> None:
        self.api = api
        self.id = str(stream["id"])
        self.socket = socket

    def say(self, type_: str, **fields: object) -> None:
        self.socket.send(json.dumps({"type": type_, **fields}))

    def heard(self, *types: str) -> Json:
        """The next message of one of these types; those before it are passed over."""
        deadline_s = time.monotonic() + _PATIENCE_S
        while True:
            message: Json = json.loads(self.socket.recv(deadline_s - time.monotonic()))
            if message["type"] in types:
                return message

    def drive(self, text: str) -> Json:
        """Says a text; how that ended."""
        self.say("drive", text=text)
        return self.heard("drive.finished", "drive.failed", "drive.interrupted")

    def record(self) -> Json:
        return self.api.get(f"/v1/streams/{self.id}")


@contextmanager
def live(api: Api, avatar_id: str, **wishes: object) -> Iterator[Live]:
    """A stream while the block runs."""
    stream = api.post("/v1/streams", {"avatar_id": avatar_id, **wishes})
    url = str(api.http.base_url).rstrip("/").replace("http", "ws", 1) + stream["control_url"]
    token = stream["token"]
    try:
        with connect(url, subprotocols=["vultus", f"token.{token}"], proxy=None) as socket:  # type: ignore[list-item]
            yield Live(api, stream, socket)
    finally:
        api.http.delete(f"/v1/streams/{stream['id']}")


def kept(api: Api, stream_id: str) -> Film:
    """The recording of an ended stream."""
    video = api.ended(api.get(f"/v1/streams/{stream_id}")["recording_video_id"])
    assert video["status"] == "succeeded", video
    return film(api.content(video["id"]))


def loud(sound: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which tenths of a second are not silent."""
    tenth = HEARD_RATE_HZ // 10
    whole = sound[: len(sound) // tenth * tenth].reshape(-1, tenth)
    return np.asarray(np.abs(whole).max(axis=1) > _QUIET)


def spoken(stack: Stack, text: str, voice_id: str) -> bytes:
    """Whatever text as PCM at SPEECH_RATE_HZ, past the moderation of the API."""

    async def main() -> bytes:
        async with open_channel(stack.process("tts")["address"]) as channel:
            sound = GrpcSpeaker(channel).speak(text, voice_id=voice_id, speed=1.0)
            return b"".join([one.pcm_s16le async for one in sound if isinstance(one, AudioChunk)])

    return asyncio.run(main())


def test_what_is_said_is_heard_and_kept(api: Api, avatar_id: str, transcript: Transcribe) -> None:
    with live(api, avatar_id, record=True) as stream:
        assert stream.drive(ENGLISH)["type"] == "drive.finished"
        stream_id = stream.id
    recorded = kept(api, stream_id)
    heard = transcript(recorded.sound, "en")
    words = [letters(word).lower() for word in ENGLISH.split()]
    assert error_rate(words, [letters(word).lower() for word in heard.split()]) <= 0.1
    assert np.diff(recorded.picture_times) == pytest.approx(0.04, abs=0.001)
    assert abs(recorded.picture_times[-1] - len(recorded.sound) / HEARD_RATE_HZ) < 0.2


def test_an_interruption_is_told_as_it_is_heard(
    api: Api, avatar_id: str, transcript: Transcribe
) -> None:
    with live(api, avatar_id, record=True) as stream:
        stream.say("drive", text=LONG)
        for _ in range(5):
            stream.heard("word")
        stream.say("interrupt")
        interrupted = stream.heard("drive.interrupted")
        stream.say("ping")
        stream.heard("pong")
        stream_id = stream.id
    played = interrupted["played_text"]
    assert LONG.startswith(played)
    recorded = kept(api, stream_id)
    voiced_s = loud(recorded.sound).sum() / 10
    assert voiced_s <= interrupted["played_ms"] / 1000 + 0.2
    heard = [letters(word).lower() for word in transcript(recorded.sound, "en").split()]
    assert len(heard) <= len(played.split()) + 1


def test_a_text_is_said_while_it_is_written(
    api: Api, avatar_id: str, transcript: Transcribe
) -> None:
    with live(api, avatar_id, record=True) as stream:
        for character in MANDARIN:
            stream.say("text.delta", text=character)
        stream.heard("drive.started")
        stream.say("text.end")
        assert stream.heard("drive.finished", "drive.failed")["type"] == "drive.finished"
        stream_id = stream.id
    heard = transcript(kept(api, stream_id).sound, "zh")
    assert error_rate(list(letters(MANDARIN)), list(letters(heard))) <= 0.15


def test_sound_is_heard_as_it_was_sent(
    stack: Stack, api: Api, avatar_id: str, transcript: Transcribe
) -> None:
    pcm = spoken(stack, ENGLISH, "vo_en_george")
    with live(api, avatar_id, record=True) as stream:
        stream.say("audio.start", sample_rate=SPEECH_RATE_HZ, channels=1, language="en")
        for at in range(0, len(pcm), 4_800):
            stream.socket.send(pcm[at : at + 4_800])
        stream.say("audio.end")
        finished = stream.heard("drive.finished", "drive.failed")
        assert finished["type"] == "drive.finished"
        stream_id = stream.id
    assert finished["played_ms"] == pytest.approx(len(pcm) / 2 / SPEECH_RATE_HZ * 1000, abs=5)
    heard = [letters(word).lower() for word in transcript(kept(api, stream_id).sound, "en").split()]
    assert error_rate([letters(word).lower() for word in ENGLISH.split()], heard) <= 0.15


def test_what_is_refused_is_not_heard(api: Api, avatar_id: str, transcript: Transcribe) -> None:
    with live(api, avatar_id, record=True) as stream:
        for piece in ("Here is what I will do. ", "I am going to kill you tonight. ", "Goodbye."):
            stream.say("text.delta", text=piece)
        stream.say("text.end")
        assert "violence" in stream.heard("moderation.blocked")["categories"]
        failed = stream.heard("drive.failed")
        assert failed["problem"]["code"] == "content_rejected"
        assert stream.drive(ENGLISH)["type"] == "drive.finished"
        stream_id = stream.id
    heard = transcript(kept(api, stream_id).sound, "en").lower()
    assert "kill" not in heard
    assert "train" in heard


def test_spoken_harm_is_refused_before_it_is_heard(stack: Stack, api: Api, avatar_id: str) -> None:
    pcm = spoken(stack, "I am going to kill you and your whole family.", "vo_en_heart")
    with live(api, avatar_id, record=True) as stream:
        stream.say("audio.start", sample_rate=SPEECH_RATE_HZ, channels=1, language="en")
        stream.socket.send(pcm)
        stream.say("audio.end")
        failed = stream.heard("drive.failed", "drive.finished")
        assert failed["type"] == "drive.failed"
        assert failed["problem"]["code"] == "content_rejected"
        stream.say("ping")
        stream.heard("pong")
        stream_id = stream.id
    assert not loud(kept(api, stream_id).sound).any()


def test_a_stream_of_another_account_is_unknown(api: Api, stranger: Api, avatar_id: str) -> None:
    with live(api, avatar_id) as stream:
        assert stranger.http.get(f"/v1/streams/{stream.id}").status_code == 404
        assert stranger.http.delete(f"/v1/streams/{stream.id}").status_code == 404


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose processes may be killed."""
    running = Stack(tmp_path_factory.mktemp("live") / "vultus")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tts", "moderation", "lipsync", "storage", "nats", "s3"])
def test_a_stream_goes_on_when_something_is_killed_in_its_middle(own: Stack, name: str) -> None:
    with own.api() as api, live(api, api.avatar()) as stream:
        stream.say("drive", text=LONG)
        stream.heard("word")
        own.kill(name)
        ended = stream.heard("drive.finished", "drive.failed")
        if ended["type"] == "drive.failed":
            assert ended["problem"]["code"] in ("unavailable", "internal")
        assert stream.drive(ENGLISH)["type"] == "drive.finished"
        assert stream.record()["status"] in ("created", "connecting", "live")


@pytest.mark.slow
def test_a_stream_whose_gateway_dies_ends_with_its_reason(own: Stack) -> None:
    with own.api() as api, live(api, api.avatar()) as stream:
        stream.say("drive", text=LONG)
        stream.heard("word")
        own.kill("gateway")
        with pytest.raises(ConnectionClosed):
            stream.heard("drive.finished")

        def ended() -> Json | None:
            record = stream.record()
            return record if record["status"] == "ended" else None

        assert eventually("its end", ended)["reason"] == "gateway_lost"


@pytest.mark.slow
def test_streams_leave_nothing_behind(own: Stack) -> None:
    """Files that are open and memory, after many streams, as after few."""
    with own.api() as api:
        avatar_id = api.avatar()
        for _ in range(10):
            with live(api, avatar_id) as stream:
                stream.say("ping")
        before = {name: footprint(own, name) for name in ("gateway", "lipsync", "storage")}
        for _ in range(100):
            with live(api, avatar_id) as stream:
                stream.say("ping")
        for name, (files, memory_mb) in before.items():
            files_now, memory_now_mb = footprint(own, name)
            assert files_now <= files + 3, name
            assert memory_now_mb <= memory_mb + 25, name


def footprint(stack: Stack, name: str) -> tuple[int, float]:
    """How many files a process holds open, and its memory in MB."""
    pid = stack.process(name)["pid"]
    return open_files(pid), memory_mb(pid)


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1000


def test_a_stream_acts_as_it_is_told_before_its_background(api: Api, avatar_id: str) -> None:
    background = {"type": "colour", "colour": "#00b140"}
    with live(api, avatar_id, width=256, record=True, background=background) as stream:
        changed = {"expression": {"name": "surprised"}}
        assert api.http.patch(f"/v1/streams/{stream.id}", json=changed).is_success
        stream.say("action", name="nod")
        performance = {"cues": [{"at": {"text_offset": 6}, "action": "tilt"}]}
        stream.say("drive", text="Hello there.", performance=performance)
        assert stream.heard("drive.finished", "drive.failed")["type"] == "drive.finished"
        stream_id = stream.id
    pictures = np.stack(kept(api, stream_id).pictures).astype(np.float32)
    assert np.abs(pictures[:, :16, -16:] - (0, 177, 64)).max() < 24
    assert np.abs(pictures[-1] - pictures[0]).mean() > 1.0
