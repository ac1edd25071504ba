"""The door by phone, what the operator tells, and the account's side of the page at `/studio`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from services.gateway.notices import NoticeKind, NoticeText
from services.gateway.permissions import Role
from services.gateway.standing import ChangeKind, NewPrivacyPolicy, PolicyChange
from tests.e2e.browser.conftest import MARKUP, PHONE, FakeGateway, Visit, face, visiting

ADA, EVE = "+8613800138000", "+442071838750"


@pytest.fixture
def door(chromium: Browser, gateway: FakeGateway) -> Iterator[Visit]:
    """Somebody at the door."""
    face(gateway)
    with visiting(chromium, gateway.url) as visit:
        yield visit
        refused = [one for one in visit.complaints if "status of 4" in one]
        assert visit.complaints == refused


def sent_code(gateway: FakeGateway, visit: Visit, phone: str) -> str:
    """Asks for a code; returns it."""
    visit.page.fill("#phone", phone)
    visit.page.click("#code-send")
    expect(visit.page.locator("#phone-error")).to_contain_text("on its way")
    return gateway.stage.code_sender.sent[-1].code


def signed_in(gateway: FakeGateway, visit: Visit, role: Role = Role.OWNER) -> None:
    gateway.stage.people.add(gateway.stage.account.id, role, ADA)
    code = sent_code(gateway, visit, ADA)
    visit.page.fill("#code", code)
    visit.page.press("#code", "Enter")
    visit.page.wait_for_selector("#work:not([hidden])")


def test_a_phone_and_a_code_open_the_door(gateway: FakeGateway, door: Visit) -> None:
    page = door.page
    page.press("#code", "Enter")
    expect(page.locator("#phone-error")).to_contain_text("six digits")
    signed_in(gateway, door)
    assert page.evaluate("sessionStorage.getItem('vultus.key')").startswith("vs_")
    page.reload()
    page.wait_for_selector("#work:not([hidden])")
    page.click("#sign-out")
    expect(page.locator("#phone")).to_be_visible()


def test_a_new_account_is_made_at_the_door(gateway: FakeGateway, door: Visit) -> None:
    page = door.page
    page.check("#account-new")
    code = sent_code(gateway, door, EVE)
    page.fill("#code", code)
    page.fill("#account-name", "Eve's")
    page.select_option("#account-kind", "enterprise")
    page.press("#account-name", "Enter")
    page.wait_for_selector("#work:not([hidden])")
    page.click("#tabs a[href='#account']")
    expect(page.locator("#account-name-shown")).to_contain_text("Eve's")


def test_a_wrong_code_is_told(gateway: FakeGateway, door: Visit) -> None:
    gateway.stage.people.add(gateway.stage.account.id, Role.OWNER, ADA)
    code = sent_code(gateway, door, ADA)
    door.page.fill("#code", f"{(int(code) + 1) % 10**6:06}")
    door.page.press("#code", "Enter")
    expect(door.page.locator("#phone-error")).to_contain_text("code")
    expect(door.page.locator("#work")).to_be_hidden()


def test_notices_are_read_and_go(gateway: FakeGateway, door: Visit) -> None:
    text = NoticeText(f"Keys leaked {MARKUP}", "A backup was lost.", remedies="Rotate your keys.")
    gateway.stage.notices.tell(gateway.stage.account.id, NoticeKind.INCIDENT, en=text)
    signed_in(gateway, door)
    news = door.page.locator("#news")
    expect(news).to_contain_text(f"Keys leaked {MARKUP}")
    expect(news).to_contain_text("What you can do: Rotate your keys.")
    door.page.click("#language")
    expect(news).to_contain_text("您可以采取的措施：")
    news.get_by_role("button").click()
    expect(news).to_be_hidden()
    (kept,) = gateway.stage.notices.kept
    assert kept.received.read_by.startswith("us_")


def test_a_privacy_policy_is_read_and_accepted(gateway: FakeGateway, door: Visit) -> None:
    change = PolicyChange(ChangeKind.PURPOSE, {"en": "Voices are cloned.", "zh": "克隆声音。"})
    texts = {"en": "# Privacy", "zh": "# 隐私政策"}
    now = datetime.now(UTC)
    gateway.stage.standings.publish(
        NewPrivacyPolicy("2026-12", texts, (change,), True, now, "operator:ada")
    )
    signed_in(gateway, door)
    page = door.page
    expect(page.locator("#policy-title")).to_contain_text("2026-12")
    expect(page.locator("#policy-changes")).to_contain_text("New purpose: Voices are cloned.")
    page.click("#policy-read")
    expect(page.locator("#policy-text")).to_have_text("# Privacy")
    page.keyboard.press("Escape")
    page.click("#policy-accept")
    expect(page.locator("#policy")).to_be_hidden()
    assert (gateway.stage.account.id, "2026-12") in gateway.stage.standings.accepted


def test_members_keys_and_requests(gateway: FakeGateway, door: Visit) -> None:
    signed_in(gateway, door)
    page = door.page
    page.click("#tabs a[href='#account']")
    page.fill("#member-phone", EVE)
    page.select_option("#member-role", "auditor")
    page.click("#member-form button[type=submit]")
    expect(page.locator("#members li")).to_have_count(2)
    page.fill("#apikey-name", "build server")
    page.fill("#apikey-scopes", "videos:read videos:write")
    page.click("#apikey-form button[type=submit]")
    expect(page.locator("#secret")).to_contain_text("vk_")
    expect(page.locator("#apikeys")).to_contain_text("build server")
    page.select_option("#request-kind", "export")
    page.click("#request-form button[type=submit]")
    expect(page.locator("#requests")).to_contain_text("a copy of everything")
    expect(page.locator("#requests")).to_contain_text("waits for your code")


def test_who_may_not_see_a_part_is_not_shown_it(gateway: FakeGateway, door: Visit) -> None:
    signed_in(gateway, door, Role.DEVELOPER)
    door.page.click("#tabs a[href='#account']")
    expect(door.page.locator("#keys-card")).to_be_visible()
    expect(door.page.locator("#members-card")).to_be_hidden()
    expect(door.page.locator("#requests-card")).to_be_hidden()


def test_the_account_fits_on_a_phone(chromium: Browser, gateway: FakeGateway) -> None:
    face(gateway)
    with visiting(chromium, gateway.url, viewport=PHONE) as visit:
        wide = "document.documentElement.scrollWidth > innerWidth"
        assert not visit.page.evaluate(wide)
        signed_in(gateway, visit)
        visit.page.click("#tabs a[href='#account']")
        expect(visit.page.locator("#members li")).to_have_count(1)
        assert not visit.page.evaluate(wide)
