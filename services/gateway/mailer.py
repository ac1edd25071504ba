"""Sends e-mails through the operator's mail server."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate
from typing import Protocol

import aiosmtplib

from services.gateway.settings import WorkerSettings

_TIMEOUT_S = 30.0


class MailRefused(Exception):
    """The mail was not taken; `final`: it never will be."""

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


class Mailer(Protocol):
    """Sends e-mails."""

    async def send(
        self, addresses: Sequence[str], subject: str, text: str, *, message_id: str
    ) -> None:
        """One mail to each address, none of which sees the others. Raises MailRefused."""


class SmtpMailer:
    """Through the mail server that the settings name, by SMTP (RFC 5321)."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings

    async def send(
        self, addresses: Sequence[str], subject: str, text: str, *, message_id: str
    ) -> None:
        """See Mailer. The same `message_id` tells receivers of a repetition."""
        settings = self._settings
        host, _, port = settings.smtp_address.rpartition(":")
        domain = settings.mail_sender.rpartition("@")[2]
        for address in addresses:
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = settings.mail_sender, address, subject
            mail["Date"], mail["Message-ID"] = formatdate(), f"<{message_id}@{domain}>"
            mail.set_content(text)
            try:
                await aiosmtplib.send(
                    mail,
                    hostname=host,
                    port=int(port),
                    username=settings.smtp_user or None,
                    password=settings.smtp_password.get_secret_value() or None,
                    use_tls=settings.smtp_tls == "implicit",
                    start_tls=settings.smtp_tls == "starttls",
                    timeout=_TIMEOUT_S,
                )
            except aiosmtplib.SMTPRecipientsRefused as error:
                # There is one recipient.
                raise _refused(error.recipients[0]) from error
            except aiosmtplib.SMTPResponseException as error:
                raise _refused(error) from error
            except (aiosmtplib.SMTPException, OSError) as error:
                raise MailRefused(type(error).__name__, final=False) from error


def _refused(error: aiosmtplib.SMTPResponseException) -> MailRefused:
    final = 500 <= error.code < 600
    return MailRefused(f"the mail server answers {error.code}", final=final)
