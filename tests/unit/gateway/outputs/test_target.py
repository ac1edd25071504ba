"""URLs of outputs: what they mean, what is refused, what is shown of them."""

from __future__ import annotations

import pytest

from services.common.errors import InvalidInput
from services.gateway.outputs.target import (
    OutputKind,
    RtmpTarget,
    SrtTarget,
    Target,
    WhipTarget,
    read_target,
)

SECRET = "s3cret-key"  # noqa: S105 - to look for


def read(url: str, kind: OutputKind | None = None, token: str = "") -> Target:
    return read_target(url, kind, token, allow_private=False)


@pytest.mark.parametrize(
    ("url", "host", "port", "app", "key"),
    [
        (f"rtmp://a.example/live/{SECRET}", "a.example", 1935, "live", SECRET),
        (f"rtmp://a.example:19350/app/inst/{SECRET}", "a.example", 19350, "app/inst", SECRET),
        (f"rtmps://A.example/rtmp/{SECRET}?s=1&b=2", "a.example", 443, "rtmp", f"{SECRET}?s=1&b=2"),
    ],
)
def test_rtmp_has_an_app_and_a_key(url: str, host: str, port: int, app: str, key: str) -> None:
    target = read(url)
    assert isinstance(target, RtmpTarget)
    assert (target.host, target.port, target.app, target.stream_key) == (host, port, app, key)
    assert target.secure == url.startswith("rtmps")
    assert target.tc_url == url.rpartition(f"/{SECRET}")[0]
    assert target.shown == f"{target.tc_url}/***"
    assert SECRET not in repr(target)


def test_srt_has_options() -> None:
    target = read(f"srt://a.example:9000?streamid=%23!::r={SECRET}&passphrase={SECRET}&latency=200")
    assert isinstance(target, SrtTarget)
    assert (target.host, target.port, target.latency_ms) == ("a.example", 9000, 200)
    assert (target.stream_id, target.passphrase) == (f"#!::r={SECRET}", SECRET)
    assert target.key_bytes == 16
    assert target.shown == "srt://a.example:9000?streamid=***&passphrase=***&latency=200"
    assert SECRET not in repr(target)


@pytest.mark.parametrize(
    ("url", "kind", "called"),
    [
        (f"whip+https://a.example/{SECRET}/whip", None, f"https://a.example/{SECRET}/whip"),
        (f"https://a.example/{SECRET}?x=1", OutputKind.WHIP, f"https://a.example/{SECRET}?x=1"),
        ("whip+http://a.example:8080", None, "http://a.example:8080/"),
    ],
)
def test_whip_is_http_by_another_name(url: str, kind: OutputKind | None, called: str) -> None:
    target = read(url, kind, SECRET)
    assert isinstance(target, WhipTarget)
    assert (target.url, target.token) == (called, SECRET)
    assert SECRET not in target.shown
    assert SECRET not in repr(target)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            f"ftp://a.example/{SECRET}",
            "url: send rtmp://host/app/key, rtmps://host/app/key, srt://",
        ),
        (f"https://a.example/{SECRET}", "url: send rtmp://"),
        (f"a.example/live/{SECRET}", "url: send rtmp://"),
        (f"rtmp:///live/{SECRET}", "url: it names no host"),
        (f"rtmp://a.example/{SECRET}", "RTMP needs an app and a stream key"),
        (f"rtmp://me:{SECRET}@a.example/live/key", "user and password before the host"),
        (f"rtmp://a.example/live/key#{SECRET}", "write it as %23"),
        (f"rtmp://a.example:99999/live/{SECRET}", "host or port is malformed"),
        (f"rtmp://[a.example/live/{SECRET}", "host or port is malformed"),
        (f"rtmp://a.example/live/ {SECRET}", "without spaces"),
        (f"rtmp://a.example/live/é{SECRET}", "ASCII"),
        (f"rtmp://a.example/live/{SECRET}{'x' * 2000}", "at most 2000"),
        (f"srt://a.example?streamid={SECRET}", "SRT needs a port"),
        (f"srt://a.example:9000/{SECRET}", "SRT has no path"),
        (f"srt://a.example:9000?mode=listener&streamid={SECRET}", "as caller"),
        (f"srt://a.example:9000?{SECRET}=1", "are taken, each once"),
        ("srt://a.example:9000?latency=1&latency=2", "are taken, each once"),
        ("srt://a.example:9000?passphrase=short", "10 to 79 characters"),
        ("srt://a.example:9000?latency=200000", "latency: 20 to 8000 ms"),
        ("srt://a.example:9000?pbkeylen=20", "pbkeylen: 16 or 24 or 32"),
        ("rtmp://127.0.0.1/live/key", "not public"),
        ("srt://169.254.169.254:80", "not public"),
        ("whip+https://localhost/whip", "not public"),
    ],
)
def test_what_is_wrong_is_told_without_the_secret(url: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=r"^url: ") as caught:
        read(url)
    assert told in caught.value.message
    assert SECRET not in caught.value.message


def test_kind_and_token_must_fit_the_url() -> None:
    with pytest.raises(InvalidInput, match="the url is of kind rtmp"):
        read("rtmp://a.example/live/key", OutputKind.SRT)
    with pytest.raises(InvalidInput, match="only whip takes one"):
        read("rtmp://a.example/live/key", None, SECRET)
    with pytest.raises(InvalidInput, match="printable ASCII"):
        read("whip+https://a.example/", None, f"{SECRET}\r\nX: y")


def test_private_addresses_can_be_allowed() -> None:
    target = read_target("rtmp://127.0.0.1/live/key", None, "", allow_private=True)
    assert target.shown == "rtmp://127.0.0.1/live/***"
