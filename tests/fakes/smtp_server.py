"""A mail server that takes what it is told, or refuses it (RFC 5321)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class SmtpServer:
    """What came in, and what recipients are answered."""

    port: int = 0
    refuse: int = 0
    """The answer to every recipient; 0: taken."""
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    """Recipient and mail."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.write(b"220 mail.example.com\r\n")
        recipient = ""
        while line := (await reader.readline()).decode().strip():
            verb = line.split(" ")[0].upper()
            match verb:
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case "RCPT" if self.refuse:
                    writer.write(f"{self.refuse} no\r\n".encode())
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    told = (await reader.readuntil(b"\r\n.\r\n"))[:-5]
                    mail = message_from_bytes(told, policy=policy.default)
                    assert isinstance(mail, EmailMessage)
                    self.mails.append((recipient, mail))
                    writer.write(b"250 taken\r\n")
                case _:
                    if verb == "RCPT":
                        recipient = line.partition("<")[2].partition(">")[0]
                    writer.write(b"250 ok\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def mail_server() -> AsyncIterator[SmtpServer]:
    """A server on loopback while the block runs."""
    mail = SmtpServer()
    server = await asyncio.start_server(mail.serve, "127.0.0.1", 0)
    mail.port = server.sockets[0].getsockname()[1]
    async with server:
        yield mail
