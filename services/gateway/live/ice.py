"""The STUN and TURN servers that viewers are told of."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from pydantic import BaseModel


class IceServer(BaseModel):
    """As browsers take it (RTCIceServer of the W3C's WebRTC)."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class IceServers:
    """Fixed servers, and TURN servers that share a secret with us for time-limited credentials."""

    fixed: tuple[IceServer, ...] = ()
    turn_urls: tuple[str, ...] = ()
    turn_secret: str = ""

    def for_stream(self, stream_id: str, *, until_s: int) -> list[IceServer]:
        """The servers for a stream; credentials hold until that Unix time.

        As coturn's `use-auth-secret` expects them (draft-uberti-behave-turn-rest-00).
        """
        servers = list(self.fixed)
        if self.turn_urls:
            username = f"{until_s}:{stream_id}"
            digest = hmac.new(self.turn_secret.encode(), username.encode(), hashlib.sha1).digest()
            credential = base64.b64encode(digest).decode()
            servers.append(
                IceServer(urls=list(self.turn_urls), username=username, credential=credential)
            )
        return servers
