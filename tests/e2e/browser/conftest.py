"""A real browser at `/studio`."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from services.gateway.app import bound_socket, serve_http
from services.gateway.records import Avatar
from services.gateway.settings import GatewaySettings
from tests.fakes.stage import Stage

T = TypeVar("T")

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium is installed; Debian's is `apt-get install chromium`"
PATIENCE_MS = 60_000
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
MARKUP = '<img src=x onerror="document.title=1">'
_SWITCHES = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The installed browser; its microphone beeps once a second."""
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        pytest.skip(MISSING)
    # Chromium has no sandbox for root.
    switches = [*_SWITCHES, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=switches)
        expect.set_options(timeout=PATIENCE_MS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """The page as one visitor has it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """What the browser's console complained of."""

    def enter(self, secret: str) -> None:
        """Shows the key at the door."""
        self.page.fill("#key", secret)
        self.page.press("#key", "Enter")
        self.page.wait_for_selector("#work:not([hidden])")

    def text(self, selector: str) -> str:
        """What is read there."""
        return self.page.inner_text(selector)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")


@contextmanager
def visiting(browser: Browser, url: str, **options: Any) -> Iterator[Visit]:
    """A visitor of `url`/studio; options are those of a browser context."""
    defaults = {"viewport": DESKTOP, "locale": "en-US", "permissions": ["microphone"]}
    with browser.new_context(**{**defaults, **options}) as context:
        context.set_default_timeout(PATIENCE_MS)
        visit = Visit(context.new_page())
        visit.page.on("console", visit.hear)
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.goto(f"{url}/studio")
        yield visit


class FakeGateway:
    """The gateway on fakes, served to a browser from a thread of its own."""

    def __init__(self) -> None:
        self.stage: Stage
        self.url = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        """Returns when it serves."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Returns when nothing of it is left."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs something where the gateway runs; returns what comes of it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        settings = GatewaySettings(event_interval_s=0.1)
        self.stage = Stage(settings, now=lambda: datetime.now(UTC))
        with bound_socket("127.0.0.1:0") as (listener, address):
            async with serve_http(self.stage.app(), listener, drain_timeout_s=1):
                self.url = f"http://{address}"
                self._ready.set()
                await self._over.wait()
                self.stage.closing.set()
                await self.stage.sessions.close()


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    running = FakeGateway()
    running.start()
    yield running
    running.stop()


def picture() -> bytes:
    """A JPEG that can be drawn."""
    file = io.BytesIO()
    Image.new("RGB", (64, 80), (90, 140, 200)).save(file, "JPEG")
    return file.getvalue()


def face(gateway: FakeGateway, name: str = "Ada") -> Avatar:
    """A face that is ready."""
    stage = gateway.stage
    avatar = replace(stage.avatars.add(stage.account.id), name=name)
    stage.avatars.kept[avatar.id] = avatar
    stage.objects.kept[avatar.preview] = picture()
    return avatar


def say(visit: Visit, words: str) -> None:
    visit.page.fill("#line", words)
    visit.page.press("#line", "Enter")
