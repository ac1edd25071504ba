"""The page at `/studio` on the whole stack: what a browser shows is what was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, expect

from tests.e2e.browser.conftest import Visit, visiting
from tests.e2e.conftest import Api, Stack

SENTENCE = "Every morning my mother makes a pot of warm apple porridge for the whole family."
MOUTH = (slice(44, 54), slice(24, 40))
"""Of the demo portrait, in a picture of 64 by 80."""
CORNER = (slice(0, 10), slice(50, 64))

_LOOK = """async (count) => {
    const video = document.querySelector("#video");
    const canvas = new OffscreenCanvas(64, 80);
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const pictures = [];
    while (pictures.length < count) {
        await new Promise((shown) => video.requestVideoFrameCallback(shown));
        pen.drawImage(video, 0, 0, 64, 80);
        pictures.push([...pen.getImageData(0, 0, 64, 80).data.filter((_, i) => i % 4 === 1)]);
    }
    return pictures;
}"""
_LISTEN = """async (ms) => {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 2048;
    context.createMediaStreamSource(document.querySelector("#video").srcObject).connect(analyser);
    const samples = new Float32Array(2048);
    const levels = [];
    const until = performance.now() + ms;
    while (performance.now() < until) {
        await new Promise((drawn) => requestAnimationFrame(drawn));
        analyser.getFloatTimeDomainData(samples);
        levels.push(Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length));
    }
    context.close();
    return Math.max(...levels);
}"""
_PLAY = """async () => {
    const video = document.querySelector(".job video");
    while (video.currentTime < 0.5)
        await new Promise((on) => video.addEventListener("timeupdate", on, { once: true }));
    return video.videoWidth > 0;
}"""
_COLLECT_WORDS = """() => {
    window.lit = [];
    const captions = document.querySelector("#captions");
    new MutationObserver(() => {
        const word = captions.querySelector(".now")?.textContent;
        if (word && word !== window.lit.at(-1)) window.lit.push(word);
    }).observe(captions, { childList: true, characterData: true, subtree: true });
}"""


@pytest.fixture(scope="module")
def visit(chromium: Browser, stack: Stack, avatar_id: str) -> Iterator[Visit]:
    """Somebody who has come in; the browser has nothing to complain of."""
    assert avatar_id
    with visiting(chromium, stack.state()["url"]) as visit:
        visit.enter((stack.home / "api-key").read_text("utf-8").strip())
        yield visit
        assert visit.complaints == []


@pytest.fixture
def live(visit: Visit) -> Iterator[Visit]:
    """Somebody who watches a live stream."""
    visit.page.click("a[href='#live']")
    visit.page.click("#start")
    expect(visit.page.locator("#video")).to_be_visible()
    yield visit
    visit.page.click("#end")
    expect(visit.page.locator("#start")).to_be_visible()


def say(visit: Visit, words: str) -> None:
    visit.page.fill("#line", words)
    visit.page.press("#line", "Enter")


def pictures(visit: Visit, count: int) -> NDArray[np.float32]:
    """What is shown: grey pictures of 64 by 80."""
    return np.array(visit.page.evaluate(_LOOK, count), np.float32).reshape(count, 80, 64)


def motion(shown: NDArray[np.float32], place: tuple[slice, slice]) -> float:
    """How much changes there."""
    return float(shown[:, *place].std(axis=0).mean())


def test_the_avatar_is_seen_at_once_and_its_mouth_moves_when_it_speaks(live: Visit) -> None:
    idle = pictures(live, 40)
    assert 30 < idle.mean() < 220
    assert idle[0].std() > 20
    say(live, SENTENCE)
    expect(live.page.locator("#said .chip")).to_have_text("Speaking")
    speaking = pictures(live, 60)
    assert motion(speaking, MOUTH) > 1.5 * motion(idle, MOUTH)
    assert motion(speaking, MOUTH) > 3 * motion(speaking, CORNER)


def test_words_light_up_in_order_and_the_voice_is_heard(live: Visit) -> None:
    live.page.evaluate(_COLLECT_WORDS)
    say(live, SENTENCE)
    expect(live.page.locator("#said .chip")).to_have_text("Speaking")
    assert live.page.evaluate(_LISTEN, 3000) > 0.03
    expect(live.page.locator("#said .chip")).to_have_text("Said")
    words = re.findall(r"\w+", SENTENCE)
    assert live.page.evaluate("window.lit.map((word) => word.match(/\\w+/)[0])") == words


def test_the_face_smiles_and_nods_when_it_is_asked_to(live: Visit) -> None:
    calm = pictures(live, 25).mean(axis=0)
    live.page.get_by_label("Expression").select_option(label="Happy")
    live.page.get_by_role("button", name="Nod").click()
    pictures(live, 40)
    happy = pictures(live, 25).mean(axis=0)
    assert np.abs(happy - calm)[MOUTH].mean() > 2 * np.abs(happy - calm)[CORNER].mean()
    live.page.reload()
    expect(live.page.get_by_label("Expression")).to_have_value("happy")


def test_it_is_silent_when_it_was_stopped(live: Visit) -> None:
    say(live, f"{SENTENCE} {SENTENCE}")
    expect(live.page.locator("#captions .heard")).to_contain_text("mother")
    live.page.keyboard.press("Escape")
    expect(live.page.locator("#said .chip")).to_have_text("Stopped")
    expect(live.page.locator("#said .note")).to_contain_text("mother")
    live.page.evaluate(_LISTEN, 1000)
    assert live.page.evaluate(_LISTEN, 1000) < 0.003


def test_mandarin_is_spoken_while_it_is_written(live: Visit) -> None:
    live.page.check("#as-typed")
    live.page.type("#line", "你好，很高兴认识你。")
    live.page.press("#line", "Enter")
    live.page.uncheck("#as-typed")
    expect(live.page.locator("#said .chip")).to_have_text("Said")
    expect(live.page.locator("#captions .heard")).to_have_text("你好，很高兴认识你。")


def test_what_may_not_be_said_is_not_heard(live: Visit) -> None:
    say(live, "I will kill you and your whole family tonight.")
    expect(live.page.locator("#said .chip")).to_have_text("Not said")
    expect(live.page.locator("#captions [role=status]")).to_contain_text("Please put it")


def test_figures_of_the_connection_are_told(live: Visit) -> None:
    def figure(name: str) -> str:
        cell = live.page.locator(f"[data-figure={name}]")
        expect(cell).not_to_have_text("–")
        return cell.inner_text()

    assert re.fullmatch(r"\d+ × \d+", figure("size"))
    assert re.fullmatch(r"-?\d+ ms", figure("skew"))
    assert re.fullmatch(r"[1-9]\d* kbit/s", figure("video_bitrate"))
    for name in ("rate", "video_buffer", "audio_bitrate", "round_trip", "first_picture"):
        assert re.match(r"\d", figure(name)), name


def test_a_video_is_made_played_and_erased(visit: Visit, api: Api) -> None:
    page = visit.page
    page.click("a[href='#videos']")
    page.fill("#script", "A short film.")
    page.click("#job-make")
    job = page.locator(".job").first
    expect(job.locator(".job-title")).to_have_text("A short film.")
    expect(job.locator(".chip")).to_have_text("Ready", timeout=180_000)
    job.get_by_role("button", name="Play").click()
    expect(job.locator("video")).to_be_visible()
    assert page.evaluate(_PLAY)
    with page.expect_download() as saved:
        job.get_by_role("button", name="Download").click()
    assert saved.value.path().read_bytes()[4:8] == b"ftyp"
    job.get_by_role("button", name="Delete").click()
    page.click("#confirm-yes")
    expect(page.locator(".job", has_text="A short film.")).to_have_count(0)
    assert "A short film." not in [
        v["metadata"].get("title") for v in api.get("/v1/videos")["items"]
    ]


def test_a_recorded_stream_becomes_a_video(visit: Visit) -> None:
    page = visit.page
    page.click("a[href='#live']")
    page.check("#record")
    page.click("#start")
    expect(page.locator("#video")).to_be_visible()
    say(visit, "This will be kept.")
    expect(page.locator("#said .chip")).to_have_text("Said")
    page.click("#end")
    page.click("a[href='#videos']")
    job = page.locator(".job").first
    expect(job.locator(".chip")).to_have_text("Ready")
    job.get_by_role("button", name="Play").click()
    expect(job.locator("video")).to_be_visible()
    assert page.evaluate(_PLAY)
    # What was said live is not kept as subtitles.
    assert [each for each in visit.complaints if "/subtitles" not in each] == []
    visit.complaints.clear()
