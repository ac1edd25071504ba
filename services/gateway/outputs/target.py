"""Where a stream is sent, as read from a URL; what is secret in it is never shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from services.common.errors import InvalidInput
from services.gateway.addresses import is_surely_private

ACCEPTED = (
    "rtmp://host/app/key, rtmps://host/app/key, srt://host:port?streamid=…&passphrase=…, "
    "whip+https://host/path, or https://host/path with kind whip"
)
MAX_URL_CHARACTERS = 2_000
HIDDEN = "***"
"""Stands where a shown URL leaves something out."""
_RTMP_PORTS = {"rtmp": 1935, "rtmps": 443}
_PASSPHRASE_CHARACTERS = range(10, 80)
_LATENCY_MS = range(20, 8_001)
_DEFAULT_LATENCY_MS = 120
_KEY_BYTES = (16, 24, 32)
_MAX_STREAM_ID_BYTES = 512
_SRT_QUERY = ("streamid", "passphrase", "pbkeylen", "latency", "mode")


class OutputKind(StrEnum):
    """How a stream is sent."""

    RTMP = "rtmp"
    SRT = "srt"
    WHIP = "whip"


@dataclass(frozen=True, slots=True)
class RtmpTarget:
    """An RTMP server and what the stream is called there."""

    host: str
    port: int
    secure: bool
    app: str
    stream_key: str = field(repr=False)
    tc_url: str = field(repr=False)
    """Names server and app, as the server is told."""
    shown: str
    kind: OutputKind = OutputKind.RTMP


@dataclass(frozen=True, slots=True)
class SrtTarget:
    """An SRT listener."""

    host: str
    port: int
    stream_id: str = field(repr=False)
    passphrase: str = field(repr=False)
    """Empty: not encrypted."""
    key_bytes: int
    latency_ms: int
    shown: str
    kind: OutputKind = OutputKind.SRT


@dataclass(frozen=True, slots=True)
class WhipTarget:
    """A WHIP endpoint."""

    url: str = field(repr=False)
    token: str = field(repr=False)
    """Sent as a bearer token; empty: none."""
    shown: str
    kind: OutputKind = OutputKind.WHIP


Target = RtmpTarget | SrtTarget | WhipTarget


def read_target(url: str, kind: OutputKind | None, token: str, *, allow_private: bool) -> Target:
    """The target that a caller names. Raises InvalidInput, whose message tells no secret."""
    if len(url) > MAX_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput(
            f"url: at most {MAX_URL_CHARACTERS} printable ASCII characters without spaces; "
            "write others as %XX"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput("url: it can't be read; its host or port is malformed") from None
    target = _read(parts, port, kind, token)
    if kind not in (None, target.kind):
        raise InvalidInput(f"kind: the url is of kind {target.kind}")
    if token and not isinstance(target, WhipTarget):
        raise InvalidInput("token: only whip takes one; others carry their key in the url")
    if not allow_private and is_surely_private(parts.hostname or ""):
        raise InvalidInput("url: the address is not public")
    return target


def _read(parts: SplitResult, port: int | None, kind: OutputKind | None, token: str) -> Target:
    scheme = parts.scheme.lower()
    known = scheme in ("rtmp", "rtmps", "srt", "whip+http", "whip+https") or (
        kind is OutputKind.WHIP and scheme in ("http", "https")
    )
    if not known:
        raise InvalidInput(f"url: send {ACCEPTED}")
    if not parts.hostname:
        raise InvalidInput(f"url: it names no host; send {ACCEPTED}")
    if parts.fragment:
        raise InvalidInput("url: a # begins what no server sees; write it as %23")
    if "@" in parts.netloc:
        raise InvalidInput(
            "url: user and password before the host are not supported; "
            "put the key where the server expects it in the path or the query"
        )
    if scheme == "srt":
        return _srt(parts, port)
    if scheme in _RTMP_PORTS:
        return _rtmp(parts, port)
    return _whip(parts, token)


def _rtmp(parts: SplitResult, port: int | None) -> RtmpTarget:
    """The key is all after the last slash; what stands before it is the app."""
    app, _, name = parts.path.strip("/").rpartition("/")
    if not app or not name:
        raise InvalidInput("url: RTMP needs an app and a stream key: rtmp://host/app/key")
    scheme = parts.scheme.lower()
    return RtmpTarget(
        host=_host(parts),
        port=port or _RTMP_PORTS[scheme],
        secure=scheme == "rtmps",
        app=app,
        stream_key=f"{name}?{parts.query}" if parts.query else name,
        tc_url=f"{scheme}://{parts.netloc}/{app}",
        shown=f"{scheme}://{parts.netloc}/{app}/{HIDDEN}",
    )


def _srt(parts: SplitResult, port: int | None) -> SrtTarget:
    if not port:
        raise InvalidInput("url: SRT needs a port: srt://host:port")
    if parts.path.strip("/"):
        raise InvalidInput("url: SRT has no path; name the stream with ?streamid=…")
    query = _query(parts.query)
    if query.get("mode", "caller") != "caller":
        raise InvalidInput("url: mode: streams are sent as caller, to a listener")
    passphrase = query.get("passphrase", "")
    if passphrase and len(passphrase.encode()) not in _PASSPHRASE_CHARACTERS:
        raise InvalidInput("url: passphrase: SRT takes 10 to 79 characters")
    stream_id = query.get("streamid", "")
    if len(stream_id.encode()) > _MAX_STREAM_ID_BYTES:
        raise InvalidInput(f"url: streamid: at most {_MAX_STREAM_ID_BYTES} bytes")
    return SrtTarget(
        host=_host(parts),
        port=port,
        stream_id=stream_id,
        passphrase=passphrase,
        key_bytes=_number(query, "pbkeylen", _KEY_BYTES, _KEY_BYTES[0]),
        latency_ms=_number(query, "latency", _LATENCY_MS, _DEFAULT_LATENCY_MS),
        shown=urlunsplit(("srt", parts.netloc, "", _hidden_query(query), "")),
    )


def _whip(parts: SplitResult, token: str) -> WhipTarget:
    scheme = parts.scheme.lower().removeprefix("whip+")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput("token: printable ASCII characters without spaces")
    # A WHIP endpoint's path is its key with some services.
    return WhipTarget(
        url=urlunsplit((scheme, parts.netloc, parts.path or "/", parts.query, "")),
        token=token,
        shown=f"whip+{scheme}://{parts.netloc}/{HIDDEN}",
    )


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").lower()


def _query(query: str) -> dict[str, str]:
    """SRT's options, each once."""
    pairs = parse_qsl(query, keep_blank_values=True)
    unknown = {name for name, _ in pairs if name not in _SRT_QUERY}
    if unknown or len(pairs) != len({name for name, _ in pairs}):
        raise InvalidInput(f"url: of SRT's options {', '.join(_SRT_QUERY)} are taken, each once")
    return dict(pairs)


def _hidden_query(query: dict[str, str]) -> str:
    secret = ("streamid", "passphrase")
    return "&".join(
        f"{name}={HIDDEN if name in secret else value}" for name, value in query.items()
    )


def _number(query: dict[str, str], name: str, allowed: Iterable[int], default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    allowed = tuple(allowed)
    if not text.isdecimal() or len(text) > len(str(allowed[-1])) or int(text) not in allowed:
        between = (
            f"{allowed[0]} to {allowed[-1]} ms"
            if len(allowed) > len(_KEY_BYTES)
            else (" or ".join(map(str, allowed)))
        )
        raise InvalidInput(f"url: {name}: {between}")
    return int(text)
