"""The page at `/studio` on a gateway of fakes: what one sees, and how it answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from services.common.errors import NoFace, Overloaded
from services.gateway.records import Suggestion, Trouble, Verdict, VideoStatus
from tests.e2e.browser.conftest import (
    DESKTOP,
    MARKUP,
    PHONE,
    FakeGateway,
    Visit,
    face,
    picture,
    say,
    visiting,
)

UNNAMED_ROLES = {"button", "textbox", "radio", "checkbox", "combobox", "link", "dialog", "img"}


@pytest.fixture
def visit(chromium: Browser, gateway: FakeGateway) -> Iterator[Visit]:
    """Somebody who has come in; the browser has nothing to complain of."""
    face(gateway)
    with visiting(chromium, gateway.url) as visit:
        visit.enter(gateway.stage.secret)
        yield visit
        assert visit.complaints == []


@pytest.fixture
def live(visit: Visit) -> Visit:
    """Somebody with a live stream."""
    visit.page.click("#start")
    expect(visit.page.locator("#state")).to_have_text("Created")
    return visit


def chips(visit: Visit) -> list[str]:
    """The states of the drives, newest first."""
    return visit.page.locator("#said .chip").all_inner_texts()


def test_the_key_is_asked_for_and_stays_in_its_tab(chromium: Browser, gateway: FakeGateway) -> None:
    with visiting(chromium, gateway.url) as visit:
        page = visit.page
        page.press("#key", "Enter")
        expect(page.locator("#key-error")).to_contain_text("begins with vk_")
        page.fill("#key", "vk_wrong")
        page.press("#key", "Enter")
        expect(page.locator("#key-error")).to_have_text("This key is not valid.")
        visit.enter(gateway.stage.secret)
        assert gateway.stage.secret not in page.evaluate("JSON.stringify(localStorage)")
        page.reload()
        expect(page.locator("#work")).to_be_visible()
        other = page.context.new_page()
        other.goto(page.url)
        expect(other.locator("#door")).to_be_visible()
        page.click("#sign-out")
        page.reload()
        expect(page.locator("#door")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "language", "welcome"),
    [("zh-CN", "zh-CN", "欢迎"), ("en-GB", "en", "Welcome"), ("fr-FR", "en", "Welcome")],
)
def test_the_browser_s_language_is_spoken_until_another_is_chosen(
    chromium: Browser, gateway: FakeGateway, locale: str, language: str, welcome: str
) -> None:
    with visiting(chromium, gateway.url, locale=locale) as visit:
        title = visit.page.locator("#door-title")
        expect(title).to_have_text(welcome)
        assert visit.page.evaluate("document.documentElement.lang") == language
        visit.page.click("#language")
        expect(title).not_to_have_text(welcome)
        visit.page.reload()
        expect(title).not_to_have_text(welcome)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE, {"width": 320, "height": 640}])
def test_nothing_is_wider_than_the_screen(
    chromium: Browser, gateway: FakeGateway, locale: str, viewport: dict[str, int]
) -> None:
    face(gateway, "A very long name of somebody whom everybody knows by it")
    with visiting(chromium, gateway.url, locale=locale, viewport=viewport) as visit:
        page = visit.page
        sides: list[str] = []

        def check(side: str) -> None:
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                sides.append(side)

        check("door")
        visit.enter(gateway.stage.secret)
        expect(page.locator("#start")).to_be_enabled()
        check("cast")
        page.click("a[href='#videos']")
        check("videos")
        page.click("a[href='#live']")
        page.click("#start")
        expect(page.locator("#composer")).to_be_visible()
        check("live")
        assert sides == []


def test_every_control_has_a_name_that_can_be_read_out(live: Visit) -> None:
    session = live.page.context.new_cdp_session(live.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    seen = [node for node in nodes if not node["ignored"]]
    controls = [node for node in seen if node["role"]["value"] in UNNAMED_ROLES]
    assert len(controls) > 10
    assert [node for node in controls if not node.get("name", {}).get("value")] == []


def test_the_keyboard_alone_is_enough(visit: Visit) -> None:
    page = visit.page
    page.reload()
    expect(page.locator("#start")).to_be_enabled()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("#start").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#line")).to_be_focused()
    page.keyboard.type("Hello there.")
    page.keyboard.press("Enter")
    expect(page.locator("#said .chip")).to_have_text("Said")


def test_what_was_named_by_somebody_is_shown_as_text(
    chromium: Browser, gateway: FakeGateway
) -> None:
    face(gateway, MARKUP)
    with visiting(chromium, gateway.url) as visit:
        visit.enter(gateway.stage.secret)
        expect(visit.page.locator(".avatar .name").first).to_have_text(MARKUP)
        visit.page.click("#start")
        say(visit, MARKUP)
        expect(visit.page.locator(".drive-text")).to_have_text(MARKUP)
        expect(visit.page.locator("#captions")).to_contain_text(MARKUP)
        assert visit.page.title() == "Vultus Studio"


def test_a_face_needs_consent_and_is_refused_in_words(visit: Visit, gateway: FakeGateway) -> None:
    page, error = visit.page, visit.page.locator("#face-error")
    page.click("#avatar-new")
    page.click("#face-make")
    expect(error).to_have_text("Choose a picture first.")
    page.set_input_files(
        "#face-file", {"name": "grace.jpg", "mimeType": "image/jpeg", "buffer": b"IMG" + picture()}
    )
    expect(page.locator("#face-name")).to_have_value("grace")
    page.click("#face-make")
    expect(error).to_contain_text("Confirm that the person shown agrees")
    assert len(gateway.stage.avatars.kept) == 1
    page.check("#face-consent")
    gateway.stage.animator.portrait_error = NoFace("turn round")
    page.click("#face-make")
    expect(error).to_have_text("No face was found: turn round")
    gateway.stage.animator.portrait_error = None
    page.click("#face-make")
    expect(page.locator("#face-dialog")).to_be_hidden()
    expect(page.locator(".avatar .name").first).to_have_text("grace")
    assert any("422" in each for each in visit.complaints)
    visit.complaints.clear()


def test_words_light_up_as_they_are_heard(live: Visit) -> None:
    page = live.page
    page.evaluate("""() => {
        window.lit = [];
        const now = document.querySelector('#captions');
        new MutationObserver(() => {
            const word = now.querySelector('.now')?.textContent;
            if (word && word !== window.lit.at(-1)) window.lit.push(word);
        }).observe(now, { childList: true, characterData: true, subtree: true });
    }""")
    say(live, "Every word is heard.")
    expect(page.locator("#said .chip")).to_have_text("Said")
    assert page.evaluate("window.lit") == ["Every", "word", "is", "heard"]
    expect(page.locator("#captions .heard")).to_have_text("Every word is heard.")
    expect(page.locator("[data-figure=voice]")).to_contain_text("s")


def test_escape_stops_what_is_said_and_what_waits(live: Visit) -> None:
    say(live, "This is a long sentence that nobody will hear to its very end today.")
    say(live, "Neither this.")
    expect(live.page.locator("#said .chip").last).to_have_text("Speaking")
    live.page.keyboard.press("Escape")
    expect(live.page.locator("#said .chip").first).to_have_text("Stopped")
    assert chips(live) == ["Stopped", "Stopped"]
    expect(live.page.locator("[data-figure=interrupt]")).to_contain_text("ms")


def test_at_once_means_instead_of_what_is_said(live: Visit) -> None:
    say(live, "This is a long sentence that nobody will hear to its very end today.")
    expect(live.page.locator("#said .chip")).to_have_text("Speaking")
    live.page.check("input[value=interrupt]", force=True)
    say(live, "Stop it.")
    expect(live.page.locator("#said .chip").first).to_have_text("Said")
    assert chips(live) == ["Said", "Stopped"]


def test_a_text_is_sent_while_it_is_written(live: Visit, gateway: FakeGateway) -> None:
    live.page.check("#as-typed")
    live.page.type("#line", "One two")
    expect(live.page.locator(".drive-text")).to_have_text("One")
    live.page.keyboard.press("Enter")
    expect(live.page.locator("#said .chip")).to_have_text("Said")
    expect(live.page.locator(".drive-text")).to_have_text("One two")
    assert "".join(gateway.stage.moderator.texts) == "One two"
    expect(live.page.locator("#line")).to_have_value("")


def test_the_microphone_is_sent_until_one_has_done(live: Visit, gateway: FakeGateway) -> None:
    live.page.click("#talk")
    expect(live.page.locator("#talk")).to_have_attribute("aria-pressed", "true")
    expect(live.page.locator("#said .drive-text")).to_have_text("(voice)")
    expect(live.page.locator("#said .chip")).to_have_text("Speaking")
    live.page.click("#talk")
    expect(live.page.locator("#said .chip")).to_have_text("Said")
    assert gateway.stage.moderator.heard_us > 0


def test_what_moderation_stops_is_told_kindly(live: Visit, gateway: FakeGateway) -> None:
    gateway.stage.moderator.verdict = Verdict(Suggestion.BLOCK, ("violence",))
    say(live, "Something bad.")
    expect(live.page.locator("#captions [role=status]")).to_have_text(
        "That was not said: it touches on violence. Please put it another way."
    )
    expect(live.page.locator("#said .chip")).to_have_text("Not said")


def test_a_stream_goes_on_when_the_page_is_loaded_again(live: Visit, gateway: FakeGateway) -> None:
    live.page.reload()
    expect(live.page.locator("#composer")).to_be_visible()
    say(live, "Still here.")
    expect(live.page.locator("#said .chip")).to_have_text("Said")
    assert len(gateway.stage.streams.kept) == 1


def test_an_end_is_told_with_its_reason(live: Visit) -> None:
    live.page.click("#end")
    expect(live.page.locator("#stage-note")).to_have_text("The stream has ended: you ended it.")
    expect(live.page.locator("#start")).to_be_visible()
    expect(live.page.locator("#composer")).to_be_hidden()


def test_a_problem_is_shown_with_its_title_and_detail(visit: Visit, gateway: FakeGateway) -> None:
    gateway.stage.animator.error = Overloaded("all seats are taken", retry_after_s=1)
    visit.page.click("#start")
    notice = visit.page.get_by_role("alert").filter(has_text="all seats are taken")
    expect(notice).to_contain_text(Overloaded.title)
    notice.get_by_role("button").click()
    expect(notice).to_have_count(0)
    visit.complaints.clear()


def test_a_video_is_followed_to_its_end(visit: Visit, gateway: FakeGateway) -> None:
    page, videos = visit.page, gateway.stage.videos
    page.click("a[href='#videos']")
    page.fill("#script", f"A title {MARKUP}")
    page.click("#job-make")
    expect(page.locator(".job .chip")).to_have_text("Waiting")
    expect(page.locator(".job-title")).to_have_text(f"A title {MARKUP}")
    (video,) = videos.kept.values()
    videos.put(video, status=VideoStatus.RENDERING, progress=0.5)
    expect(page.locator(".job .chip")).to_have_text("Drawing")
    expect(page.locator(".job progress")).to_have_js_property("value", 0.5)
    trouble = Trouble("content_rejected", "the text was refused", False, ("violence",))
    videos.put(video, status=VideoStatus.REJECTED, error=trouble)
    expect(page.locator(".job .chip")).to_have_text("Refused")
    expect(page.locator(".job .error")).to_contain_text("it touches on violence")
    page.locator(".job").get_by_role("button", name="Delete").click()
    page.click("#confirm-yes")
    expect(page.locator(".job")).to_have_count(0)
    expect(page.locator("#jobs-none")).to_be_visible()


def test_a_video_can_be_stopped(visit: Visit, gateway: FakeGateway) -> None:
    visit.page.click("a[href='#videos']")
    visit.page.fill("#script", "Never mind.")
    visit.page.click("#job-make")
    visit.page.get_by_role("button", name="Cancel").click()
    expect(visit.page.locator(".job .chip")).to_have_text("Cancelled")
    assert [v.status for v in gateway.stage.videos.kept.values()] == [VideoStatus.CANCELLED]
