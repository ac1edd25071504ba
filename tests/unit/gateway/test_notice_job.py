"""Notices go out: signed webhooks, and mails through a real SMTP conversation."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.gateway.http.notices import notice_json
from services.gateway.mailer import SmtpMailer
from services.gateway.notice_job import NoticeJobs, letter
from services.gateway.notices import Channel, LeasedDelivery, Notice, NoticeKind, NoticeText
from services.gateway.settings import WorkerSettings
from services.gateway.signatures import sign
from services.gateway.webhooks import RETRY_DELAYS_S, Sender
from tests.fakes.accounts import SECRET
from tests.fakes.smtp_server import SmtpServer, mail_server

TEXTS = {
    "en": NoticeText("Keys leaked", "A backup was lost.", remedies="Rotate your keys."),
    "zh": NoticeText("密钥泄露", "一份备份丢失。"),
}
NOTICE = Notice(
    "no_1", NoticeKind.INCIDENT, TEXTS, "operator:ada", datetime(2026, 12, 1, tzinfo=UTC)
)
POST = LeasedDelivery(
    "dl_1", "ac_1", Channel.WEBHOOK, ("http://127.0.0.1:9/hook",), NOTICE, 0, SECRET
)
MAIL = replace(POST, channel=Channel.EMAIL, addresses=("ada@example.com", "bob@example.com"))


@dataclass
class Outbox:
    """Has these deliveries, once."""

    due: list[LeasedDelivery]
    done: list[tuple[bool, str, timedelta | None]] = field(default_factory=list)

    async def lease(self, *, limit: int, lease: timedelta) -> Sequence[LeasedDelivery]:
        given, self.due = self.due[:limit], self.due[limit:]
        return given

    async def finish(
        self, delivery_id: str, *, sent: bool, outcome: str, retry_after: timedelta | None = None
    ) -> None:
        assert delivery_id == "dl_1"
        self.done.append((sent, outcome, retry_after))


async def delivered(
    delivery: LeasedDelivery,
    *,
    status: int = 204,
    mail: SmtpServer | None = None,
    allow_private: bool = True,
) -> tuple[Outbox, list[httpx.Request]]:
    """How a delivery went, and what was posted."""
    outbox, got = Outbox([delivery]), []

    def answer(request: httpx.Request) -> httpx.Response:
        got.append(request)
        return httpx.Response(status)

    mailer = None
    if mail is not None:
        mailer = SmtpMailer(
            WorkerSettings(
                smtp_address=f"127.0.0.1:{mail.port}",
                smtp_tls="none",
                mail_sender="vultus@example.org",
            )
        )
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as web:
        jobs = NoticeJobs(outbox, Sender(web, allow_private=allow_private), mailer, notice_json)
        assert await jobs.deliver()
        assert not await jobs.deliver()
    return outbox, got


async def test_an_endpoint_gets_the_notice_signed() -> None:
    outbox, (request,) = await delivered(POST)
    assert outbox.done == [(True, "status 204", None)]
    event = json.loads(request.content)
    assert (event["type"], event["data"]["id"]) == ("notice.published", "no_1")
    assert event["data"]["texts"]["zh"]["title"] == "密钥泄露"
    stamp, message_id = int(request.headers["webhook-timestamp"]), request.headers["webhook-id"]
    signed = sign(SECRET, message_id, stamp, request.content)
    assert request.headers["webhook-signature"] == signed


@pytest.mark.parametrize("attempts", [0, 3, 99])
async def test_an_endpoint_that_fails_is_asked_again_later(attempts: int) -> None:
    outbox, _ = await delivered(replace(POST, attempts=attempts), status=500)
    delay = RETRY_DELAYS_S[min(attempts, len(RETRY_DELAYS_S) - 1)]
    assert outbox.done == [(False, "status 500", timedelta(seconds=delay))]


async def test_an_endpoint_that_is_gone_or_private_is_not_asked_again() -> None:
    gone, _ = await delivered(POST, status=410)
    private, got = await delivered(POST, allow_private=False)
    assert [one.done[0][0::2] for one in (gone, private)] == [(False, None)] * 2
    assert got == []


@pytest.fixture
async def mail() -> AsyncIterator[SmtpServer]:
    async with mail_server() as server:
        yield server


async def test_owners_are_written_to_each_alone(mail: SmtpServer) -> None:
    outbox, _ = await delivered(MAIL, mail=mail)
    assert outbox.done == [(True, "2 sent", None)]
    assert [recipient for recipient, _ in mail.mails] == list(MAIL.addresses)
    first, second = (told for _, told in mail.mails)
    assert first["To"] == "ada@example.com"
    assert first["From"] == "vultus@example.org"
    assert first["Message-ID"] == second["Message-ID"] == "<dl_1@example.org>"
    assert first["Subject"] == "密钥泄露 / Keys leaked"
    assert "Rotate your keys." in first.get_content()


@pytest.mark.parametrize(("refuse", "again"), [(450, True), (550, False)])
async def test_what_a_mail_server_refuses_for_now_is_tried_again(
    mail: SmtpServer, refuse: int, again: bool
) -> None:
    mail.refuse = refuse
    outbox, _ = await delivered(MAIL, mail=mail)
    ((sent, outcome, retry_after),) = outbox.done
    assert (sent, retry_after is not None) == (False, again)
    assert str(refuse) in outcome


async def test_a_mail_server_that_does_not_answer_is_tried_again() -> None:
    async with mail_server() as gone:
        pass
    outbox, _ = await delivered(MAIL, mail=gone)
    assert outbox.done[0][2] is not None


async def test_without_a_mail_server_it_says_so() -> None:
    outbox, _ = await delivered(MAIL)
    assert outbox.done == [(False, "no mail server is set", None)]


def test_a_letter_holds_what_was_said_and_no_empty_parts() -> None:
    subject, text = letter(NOTICE)
    assert subject.startswith("密钥泄露")
    assert "What you can do\nRotate your keys." in text
    assert "Impact" not in text
