"""The review queue of the page at `/studio` on the whole stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.browser.conftest import Visit, say, visiting
from tests.e2e.conftest import PORTRAIT, Json, Stack

PHRASE = "golden pineapple"
TEXT = f"😀 Buy the {PHRASE} today."
DISGUISED = "Buy the g0lden p1neapple, all of you."
POLICY: Json = {
    "deny": [{"phrase": PHRASE, "label": "illicit", "suggestion": "REVIEW"}],
    "uncovered": "review",
    "reviewing": {"live": {"time_limit_s": 120}},
}
MADE_MS = 180_000


@pytest.fixture(scope="module")
def visit(chromium: Browser, stack: Stack) -> Iterator[Visit]:
    """Somebody whose policy wants a person to see every portrait and golden pineapples."""
    key = stack.account("studio-reviews")
    with stack.api(key) as api:
        api.http.put("/v1/moderation/policy", json=POLICY).raise_for_status()
    with visiting(chromium, stack.state()["url"]) as visit:
        visit.enter(key)
        yield visit
        assert visit.complaints == []


@pytest.fixture(scope="module")
def face(visit: Visit) -> Locator:
    """A face that a person approved."""
    page = visit.page
    page.click("#avatar-new")
    page.set_input_files("#face-file", PORTRAIT)
    page.check("#face-consent")
    page.click("#face-make")
    tile = page.locator(".avatar")
    expect(tile).to_contain_text("Waits for a person")
    tile.get_by_role("link", name="See the review").click()
    shown = page.locator(".review")
    expect(shown.get_by_role("img", name="The picture to decide on")).not_to_have_js_property(
        "naturalWidth", 0
    )
    expect(shown.locator(".found")).to_contain_text("your policy wants a person to look")
    shown.get_by_role("button", name="Approve").click()
    expect(shown.locator(".chip")).to_have_text("Approved")
    page.click("a[href='#live']")
    expect(tile.locator("img")).to_be_visible(timeout=MADE_MS)
    return tile


def decide(visit: Visit, text: str, matched: str, decision: str) -> None:
    """Decides on the page what a text is marked in."""
    shown = visit.page.locator(".review").filter(has_text=text)
    expect(shown.locator("mark")).to_have_text(matched)
    shown.get_by_role("button", name=decision).click()
    expect(shown.locator(".chip")).not_to_have_text("Waiting")


def test_a_drive_waits_and_is_said_or_not(visit: Visit, face: Locator) -> None:
    page = visit.page
    page.click("#start")
    expect(page.locator("#video")).to_be_visible()
    for text, matched, decision, end in (
        (TEXT, PHRASE, "Approve", "Said"),
        (DISGUISED, "g0lden p1neapple", "Reject", "Not said"),
    ):
        say(visit, text)
        expect(page.locator("#said .chip").first).to_have_text("Waits for a person")
        page.locator("#said").get_by_role("link", name="See the review").click()
        decide(visit, text, matched, decision)
        page.click("a[href='#live']")
        expect(page.locator("#said .chip").first).to_have_text(end)
    page.click("#end")
    expect(page.locator("#start")).to_be_visible()


def test_a_video_waits_and_is_made_once_it_is_approved(visit: Visit, face: Locator) -> None:
    page, text = visit.page, f"They like the {PHRASE}."
    page.click("a[href='#videos']")
    page.fill("#script", text)
    page.click("#job-make")
    job = page.locator(".job").first
    expect(job.locator(".chip")).to_have_text("Waits for a person")
    job.get_by_role("link", name="See the review").click()
    decide(visit, text, PHRASE, "Approve")
    page.click("a[href='#videos']")
    expect(job.locator(".chip")).to_have_text("Ready", timeout=MADE_MS)
