"""Session descriptions (SDP): what offers must hold, and what answers and fragments say."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar

from aiortc import RTCIceCandidate
from aiortc.sdp import MediaDescription, SessionDescription, candidate_from_sdp

from services.common.errors import InvalidInput, PayloadTooLarge, UnsupportedMedia

_MAX_CHARACTERS = 100_000
_MAX_CANDIDATES = 50
_MAX_SECTIONS = 8
# What reading SDP that is none raises; the parser takes the form of lines for granted.
_MALFORMED = (ValueError, AssertionError, AttributeError, IndexError, KeyError, StopIteration)
_CANDIDATE = "a=candidate:"
_LAST = "a=end-of-candidates"
_CODECS = {"video": "video/h264", "audio": "audio/opus"}
_NAMES = {"video": "H.264 (constrained baseline, packetization-mode 1)", "audio": "Opus"}
_READS = TypeVar("_READS")


class Wish(StrEnum):
    """What somebody who offers a connection wants of it."""

    WATCH = "watch"
    SPEAK = "speak"


_KINDS = {Wish.WATCH: ("audio", "video"), Wish.SPEAK: ("audio",)}
# Whoever watches receives, and whoever speaks sends; an m-line without a direction does both.
_DIRECTIONS = {
    Wish.WATCH: (None, "recvonly", "sendrecv"),
    Wish.SPEAK: (None, "sendonly", "sendrecv"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that can be answered."""

    sdp: str
    kinds: frozenset[str]
    """Of `audio` and `video`, those that are to be sent or received."""
    ufrag: str
    """Names the offerer's ICE session."""
    first_mid: str
    """Of the m-line that carries the transport of all."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What an offerer found out later (trickle-ice-sdpfrag, RFC 8840)."""

    ufrag: str | None
    candidates: tuple[RTCIceCandidate, ...]
    complete: bool
    """Whether no more candidates will come."""


def read_offer(sdp: str, wish: Wish) -> Offer:
    """An offer of somebody with a wish. Raises InvalidInput, UnsupportedMedia, PayloadTooLarge."""
    lines = _lines(sdp)
    kept = "\r\n".join(_without_useless_candidates(lines)) + "\r\n"
    description = _read("offer", lambda: SessionDescription.parse(kept))
    sections = _read("offer", lambda: _checked_sections(description))
    used = [one for one in sections if one.kind in _KINDS[wish]]
    used = [one for one in used if one.port and one.direction in _DIRECTIONS[wish]]
    kinds = frozenset(one.kind for one in used)
    if not kinds:
        raise InvalidInput(_MISSING[wish])
    if len(kinds) != len(used):
        raise InvalidInput("the offer has several m-lines of the same kind")
    for section in used:
        _check_codec(section)
    bundle = next((group.items for group in description.group if group.semantic == "BUNDLE"), [])
    first = sections[0]
    return Offer(
        kept,
        kinds,
        ufrag=str(first.ice.usernameFragment) if first.ice else "",
        first_mid=str(bundle[0]) if bundle else first.rtp.muxId,
    )


_MISSING = {
    Wish.WATCH: "the offer has no audio or video m-line that receives",
    Wish.SPEAK: "the offer has no audio m-line that sends",
}


def read_fragment(text: str, first_mid: str) -> Fragment:
    """Candidates that came later; all belong to the m-line of the transport.

    Raises InvalidInput, PayloadTooLarge.
    """
    lines = _lines(text)
    kept = _without_useless_candidates(lines)
    ufrags = [line.partition(":")[2] for line in lines if line.startswith("a=ice-ufrag:")]
    candidates = []
    for line in kept:
        if not line.startswith(_CANDIDATE):
            continue
        candidate = _read("fragment", partial(candidate_from_sdp, line.partition(":")[2]))
        candidate.sdpMid = first_mid
        candidates.append(candidate)
    if not ufrags and not any(line.startswith((_CANDIDATE, _LAST)) for line in lines):
        raise InvalidInput("the fragment has neither candidates nor ICE credentials")
    return Fragment(ufrags[0] if ufrags else None, tuple(candidates), _LAST in kept)


def announce(sdp: str, addresses: Sequence[str]) -> str:
    """An answer whose host candidates stand at other addresses, each at all of its family."""
    if not addresses:
        return sdp
    lines: list[str] = []
    for line in sdp.splitlines():
        if line.startswith(_CANDIDATE) and " typ host" in line:
            lines += _moved(line, addresses)
        elif line.startswith("c=IN "):
            lines.append("c=IN IP4 0.0.0.0")
        else:
            lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def _moved(line: str, addresses: Iterable[str]) -> list[str]:
    words = line.split()
    version = ipaddress.ip_address(words[4]).version
    fitting = [one for one in addresses if ipaddress.ip_address(one).version == version]
    return [" ".join([*words[:4], one, *words[5:]]) for one in fitting]


def _lines(sdp: str) -> list[str]:
    if len(sdp) > _MAX_CHARACTERS:
        raise PayloadTooLarge(f"a session description may have {_MAX_CHARACTERS} characters")
    return [line.strip() for line in sdp.splitlines() if line.strip()]


def _without_useless_candidates(lines: Sequence[str]) -> list[str]:
    """Leaves out names that only the offerer's own network knows, TCP, and too many.

    Looking a name up would take a second each; who hides behind one is seen when it calls. So where
    one was left out, more may come than was told: the end of the candidates goes with it.
    """
    kept: list[str] = []
    candidates, all_kept = 0, True
    for line in lines:
        if line.startswith(_CANDIDATE):
            candidates += 1
            if _is_useless(line) or candidates > _MAX_CANDIDATES:
                all_kept = False
                continue
        kept.append(line)
    return [line for line in kept if all_kept or line != _LAST]


def _is_useless(candidate: str) -> bool:
    words = candidate.split()
    return len(words) > 4 and (words[2].lower() != "udp" or words[4].lower().endswith(".local"))


def _checked_sections(description: SessionDescription) -> list[MediaDescription]:
    """The m-lines, each with all that a connection needs."""
    sections = description.media
    if not 1 <= len(sections) <= _MAX_SECTIONS:
        raise InvalidInput(f"an offer has 1 to {_MAX_SECTIONS} m-lines")
    mids = [section.rtp.muxId for section in sections]
    if not all(mids) or len(mids) != len(set(mids)):
        raise InvalidInput("each m-line needs its own a=mid")
    for section in sections:
        _check_transport(section)
    return sections


def _check_transport(section: MediaDescription) -> None:
    if section.kind not in ("audio", "video", "application"):
        raise InvalidInput("an m-line is neither audio nor video")
    if not section.ice or not section.ice.usernameFragment or not section.ice.password:
        raise InvalidInput("an m-line has no a=ice-ufrag and a=ice-pwd")
    if section.dtls is None or not section.dtls.fingerprints:
        raise InvalidInput("an m-line has no a=fingerprint and a=setup")
    if section.kind in _CODECS and not section.rtcp_mux:
        raise InvalidInput("an m-line has no a=rtcp-mux")


def _check_codec(section: MediaDescription) -> None:
    wanted = _CODECS[section.kind]
    if all(codec.mimeType.lower() != wanted for codec in section.rtp.codecs):
        raise UnsupportedMedia(f"{section.kind} goes as {_NAMES[section.kind]}; offer it")


def _read(what: str, read: Callable[[], _READS]) -> _READS:
    try:
        return read()
    except _MALFORMED:
        raise InvalidInput(f"the {what} is not SDP that can be understood") from None
