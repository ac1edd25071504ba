"""The HTTP side of WHIP (RFC 9725): an offer goes in, an answer comes out, DELETE ends it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx

from services.gateway.addresses import PrivateAddress, resolve
from services.gateway.outputs.push import Hopeless, Lost, Refused
from services.gateway.outputs.target import WhipTarget

_TIMEOUT_S = 10.0
_GOODBYE_S = 3.0
_MAX_REDIRECTS = 5
_MAX_ANSWER_BYTES = 100_000
_SDP_TYPE = "application/sdp"
_REDIRECTS = (307, 308)
_LATER = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An offer that was taken."""

    answer: str
    session_url: httpx.URL | None
    """Where to end it."""


class WhipEndpoint:
    """One endpoint. Every address that it leads to is checked before it is called."""

    def __init__(self, target: WhipTarget, web: httpx.AsyncClient, *, allow_private: bool) -> None:
        self._target = target
        self._web = web
        self._allow_private = allow_private

    async def offer(self, sdp: str) -> Accepted:
        """Makes an offer, wherever the endpoint sends it. Raises Lost, Refused, Hopeless."""
        url = httpx.URL(self._target.url)
        for _ in range(_MAX_REDIRECTS + 1):
            response, answer = await self._call("POST", url, sdp)
            if response.status_code not in _REDIRECTS:
                return _accepted(response, answer, url)
            url = _next(url, response)
        raise Refused("the endpoint redirects too often")

    async def end(self, session_url: httpx.URL) -> None:
        """Ends a session; whether the endpoint hears of it is its own affair."""
        with suppress(Lost, Hopeless):
            await self._call("DELETE", session_url, None, within_s=_GOODBYE_S)

    async def _call(
        self, method: str, url: httpx.URL, sdp: str | None, *, within_s: float = _TIMEOUT_S
    ) -> tuple[httpx.Response, str]:
        """A request to the very address that was checked, and the beginning of its answer."""
        port = url.port or (443 if url.scheme == "https" else 80)
        headers = {"Host": url.netloc.decode(), "User-Agent": "vultus/1"}
        if sdp is not None:
            headers["Content-Type"] = _SDP_TYPE
        if self._target.token:
            headers["Authorization"] = f"Bearer {self._target.token}"
        try:
            address = await resolve(url.host, port, allow_private=self._allow_private)
            request = self._web.build_request(
                method,
                url.copy_with(host=address),
                content=sdp,
                headers=headers,
                extensions={"sni_hostname": url.host},
                timeout=within_s,
            )
            response = await self._web.send(request, stream=True, follow_redirects=False)
            try:
                return response, await _text(response)
            finally:
                await response.aclose()
        except PrivateAddress:
            raise Hopeless("the endpoint's address is not public") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise Refused("the endpoint's certificate is not valid") from None
            raise Lost(f"the endpoint can't be reached: {type(error).__name__}") from None


@asynccontextmanager
async def open_web(tls: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    """Calls endpoints while the block runs."""
    async with httpx.AsyncClient(verify=tls, trust_env=False) as web:
        yield web


async def _text(response: httpx.Response) -> str:
    text = b""
    async for piece in response.aiter_bytes():
        text += piece
        if len(text) > _MAX_ANSWER_BYTES:
            raise Lost("the endpoint's answer is too long")
    return text.decode("utf-8", errors="replace")


def _accepted(response: httpx.Response, answer: str, url: httpx.URL) -> Accepted:
    status = response.status_code
    if status == httpx.codes.CREATED:
        location = response.headers.get("location")
        return Accepted(answer, _joined(url, location) if location else None)
    if status in _LATER or httpx.codes.is_server_error(status):
        raise Lost(f"the endpoint answers with status {status}")
    raise Refused(f"the endpoint refuses the stream with status {status}")


def _next(url: httpx.URL, response: httpx.Response) -> httpx.URL:
    """Where a redirect leads; the token goes along, so never to where others could read it."""
    target = _joined(url, response.headers.get("location", ""))
    if target.scheme not in ("http", "https") or (url.scheme == "https" != target.scheme):
        raise Refused("the endpoint redirects to where it is not safe")
    return target


def _joined(url: httpx.URL, location: str) -> httpx.URL:
    try:
        return url.join(location)
    except httpx.InvalidURL:
        raise Refused("the endpoint names a location that is no URL") from None
