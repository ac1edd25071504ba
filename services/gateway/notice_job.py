"""Sends notices out of the outbox: webhooks signed after Standard Webhooks, and e-mails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import structlog

from services.common.errors import DomainError
from services.gateway.addresses import PrivateAddress
from services.gateway.mailer import Mailer, MailRefused
from services.gateway.notices import LANGUAGES, Channel, LeasedDelivery, Notice, NoticeText, Outbox
from services.gateway.webhooks import RETRY_DELAYS_S, Sender, signed_headers

log = structlog.get_logger()

_LOOK_EVERY_S = 15.0
_AT_ONCE = 20
_LEASE = timedelta(minutes=10)
_GONE = 410
_PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "zh": (
        ("situation", "情况"),
        ("impact", "影响"),
        ("measures", "已采取的措施"),
        ("remedies", "您可以采取的措施"),
        ("contact", "联系方式"),
    ),
    "en": (
        ("situation", "Situation"),
        ("impact", "Impact"),
        ("measures", "Measures taken"),
        ("remedies", "What you can do"),
        ("contact", "Contact"),
    ),
}


class _NotSent(Exception):
    """It did not arrive; `final`: and never will."""

    def __init__(self, outcome: str, *, final: bool = False) -> None:
        super().__init__(outcome)
        self.final = final


class NoticeJobs:
    """Delivers notices; any number of workers share the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        sender: Sender,
        mailer: Mailer | None,
        present: Callable[[Notice], dict[str, Any]],
    ) -> None:
        self._outbox = outbox
        self._sender = sender
        self._mailer = mailer
        """None: no mail server is known."""
        self._present = present
        """A notice as the HTTP API shows it."""

    async def run(self) -> None:
        """Delivers what is due, again and again until cancelled."""
        while True:
            try:
                more = await self.deliver()
            except DomainError as error:
                log.warning("notices.delayed", reason=error.reason)
                more = False
            if not more:
                await asyncio.sleep(_LOOK_EVERY_S)

    async def deliver(self) -> bool:
        """Delivers some of what is due; whether there was any."""
        leased = await self._outbox.lease(limit=_AT_ONCE, lease=_LEASE)
        for delivery in leased:
            await self._deliver(delivery)
        return bool(leased)

    async def _deliver(self, delivery: LeasedDelivery) -> None:
        send = self._post if delivery.channel is Channel.WEBHOOK else self._mail
        try:
            outcome = await send(delivery)
        except _NotSent as error:
            last = min(delivery.attempts, len(RETRY_DELAYS_S) - 1)
            again = None if error.final else timedelta(seconds=RETRY_DELAYS_S[last])
            log.warning(
                "notice.not_delivered",
                notice_id=delivery.notice.id,
                account_id=delivery.account_id,
                channel=delivery.channel.value,
                outcome=str(error),
            )
            await self._outbox.finish(
                delivery.id, sent=False, outcome=str(error), retry_after=again
            )
        else:
            await self._outbox.finish(delivery.id, sent=True, outcome=outcome)

    async def _post(self, delivery: LeasedDelivery) -> str:
        event = {
            "type": "notice.published",
            "timestamp": delivery.notice.sent_at.isoformat(),
            "data": self._present(delivery.notice),
        }
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        message_id = f"msg_{delivery.id.removeprefix('dl_')}"
        headers = signed_headers(delivery.webhook_secret, message_id, body)
        try:
            status = await self._sender.post(delivery.addresses[0], body, headers)
        except PrivateAddress as error:
            raise _NotSent("the endpoint's address is not public", final=True) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise _NotSent(type(error).__name__) from error
        if not httpx.codes.is_success(status):
            raise _NotSent(f"status {status}", final=status == _GONE)
        return f"status {status}"

    async def _mail(self, delivery: LeasedDelivery) -> str:
        if self._mailer is None:
            raise _NotSent("no mail server is set", final=True)
        subject, text = letter(delivery.notice)
        try:
            await self._mailer.send(delivery.addresses, subject, text, message_id=delivery.id)
        except MailRefused as error:
            raise _NotSent(str(error), final=error.final) from error
        return f"{len(delivery.addresses)} sent"


def letter(notice: Notice) -> tuple[str, str]:
    """Subject and text of a notice's e-mail, in all its languages."""
    told = [(lang, notice.texts[lang]) for lang in LANGUAGES if lang in notice.texts]
    subject = " / ".join(text.title for _, text in told)
    return subject, "\n\n———\n\n".join(_written(lang, text) for lang, text in told)


def _written(language: str, text: NoticeText) -> str:
    parts = [text.title]
    for name, heading in _PARTS[language]:
        if told := getattr(text, name):
            parts.append(f"{heading}\n{told}")
    return "\n\n".join(parts)
