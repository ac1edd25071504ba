"""Reading offers and fragments, also such as nobody should send."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import InvalidInput, PayloadTooLarge
from services.gateway.webrtc.offer import Wish, announce, read_fragment, read_offer

OFFER = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=recvonly
a=mid:0
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 00:11
a=setup:actpass
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=candidate:1 1 udp 2113937151 5f3b1e0c-0000-4000-8000-000000000000.local 50000 typ host
a=candidate:2 1 tcp 2113937151 192.0.2.9 9 typ host tcptype active
a=candidate:3 1 udp 2113937151 192.0.2.9 50001 typ host
m=video 9 UDP/TLS/RTP/SAVPF 102
c=IN IP4 0.0.0.0
a=recvonly
a=mid:1
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 00:11
a=setup:actpass
a=rtcp-mux
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
"""


def test_an_offer_tells_who_it_is_of_and_what_it_wants() -> None:
    offer = read_offer(OFFER, Wish.WATCH)
    assert offer.kinds == {"audio", "video"}
    assert (offer.ufrag, offer.first_mid) == ("abcd", "0")


def test_candidates_that_lead_nowhere_are_left_out() -> None:
    sdp = read_offer(OFFER, Wish.WATCH).sdp
    assert [line[12] for line in sdp.splitlines() if line.startswith("a=candidate:")] == ["3"]


def test_the_end_of_candidates_goes_with_one_that_was_left_out() -> None:
    useful = "a=candidate:3 1 udp 2113937151 192.0.2.9 50001 typ host"
    hidden = useful.replace("192.0.2.9", "5f3b1e0c.local")
    assert read_fragment(f"{useful}\na=end-of-candidates", "0").complete
    assert not read_fragment(f"{hidden}\na=end-of-candidates", "0").complete


def test_a_flood_of_candidates_is_cut_off() -> None:
    line = "a=candidate:3 1 udp 2113937151 192.0.2.9 50001 typ host\n"
    sdp = read_offer(OFFER.replace(line, line * 1000), Wish.WATCH).sdp
    assert sdp.count("a=candidate:") < 60


def test_who_only_receives_can_not_speak() -> None:
    with pytest.raises(InvalidInput):
        read_offer(OFFER, Wish.SPEAK)
    assert read_offer(OFFER.replace("recvonly", "sendrecv"), Wish.SPEAK).kinds == {"audio"}


def test_an_m_line_that_was_rejected_is_not_wanted() -> None:
    assert read_offer(OFFER.replace("m=video 9", "m=video 0"), Wish.WATCH).kinds == {"audio"}


def test_a_fragment_s_candidates_belong_to_the_first_m_line() -> None:
    fragment = read_fragment(
        "a=ice-ufrag:abcd\r\nm=video 9 RTP/AVP 0\r\na=mid:1\r\n"
        "a=candidate:3 1 udp 2113937151 192.0.2.9 50001 typ host\r\na=end-of-candidates\r\n",
        "0",
    )
    assert (fragment.ufrag, fragment.complete) == ("abcd", True)
    assert [(one.sdpMid, one.ip, one.port) for one in fragment.candidates] == [
        ("0", "192.0.2.9", 50_001)
    ]


def test_host_candidates_move_to_the_announced_addresses_of_their_family() -> None:
    answer = (
        "c=IN IP4 10.0.0.5\r\n"
        "a=candidate:1 1 udp 1 10.0.0.5 40000 typ host\r\n"
        "a=candidate:2 1 udp 1 fd00::5 40001 typ host\r\n"
        "a=candidate:3 1 udp 1 198.51.100.1 40002 typ relay raddr 10.0.0.5 rport 40000\r\n"
    )
    moved = announce(answer, ["203.0.113.7"]).splitlines()
    assert moved[1:] == [
        "a=candidate:1 1 udp 1 203.0.113.7 40000 typ host",
        "a=candidate:3 1 udp 1 198.51.100.1 40002 typ relay raddr 10.0.0.5 rport 40000",
    ]
    assert announce(answer, []) == answer


@given(st.text())
def test_text_that_is_no_sdp_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_offer(text, Wish.WATCH)


@given(st.integers(0, 2**32))
def test_an_offer_with_damage_is_read_or_refused(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    lines = OFFER.splitlines()
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines))
        match rng.randrange(4):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, rng.choice(lines))
            case 2:
                lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
            case _:
                lines[at] = lines[at].replace(rng.choice(lines[at] or " "), rng.choice("x:/ 9="))
    with suppress(InvalidInput):
        read_offer("\r\n".join(lines), Wish.WATCH)


@given(st.text(), st.text())
def test_a_fragment_with_damage_is_read_or_refused(before: str, after: str) -> None:
    with suppress(InvalidInput):
        read_fragment(f"{before}\r\na=candidate:{after}", "0")


def test_an_endless_offer_is_refused() -> None:
    with pytest.raises(PayloadTooLarge):
        read_offer(OFFER + "a=x\r\n" * 50_000, Wish.WATCH)


async def test_what_aiortc_offers_can_be_read() -> None:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in ("video", "audio"):
        peer.addTransceiver(kind, direction="recvonly")
    peer.createDataChannel("chat")
    await peer.setLocalDescription()
    assert read_offer(peer.localDescription.sdp, Wish.WATCH).kinds == {"audio", "video"}
    await peer.close()
