"""How one-time codes come to phones."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Protocol

import httpx
import structlog

from services.common.errors import Unavailable
from services.common.ids import new_id
from services.gateway.phones import masked
from services.gateway.signatures import sign

log = structlog.get_logger()

_ANSWER_S = 10.0
_RETRY_AFTER_S = 60.0
"""A phone gets one code a minute, whether it arrived or not."""


@dataclass(frozen=True, slots=True)
class CodeMessage:
    """What is to come to a phone."""

    phone: str
    """E.164."""
    code: str
    purpose: str
    language: str
    """Of the person: `en` or `zh`."""


class CodeSender(Protocol):
    """Brings codes to phones."""

    async def send(self, message: CodeMessage) -> None:
        """Returns when the code is on its way. Raises Unavailable."""


class LogSender:
    """Writes codes to the log, so that an installation can be used without an SMS vendor."""

    async def send(self, message: CodeMessage) -> None:
        """Writes it; says who may read it."""
        log.warning(
            "code.written_to_log",
            code=message.code,
            phone=masked(message.phone),
            purpose=message.purpose,
            note="local default: whoever reads this log can sign in; set CODE_WEBHOOK_URL",
        )


class WebhookSender:
    """Hands codes to the operator's endpoint, which has its SMS vendor send them.

    Signed after Standard Webhooks; the endpoint's address is the operator's own, so it may be
    private.
    """

    def __init__(
        self, url: str, secret: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url
        self._secret = secret
        self._transport = transport

    async def send(self, message: CodeMessage) -> None:
        """Posts it once: a code that is late is of no use. Raises Unavailable."""
        body = json.dumps(
            {
                "type": "code.requested",
                "data": {
                    "phone": message.phone,
                    "code": message.code,
                    "purpose": message.purpose,
                    "language": message.language,
                },
            },
            ensure_ascii=False,
        ).encode()
        message_id, now_s = new_id("wh"), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "vultus-codes/1",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": sign(self._secret, message_id, now_s, body),
        }
        try:
            async with httpx.AsyncClient(
                timeout=_ANSWER_S, trust_env=False, transport=self._transport
            ) as web:
                answer = await web.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            log.warning("code.not_sent", trouble=type(error).__name__, webhook_id=message_id)
            raise _not_sent() from error
        if not answer.is_success:
            log.warning("code.not_sent", status=answer.status_code, webhook_id=message_id)
            raise _not_sent()
        log.info("code.sent", purpose=message.purpose, webhook_id=message_id)


def _not_sent() -> Unavailable:
    return Unavailable("the code could not be sent", retry_after_s=_RETRY_AFTER_S)
