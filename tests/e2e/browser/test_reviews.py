"""The review queue of the page at `/studio`, on a gateway of fakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Locator, expect

from services.common.errors import ReviewPending
from services.common.ids import new_id
from services.gateway.moderation.policy import Patience, Policy, Reviewing
from services.gateway.moderation.records import NewReview, Review, ReviewKind, ReviewStatus
from services.gateway.records import AvatarPack, AvatarStatus, Finding, Suggestion, Verdict
from services.gateway.sound_file import encode
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
from tests.fakes.people import DOUBT

DAY = Patience(86_400, approve=False)
PLACED = "👩‍👩‍👧 𝒲e bet 🎲 on it"
"""An emoji of five code points, a letter beyond the first plane."""


def doubt(*findings: Finding) -> Verdict:
    return Verdict(Suggestion.REVIEW, tuple(one.label for one in findings), "v1", findings=findings)


def listed(label: str, text: str, phrase: str) -> Finding:
    """As if a word list held the phrase."""
    start = text.index(phrase)
    return Finding(label, "", 1.0, "LEXICON", ((start, start + len(phrase)),))


def held(
    gateway: FakeGateway,
    text: str,
    *findings: Finding,
    purpose: str = "video",
    patience: Patience = DAY,
) -> Review:
    """A text that waits for a person."""
    verdict = doubt(*findings) if findings else DOUBT
    new = NewReview(ReviewKind.TEXT, new_id("as"), purpose, verdict, patience, text)
    stage = gateway.stage
    return gateway.run(stage.reviews.open(stage.account.id, new))


def held_file(gateway: FakeGateway, kind: ReviewKind, purpose: str, content: bytes) -> Review:
    """A picture or a recording that waits for a person."""

    async def open_review() -> Review:
        stage = gateway.stage
        async with stage.client() as client:
            mark = b"IMG" if kind is ReviewKind.IMAGE else b"SND"
            answer = await client.post("/v1/assets", files={"file": ("file", mark)})
            asset_id = answer.json()["id"]
        asset = await stage.assets.get(stage.account.id, asset_id)
        stage.objects.kept[asset.object] = content
        finding = Finding("sexual", "", 0.72, "MODEL", ())
        new = NewReview(kind, asset.id, purpose, doubt(finding), DAY, asset_id=asset_id)
        return await stage.reviews.open(stage.account.id, new)

    return gateway.run(open_review())


def kept(gateway: FakeGateway, review: Review) -> Review:
    return gateway.stage.reviews.kept[review.id]


def card(visit: Visit, review: Review) -> Locator:
    return visit.page.locator(f"article[aria-labelledby='title-{review.id}']")


def button(inside: Locator, name: str) -> Locator:
    return inside.get_by_role("button", name=name, exact=True)


@pytest.fixture
def visit(chromium: Browser, gateway: FakeGateway) -> Iterator[Visit]:
    """Somebody who has come in; the browser has nothing to complain of."""
    face(gateway)
    with visiting(chromium, gateway.url) as visit:
        visit.enter(gateway.stage.secret)
        yield visit
        assert visit.complaints == []


@pytest.fixture
def live(visit: Visit, gateway: FakeGateway) -> Visit:
    """Somebody with a live stream, where a bet is doubtful."""
    gateway.stage.moderator.doubtful = ["bet"]
    visit.page.click("#start")
    expect(visit.page.locator("#state")).to_have_text("Created")
    return visit


def look(visit: Visit) -> None:
    visit.page.click("a[href='#reviews']")
    expect(visit.page.locator("#reviews-view")).to_be_visible()


def test_what_waits_is_counted_and_listed_newest_first(visit: Visit, gateway: FakeGateway) -> None:
    expect(visit.page.locator("#reviews-count")).to_be_hidden()
    look(visit)
    expect(visit.page.locator("#reviews-none")).to_have_text("Nothing waits for a decision.")
    held(gateway, "The first.")
    held(gateway, "The second.", purpose="speech")
    expect(visit.page.locator(".exhibit-text")).to_have_text(["The second.", "The first."])
    expect(visit.page.locator("#reviews h3")).to_have_text(["Text for speech", "Text for a video"])
    expect(visit.page.locator("#reviews-count")).to_have_text("2")
    expect(visit.page.locator("#reviews-none")).to_be_hidden()


def test_more_than_a_page_is_counted_as_such(visit: Visit, gateway: FakeGateway) -> None:
    for number in range(25):
        held(gateway, f"Number {number}.")
    look(visit)
    expect(visit.page.locator(".review")).to_have_count(20)
    expect(visit.page.locator("#reviews-count")).to_have_text("20+")
    visit.page.click("#reviews-more")
    expect(visit.page.locator(".review")).to_have_count(25)
    expect(visit.page.locator("#reviews-more")).to_be_hidden()
    expect(visit.page.locator("#reviews-count")).to_have_text("25")


def test_what_matched_is_marked_where_it_stands(visit: Visit, gateway: FakeGateway) -> None:
    model = Finding("fraud", "", 0.64, "MODEL", ((0, len(PLACED)),))
    plain = held(gateway, PLACED, listed("gambling", PLACED, "bet"))
    whole = held(gateway, PLACED, listed("gambling", PLACED, "🎲 on"), model)
    look(visit)
    expect(card(visit, plain).locator(".exhibit-text")).to_have_text(PLACED)
    expect(card(visit, plain).locator("mark")).to_have_text(["bet"])
    expect(card(visit, plain).locator(".found li")).to_have_text(["gambling: on a word list bet"])
    expect(card(visit, whole).locator("mark")).to_have_text([PLACED])
    expect(card(visit, whole).locator(".found li")).to_have_text(
        ["gambling: on a word list 🎲 on", "fraud: a trained model finds it likely (64 %)"]
    )


def test_a_long_text_is_shown_where_it_matched(visit: Visit, gateway: FakeGateway) -> None:
    text = "Nothing of note. " * 200 + "A bet." + " Nothing of note." * 200
    review = held(gateway, text, listed("gambling", text, "bet"))
    look(visit)
    expect(card(visit, review).locator("mark")).to_be_in_viewport()


def test_hostile_texts_and_notes_are_shown_as_text(visit: Visit, gateway: FakeGateway) -> None:
    script = "<script>document.title=1</script>"
    review = held(gateway, f"{MARKUP}{script}", listed("fraud", f"{MARKUP}{script}", MARKUP))
    odd = held(gateway, "Odd.", Finding(script, MARKUP, 1.0, "LEXICON", ()), purpose=MARKUP)
    look(visit)
    expect(card(visit, review).locator(".exhibit-text")).to_have_text(f"{MARKUP}{script}")
    expect(card(visit, review).locator("mark")).to_have_text(MARKUP)
    expect(card(visit, odd).locator("h3")).to_have_text(f"Text for {MARKUP}")
    expect(card(visit, odd).locator(".found li")).to_contain_text(script)
    card(visit, review).get_by_label("Note").fill(MARKUP)
    button(card(visit, review), "Reject").click()
    card(visit, review).get_by_text("History").click()
    expect(card(visit, review).locator(".history q")).to_have_text(MARKUP)
    assert visit.page.title() == "Vultus Studio"
    assert visit.page.locator("#reviews img, #reviews script").count() == 0


def test_a_decision_is_sent_with_its_note(visit: Visit, gateway: FakeGateway) -> None:
    review = held(gateway, "A bet on it.")
    look(visit)
    shown = card(visit, review)
    expect(shown.get_by_role("checkbox")).not_to_be_checked()
    shown.get_by_label("Note").fill("A figure of speech.")
    button(shown, "Approve").click()
    expect(shown.locator(".chip")).to_have_text("Approved")
    expect(visit.page.get_by_role("status").filter(has_text="Approved:")).to_be_visible()
    expect(visit.page.locator("#reviews-count")).to_be_hidden()
    expect(shown).to_be_focused()
    (decision,) = kept(gateway, review).decisions
    assert (decision.status, decision.note) == (ReviewStatus.APPROVED, "A figure of speech.")
    assert not kept(gateway, review).for_training


def test_a_text_is_learnt_from_when_one_says_so(visit: Visit, gateway: FakeGateway) -> None:
    review = held(gateway, "A bet on it.")
    look(visit)
    card(visit, review).get_by_label("May be used to improve moderation").check()
    button(card(visit, review), "Reject").click()
    expect(card(visit, review).locator(".chip")).to_have_text("Rejected")
    assert kept(gateway, review).for_training


def test_a_decision_is_taken_back_with_its_history(visit: Visit, gateway: FakeGateway) -> None:
    review = held(gateway, "A bet on it.")
    look(visit)
    button(card(visit, review), "Reject").click()
    expect(card(visit, review).locator(".chip")).to_have_text("Rejected")
    visit.page.get_by_role("radio", name="Rejected").check(force=True)
    shown = card(visit, review)
    expect(shown.locator(".exhibit-text")).to_have_text("A bet on it.")
    shown.get_by_text("Decide otherwise").click()
    expect(button(shown, "Reject")).to_have_count(0)
    shown.get_by_label("Note").fill("It was meant well.")
    button(shown, "Approve").click()
    expect(shown.locator(".chip")).to_have_text("Approved")
    shown.get_by_text("History").click()
    expect(shown.locator(".history li")).to_have_count(4)
    first, second = shown.locator(".history li").all()[1:3]
    expect(first).to_contain_text("Rejected")
    expect(second).to_contain_text("Approved")
    expect(second).to_contain_text("It was meant well.")
    assert [one.status for one in kept(gateway, review).decisions] == [
        ReviewStatus.REJECTED,
        ReviewStatus.APPROVED,
    ]
    visit.page.get_by_role("radio", name="Rejected").focus()
    visit.page.keyboard.press("ArrowLeft")
    expect(visit.page.locator(".review")).to_have_count(1)
    expect(card(visit, review)).to_be_visible()


def test_what_others_decided_or_nobody_did_is_shown_as_it_stands(
    visit: Visit, gateway: FakeGateway
) -> None:
    stage = gateway.stage
    mine, late = held(gateway, "One."), held(gateway, "Another.")
    look(visit)
    card(visit, mine).get_by_label("Note").fill("I am still thinking")
    decided = stage.reviews.decide(
        stage.account.id, mine.id, ReviewStatus.APPROVED, author="key_other"
    )
    gateway.run(decided)
    stage.reviews.kept[late.id] = replace(late, due_at=datetime.now(UTC))
    expect(card(visit, mine).locator(".chip")).to_have_text("Approved")
    expect(card(visit, late).locator(".chip")).to_have_text("Rejected")
    card(visit, late).get_by_text("History").click()
    expect(card(visit, late).locator(".history")).to_contain_text("since nobody decided")
    card(visit, mine).get_by_text("History").click()
    expect(card(visit, mine).locator(".history")).to_contain_text("key_other")


def test_what_is_being_written_stays_when_others_come(visit: Visit, gateway: FakeGateway) -> None:
    review = held(gateway, "One.")
    look(visit)
    note = card(visit, review).get_by_label("Note")
    note.focus()
    visit.page.keyboard.type("I am")
    held(gateway, "Another.")
    expect(visit.page.locator(".review")).to_have_count(2)
    visit.page.keyboard.type(" thinking")
    expect(note).to_have_value("I am thinking")


@pytest.mark.parametrize(("approve", "end"), [(False, "rejected"), (True, "approved")])
def test_what_happens_otherwise_is_told(
    visit: Visit, gateway: FakeGateway, approve: bool, end: str
) -> None:
    policy = Policy(reviewing=Reviewing(jobs=Patience(3_600, approve)))
    stage = gateway.stage
    made = stage.policies.put(stage.account.id, policy, author="key", expected_version=None)
    gateway.run(made)
    review = held(gateway, "One.", patience=policy.reviewing.jobs)
    look(visit)
    expect(card(visit, review).locator(".due")).to_contain_text("in 60 minutes")
    expect(card(visit, review).locator(".due")).to_contain_text(f"after that it is {end}")


def test_how_people_are_asked_can_be_changed(visit: Visit, gateway: FakeGateway) -> None:
    stage = gateway.stage
    before = Policy(allow=("poker face",), reviewing=Reviewing(jobs=Patience(5_400, True)))
    gateway.run(stage.policies.put(stage.account.id, before, author="key", expected_version=None))
    review = held(gateway, "One.", patience=before.reviewing.jobs)
    look(visit)
    expect(card(visit, review).locator(".due")).to_contain_text("after that it is approved")
    visit.page.get_by_text("How people are asked").click()
    jobs = visit.page.get_by_role("group", name="Videos, faces, speech")
    live = visit.page.get_by_role("group", name="Live streams")
    expect(jobs.get_by_label("Waits for").locator("option:checked")).to_have_text("90 minutes")
    jobs.get_by_label("Waits for").select_option("8 hours")
    jobs.get_by_label("After that").select_option("Reject")
    live.get_by_label("Waits for").select_option("30 seconds")
    live.get_by_label("After that").select_option("Approve")
    visit.page.get_by_label("A person decides").uncheck()
    visit.page.get_by_role("button", name="Save").click()
    expect(visit.page.locator("#reviews-off")).to_be_visible()
    # What was asked before ends as it was asked.
    expect(card(visit, review).locator(".due")).to_contain_text("after that it is approved")
    made = gateway.run(stage.policies.get(stage.account.id)).policy
    assert made.allow == ("poker face",)
    assert made.reviewing == Reviewing(False, Patience(28_800, False), Patience(30, True))


def test_a_policy_that_was_changed_meanwhile_is_not_lost(
    visit: Visit, gateway: FakeGateway
) -> None:
    look(visit)
    visit.page.get_by_text("How people are asked").click()
    stage, other = gateway.stage, Policy(deny=(), languages=("en",))
    gateway.run(stage.policies.put(stage.account.id, other, author="key", expected_version=None))
    visit.page.get_by_label("A person decides").uncheck()
    visit.page.get_by_role("button", name="Save").click()
    expect(visit.page.get_by_role("alert")).to_be_visible()
    expect(visit.page.get_by_label("A person decides")).to_be_checked()
    visit.page.get_by_label("A person decides").uncheck()
    visit.page.get_by_role("button", name="Save").click()
    expect(visit.page.locator("#reviews-off")).to_be_visible()
    made = gateway.run(stage.policies.get(stage.account.id)).policy
    assert (made.languages, made.reviewing.enabled) == (("en",), False)
    visit.complaints.clear()


def test_pictures_are_seen(visit: Visit, gateway: FakeGateway) -> None:
    review = held_file(gateway, ReviewKind.IMAGE, "avatar", picture())
    look(visit)
    shown = card(visit, review)
    expect(shown.locator("h3")).to_have_text("Picture for a face")
    expect(shown.get_by_role("img", name="The picture to decide on")).to_have_js_property(
        "naturalWidth", 64
    )
    expect(shown.locator(".found li")).to_have_text(
        "sexual content: a trained model finds it likely (72 %)"
    )
    expect(shown.get_by_role("checkbox")).to_have_count(0)
    button(shown, "Approve").click()
    expect(shown.locator(".chip")).to_have_text("Approved")


def test_recordings_are_heard(visit: Visit, gateway: FakeGateway) -> None:
    wav = encode(b"\1\0" * 8_000, rate_hz=8_000, format_name="wav")
    review = held_file(gateway, ReviewKind.AUDIO, "video", wav)
    look(visit)
    button(card(visit, review), "Listen").click()
    sound = card(visit, review).locator("audio")
    expect(sound).to_have_js_property("ended", True)
    expect(sound).to_have_js_property("duration", 1)
    expect(sound).to_have_attribute("aria-label", "The recording to decide on")


def test_content_that_is_no_longer_kept_is_told_as_such(visit: Visit, gateway: FakeGateway) -> None:
    review = held(gateway, "Long ago.")
    gone = replace(review, text="", status=ReviewStatus.REJECTED, decided=True)
    gateway.stage.reviews.kept[review.id] = gone
    look(visit)
    visit.page.get_by_role("radio", name="Rejected").check(force=True)
    expect(card(visit, review).locator(".exhibit")).to_have_text("Its content is no longer kept.")


def test_a_held_drive_goes_on_once_it_is_approved(live: Visit, gateway: FakeGateway) -> None:
    page = live.page
    say(live, "A bet on it.")
    expect(page.locator("#said .chip")).to_have_text("Waits for a person")
    expect(page.locator("#reviews-count")).to_have_text("1")
    page.locator("#said").get_by_role("link", name="See the review").click()
    (review,) = gateway.stage.reviews.kept.values()
    expect(card(live, review)).to_be_focused()
    expect(card(live, review).locator("mark")).to_have_text("A be")
    expect(card(live, review).locator(".due")).to_contain_text("after that it is rejected")
    assert not gateway.stage.speaker.spoken
    button(card(live, review), "Approve").click()
    page.click("a[href='#live']")
    expect(page.locator("#said .chip")).to_have_text("Said")
    assert gateway.stage.speaker.spoken == ["A bet on it."]


def test_a_held_drive_is_not_said_once_it_is_rejected(live: Visit, gateway: FakeGateway) -> None:
    say(live, "A bet on it.")
    look(live)
    button(live.page.locator(".review"), "Reject").click()
    live.page.click("a[href='#live']")
    expect(live.page.locator("#said .chip")).to_have_text("Not said")
    expect(live.page.locator("#said .note")).to_contain_text("it touches on gambling")


def test_only_the_drive_that_waits_is_told_to_wait(live: Visit) -> None:
    say(live, "This is a long sentence that will be heard to its very end today.")
    expect(live.page.locator("#said .chip")).to_have_text("Speaking")
    say(live, "A bet on it.")
    expect(live.page.locator("#said .chip").first).to_have_text("Waits for a person")
    expect(live.page.locator("#said .chip").last).to_have_text("Said")


def test_a_text_that_is_written_waits_in_the_middle(live: Visit, gateway: FakeGateway) -> None:
    live.page.check("#as-typed")
    live.page.type("#line", "Hello bet ")
    expect(live.page.locator("#said .chip")).to_have_text("Waits for a person")
    live.page.keyboard.press("Enter")
    look(live)
    button(live.page.locator(".review"), "Approve").click()
    live.page.click("a[href='#live']")
    expect(live.page.locator("#said .chip")).to_have_text("Said")
    assert "".join(gateway.stage.speaker.spoken).strip() == "Hello bet"


def test_a_face_that_waits_says_so_and_leads_there(visit: Visit, gateway: FakeGateway) -> None:
    page, stage = visit.page, gateway.stage
    stage.moderator.verdict = DOUBT
    page.click("#avatar-new")
    page.set_input_files(
        "#face-file", {"name": "grace.jpg", "mimeType": "image/jpeg", "buffer": b"IMG" + picture()}
    )
    page.check("#face-consent")
    page.click("#face-make")
    tile = page.locator(".avatar").filter(has_text="grace")
    expect(tile).to_contain_text("Waits for a person")
    tile.get_by_role("link", name="See the review").click()
    (review,) = stage.reviews.kept.values()
    expect(card(visit, review)).to_be_focused()
    button(card(visit, review), "Approve").click()
    expect(card(visit, review).locator(".chip")).to_have_text("Approved")
    (job,) = stage.queue.of("avatars")
    avatar = stage.avatars.kept[job.avatar_id]
    stage.objects.kept[avatar.preview] = picture()
    pack = AvatarPack(512, 640)
    gateway.run(stage.avatars.finish(stage.account.id, avatar.id, AvatarStatus.READY, pack=pack))
    page.click("a[href='#live']")
    expect(tile.locator("img")).to_be_visible()


def test_a_video_that_waits_says_so_and_leads_there(visit: Visit, gateway: FakeGateway) -> None:
    page, stage = visit.page, gateway.stage
    page.click("a[href='#videos']")
    page.fill("#script", "A bet on it.")
    page.click("#job-make")
    expect(page.locator(".job .chip")).to_have_text("Waiting")
    (video,) = stage.videos.kept.values()
    review = held(gateway, "A bet on it.")
    stage.videos.put(video, status="moderating", review_id=review.id)
    expect(page.locator(".job .chip")).to_have_text("Waits for a person")
    page.locator(".job").get_by_role("link", name="See the review").click()
    expect(card(visit, review)).to_be_focused()


def test_a_link_leads_to_a_decided_review_again_and_again(
    visit: Visit, gateway: FakeGateway
) -> None:
    stage = gateway.stage
    review = held(gateway, "A bet on it.")
    decided = stage.reviews.decide(
        stage.account.id, review.id, ReviewStatus.REJECTED, author="key_other"
    )
    gateway.run(decided)
    for _ in range(2):
        visit.page.evaluate(f"location.hash = '#reviews/{review.id}'")
        expect(card(visit, review)).to_be_focused()
        expect(visit.page.get_by_role("radio", name="Rejected")).to_be_checked()
        visit.page.click("a[href='#live']")


def test_a_request_that_waits_says_what_to_do(visit: Visit, gateway: FakeGateway) -> None:
    gateway.stage.moderator.verdict = DOUBT
    visit.page.click("#voice-try")
    notice = visit.page.get_by_role("alert")
    expect(notice).to_contain_text(ReviewPending.title)
    expect(notice).to_contain_text("once it is approved, do the same again")
    notice.get_by_role("link", name="See the review").click()
    (review,) = gateway.stage.reviews.kept.values()
    expect(card(visit, review)).to_be_focused()
    visit.complaints.clear()


def test_the_keyboard_alone_is_enough(visit: Visit, gateway: FakeGateway) -> None:
    review = held(gateway, "A bet on it.")
    page = visit.page
    page.locator("a[href='#reviews']").focus()
    page.keyboard.press("Enter")
    expect(card(visit, review)).to_be_visible()
    page.get_by_role("radio", name="Waiting").focus()
    for focused in (".exhibit-text", "input[type=text]", "input[type=checkbox]", ".primary"):
        page.keyboard.press("Tab")
        expect(card(visit, review).locator(focused)).to_be_focused()
    page.keyboard.press("Space")
    expect(card(visit, review).locator(".chip")).to_have_text("Approved")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(card(visit, review).locator("summary").first).to_be_focused()


def test_reviews_are_in_the_reader_s_language(chromium: Browser, gateway: FakeGateway) -> None:
    review = held(gateway, PLACED, listed("gambling", PLACED, "bet"))
    with visiting(chromium, gateway.url, locale="zh-CN") as visit:
        visit.enter(gateway.stage.secret)
        expect(visit.page.locator("#tabs")).to_contain_text("待审核1")
        look(visit)
        shown = card(visit, review)
        expect(shown.locator("h3")).to_have_text("用于视频的文字")
        expect(shown.locator(".found li")).to_have_text("赌博：命中词表 bet")
        expect(shown.locator(".due")).to_contain_text("逾期视为拒绝")
        shown.get_by_label("备注").fill("备注")
        visit.page.click("#language")
        expect(shown.locator("h3")).to_have_text("Text for a video")
        expect(shown.get_by_label("Note")).to_have_value("备注")
        visit.page.click("#language")
        button(shown, "通过").click()
        expect(shown.locator(".chip")).to_have_text("已通过")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE, {"width": 320, "height": 640}])
def test_nothing_is_wider_than_the_screen(
    chromium: Browser, gateway: FakeGateway, locale: str, viewport: dict[str, int]
) -> None:
    text = f"bet{'x' * 300}"
    for _ in range(21):
        held(gateway, text, listed("gambling", text, text[:200]))
    review = held_file(gateway, ReviewKind.IMAGE, "avatar", picture())
    with visiting(chromium, gateway.url, locale=locale, viewport=viewport) as visit:
        visit.enter(gateway.stage.secret)
        look(visit)
        expect(card(visit, review).locator("img")).to_be_visible()
        expect(visit.page.locator("#reviews-count")).to_have_text("20+")
        assert not visit.page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_every_control_has_a_name_that_can_be_read_out(visit: Visit, gateway: FakeGateway) -> None:
    held(gateway, "A bet on it.")
    held_file(gateway, ReviewKind.AUDIO, "video", b"")
    look(visit)
    expect(visit.page.locator(".review")).to_have_count(2)
    session = visit.page.context.new_cdp_session(visit.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "textbox", "radio", "checkbox", "link", "article", "DisclosureTriangle"}
    seen = [node for node in nodes if not node["ignored"] and node["role"]["value"] in roles]
    assert len(seen) > 15
    assert [node for node in seen if not node.get("name", {}).get("value")] == []
