"""The whole stack through the supervisor, with the real models."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
import pytest
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from services.common.models import MODELS_FOLDER
from tests.e2e.watching import Transcribe
from tests.log_watch import leaks

ROOT = Path(__file__).parents[2]
MODELS = Path(os.environ.get("VULTUS_HOME", ROOT / ".vultus")).resolve() / MODELS_FOLDER
PORTRAIT = MODELS / "demo_portrait.jpg"
Json = dict[str, Any]
ENDED = frozenset({"succeeded", "failed", "cancelled", "rejected"})
_PATIENCE_S = 240.0
_POLL_S = 0.05
ValueT = TypeVar("ValueT")


def eventually(
    what: str, ask: Callable[[], ValueT | None], within_s: float = _PATIENCE_S
) -> ValueT:
    """The first answer that is true; fails after a while, saying what was awaited."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"{what} did not come"
        pause.wait(_POLL_S)
    return answer


class Stack:
    """`python -m services.local up` in a home of its own."""

    def __init__(self, home: Path, **variables: str) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        if not (home / MODELS_FOLDER).exists():
            (home / MODELS_FOLDER).symlink_to(MODELS)
        self._environment = {
            **os.environ,
            "VULTUS_HOME": str(home),
            "VULTUS_GATEWAY_PORT": "0",
            "VULTUS_GATEWAY_RATE_LIMIT": "100000/minute",
            **variables,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when everything is ready."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "services.local", "up"],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.DEVNULL,
        )
        eventually("the stack", lambda: self._failed() or self.state().get("ready"))
        assert self._process.poll() is None, "the stack did not start"

    def stop(self) -> int:
        """As Ctrl-C does; returns the exit status. Fails when a log tells what none may tell."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        status = self._process.wait(_PATIENCE_S)
        for path in (self.home / "logs").glob("*.log*"):
            assert not leaks(path.read_text("utf-8", "replace")), path.name
        return status

    def state(self) -> Json:
        """What runs, as the supervisor tells it."""
        try:
            state: Json = json.loads((self.home / "run" / "state.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return state

    def process(self, name: str) -> Json:
        """One process of the state."""
        process: Json = self.state()["processes"][name]
        return process

    def kill(self, name: str) -> None:
        """Kills a process of the stack as the kernel would; returns when another has its place."""
        pid = self.process(name)["pid"]
        os.kill(pid, signal.SIGKILL)

        def replaced() -> bool:
            process = self.process(name)
            return process["state"] == "ready" and process["pid"] not in (None, pid)

        eventually(f"another {name}", replaced)

    @contextmanager
    def api(self, key: str | None = None) -> Iterator[Api]:
        """The HTTP API, as the first account unless another's key is given."""
        headers = {"Authorization": f"Bearer {key or self._first_key()}"}
        url = self.state()["url"]
        with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=120) as client:
            yield Api(client)

    def account(self, name: str) -> str:
        """The API key of a new account, made as an operator does."""
        made = self._command("services.gateway.accounts", "create", name)
        return next(word for word in made.split() if word.startswith("vk_"))

    def operate(self, *words: str) -> str:
        """What a command of an operator prints."""
        return self._command("services.gateway.operator", *words)

    def _command(self, module: str, *words: str) -> str:
        made = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            env={
                **self._environment,
                "VULTUS_GATEWAY_STORAGE_ADDRESS": self.process("storage")["address"],
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return made.stdout

    def log(self, name: str) -> str:
        """All that a process printed."""
        return (self.home / "logs" / f"{name}.log").read_text("utf-8")

    def _first_key(self) -> str:
        return (self.home / "api-key").read_text("utf-8").strip()

    def _failed(self) -> bool:
        return self._process is not None and self._process.poll() is not None


class Api:
    """The HTTP API as one account."""

    def __init__(self, client: httpx.Client) -> None:
        self.http = client

    def get(self, path: str, **query: Any) -> Json:
        return _json(self.http.get(path, params=query))

    def post(self, path: str, body: Json | None = None) -> Json:
        return _json(self.http.post(path, json=body))

    def upload(self, path: str, field: str, file: Path | bytes, **fields: str) -> Json:
        content = file.read_bytes() if isinstance(file, Path) else file
        return _json(self.http.post(path, files={field: ("file", content)}, data=fields))

    def avatar(self, portrait: Path | bytes = PORTRAIT) -> str:
        """The id of a new avatar that is ready."""
        made = self.upload("/v1/avatars", "image", portrait, name="Ada", subject_authorised="true")

        def ready() -> Json | None:
            avatar = self.get(f"/v1/avatars/{made['id']}")
            return avatar if avatar["status"] != "preparing" else None

        avatar = eventually("the avatar", ready)
        assert avatar["status"] == "ready", avatar
        return str(avatar["id"])

    def video(self, avatar_id: str, text: str, **more: Any) -> str:
        """The id of a new video that says the text."""
        script = {"type": "text", "text": text}
        return str(
            self.post("/v1/videos", {"avatar_id": avatar_id, "script": script, **more})["id"]
        )

    def until(self, video_id: str, *statuses: str) -> Json:
        """The video once it is in one of these states, or has ended; survives an outage."""

        def there() -> Json | None:
            try:
                video = self.get(f"/v1/videos/{video_id}")
            except (httpx.TransportError, Refused):
                return None
            return video if video["status"] in ENDED.union(statuses) else None

        return eventually(f"video {video_id} {statuses}", there)

    def ended(self, video_id: str) -> Json:
        """The video when it has ended."""
        return self.until(video_id)

    def content(self, video_id: str) -> bytes:
        """The file."""
        answer = self.http.get(f"/v1/videos/{video_id}/content")
        assert answer.status_code == httpx.codes.OK
        return answer.content


class Refused(AssertionError):
    """The API answered with a problem."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.status_code} {answer.text}")
        self.status = answer.status_code
        self.problem: Json = answer.json()


def _json(answer: httpx.Response) -> Json:
    if not answer.is_success:
        raise Refused(answer)
    body: Json = answer.json() if answer.content else {}
    return body


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for the tests that leave it as they found it."""
    running = Stack(tmp_path_factory.mktemp("home") / "vultus")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def api(stack: Stack) -> Iterator[Api]:
    with stack.api() as api:
        yield api


@pytest.fixture(scope="session")
def avatar_id(api: Api) -> str:
    return api.avatar()


@pytest.fixture(scope="session")
def stranger(stack: Stack) -> Iterator[Api]:
    """Another account."""
    with stack.api(stack.account("stranger")) as api:
        yield api


@pytest.fixture(scope="session")
def transcript() -> Transcribe:
    model = WhisperModel(str(MODELS / "whisper-base"), compute_type="int8", cpu_threads=2)

    def heard(sound: NDArray[np.float32], language: str) -> str:
        prompt = "以下是普通话的句子。" if language == "zh" else None
        segments, _ = model.transcribe(
            sound, language=language, initial_prompt=prompt, condition_on_previous_text=False
        )
        return "".join(segment.text for segment in segments)

    return heard
