"""Watching a stream by WHEP, with aiortc on the other side."""

from __future__ import annotations

import asyncio
import random
import re
import socket
from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from itertools import pairwise

import httpx
import pytest
from aiortc.rtp import RtpPacket

from services.common.errors import Overloaded
from services.gateway.live.ice import IceServer, IceServers
from services.gateway.media import BitrateChange, KeyframeRequest
from services.gateway.records import StreamStatus
from services.gateway.settings import GatewaySettings
from services.gateway.webrtc import guests
from services.gateway.webrtc.rate import MIN_BPS, ceiling_bps
from tests.contract.gateway.test_doors import problem
from tests.fakes.film import Film
from tests.fakes.stage import Stage
from tests.fakes.watcher import SDP, Watcher, until

DARK = 128
"""Flashes are brighter."""
QUIET = 0.1
"""Beeps are louder."""
PACKET_S = 0.02
"""How exactly the start of a beep is told."""
ADDRESSES = (IPv4Address("203.0.113.7"), IPv4Address("203.0.113.8"))
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


@pytest.fixture
def film() -> Film:
    return Film()


@pytest.fixture
async def stage(film: Film) -> AsyncIterator[Stage]:
    stage = Stage()
    stage.animator = film
    yield stage
    await stage.sessions.close()
    await stage.guests.close()


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    watcher = Watcher()
    yield watcher
    await watcher.close()


@pytest.fixture
async def other() -> AsyncIterator[Watcher]:
    watcher = Watcher()
    yield watcher
    await watcher.close()


async def opened(stage: Stage, client: httpx.AsyncClient) -> dict[str, str]:
    """A new stream, as the API tells of it."""
    avatar = stage.avatars.add(stage.account.id)
    response = await client.post("/v1/streams", json={"avatar_id": avatar.id})
    assert response.status_code == 201, response.text
    told: dict[str, str] = response.json()
    return told


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def bitrates(film: Film) -> list[int]:
    """The bitrates that the encoder was asked for."""
    return [cue.bitrate_bps for cue in film.cues if isinstance(cue, BitrateChange)]


def wished(film: Film) -> int:
    """How many keyframes were asked for."""
    return sum(isinstance(cue, KeyframeRequest) for cue in film.cues)


async def test_a_viewer_sees_and_hears_the_stream_in_sync(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    await watcher.watch(client, stream["whep_url"])
    await until(lambda: len(watcher.reports) == 2 and watcher.onset_ntp_s("video", DARK)[2:])
    await until(lambda: watcher.onset_ntp_s("audio", QUIET)[2:])
    flashes, beeps = watcher.onset_ntp_s("video", DARK), watcher.onset_ntp_s("audio", QUIET)
    skews_s = [flash - beep for flash, beep in zip(flashes, beeps, strict=False)]
    assert max(map(abs, skews_s)) <= PACKET_S


async def test_the_stream_goes_live_and_tells_who_comes_and_goes(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher, other: Watcher
) -> None:
    stream = await opened(stage, client)
    session = stage.sessions.find(stream["id"])
    assert session
    with session.events.listen() as events:
        await watcher.watch(client, stream["whep_url"])
        await until(lambda: watcher.pictures)
        await other.watch(client, stream["whep_url"])
        await until(lambda: other.pictures)
        for one in (watcher, other):
            assert (await client.delete(one.location)).status_code == 204
        await client.delete(f"/v1/streams/{stream['id']}")
        heard = [(one.type, *one.fields.values()) async for one in events]
    assert heard == [
        ("stream.state", "connecting"),
        ("viewer.joined", 1),
        ("stream.state", "live"),
        ("viewer.joined", 2),
        ("viewer.left", 1),
        ("viewer.left", 0),
        ("stream.state", "ended", "deleted"),
    ]
    assert stage.streams.kept[stream["id"]].status is StreamStatus.ENDED


async def test_a_viewer_that_leaves_sees_its_connection_close(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    await watcher.watch(client, stream["whep_url"])
    await until(lambda: watcher.pictures)
    assert (await client.delete(watcher.location)).status_code == 204
    await until(lambda: watcher.connection.connectionState == "closed")
    problem(await client.delete(watcher.location), 404, "not_found")
    session = stage.sessions.find(stream["id"])
    assert session
    assert not session.program.watched


async def test_a_viewer_that_closes_its_connection_is_gone(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    session = stage.sessions.find(stream["id"])
    await watcher.watch(client, stream["whep_url"])
    await until(lambda: watcher.pictures)
    await watcher.connection.close()
    await until(lambda: session and not session.program.watched)
    problem(await client.delete(watcher.location), 404, "not_found")


async def test_a_viewer_that_falls_silent_is_let_go(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "SILENCE_S", 1.6)
    stream = await opened(stage, client)
    session = stage.sessions.find(stream["id"])
    await watcher.watch(client, stream["whep_url"])
    await until(lambda: watcher.reports)
    assert session
    assert session.program.watched
    watcher.fall_silent()
    await until(lambda: not session.program.watched)


async def test_a_viewer_that_never_connects_is_let_go(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "SILENCE_S", 0.2)
    stream = await opened(stage, client)
    response = await client.post(stream["whep_url"], content=await watcher.offer(), headers=SDP)
    location = response.headers["location"]
    guest = stage.guests._guest(stream["id"], location.rpartition("/")[2], stage.secret)
    await until(lambda: guest.task and guest.task.done())
    problem(await client.delete(location), 404, "not_found")


async def test_all_viewers_see_the_stream_end(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher, other: Watcher
) -> None:
    stream = await opened(stage, client)
    for one in (watcher, other):
        await one.watch(client, stream["whep_url"])
    await until(lambda: watcher.pictures and other.pictures)
    assert (await client.delete(f"/v1/streams/{stream['id']}")).status_code == 204
    closed = {"closed"}
    await until(lambda: {one.connection.connectionState for one in (watcher, other)} == closed, 1)
    late = Watcher()
    response = await client.post(stream["whep_url"], content=await late.offer(), headers=SDP)
    problem(response, 409, "stream_ended")
    await late.close()


async def test_a_token_for_viewing_opens_the_stream_once_if_it_is_for_single_use(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher, other: Watcher
) -> None:
    stream = await opened(stage, client)
    url = f"/v1/streams/{stream['id']}/tokens"
    body = {"rights": ["view"], "single_use": True}
    token = (await client.post(url, json=body)).json()["token"]
    async with stage.client("") as stranger:
        await watcher.watch(stranger, stream["whep_url"], bearer(token))
        await until(lambda: watcher.pictures)
        again = await stranger.post(
            stream["whep_url"], content=await other.offer(), headers={**SDP, **bearer(token)}
        )
        problem(again, 401, "unauthenticated")
        problem(await stranger.delete(watcher.location), 401, "unauthenticated")
        another = (await client.post(url, json={"rights": ["view"]})).json()["token"]
        problem(await stranger.delete(watcher.location, headers=bearer(another)), 404, "not_found")
        mine = await stranger.delete(watcher.location, headers=bearer(token))
        assert mine.status_code == 204


async def test_a_token_opens_only_its_own_stream_and_only_with_the_right_to_view(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream, elsewhere = await opened(stage, client), await opened(stage, client)
    offer = await watcher.offer()
    url = f"/v1/streams/{stream['id']}/tokens"
    control = (await client.post(url, json={"rights": ["control"]})).json()["token"]
    refusals = {control: (403, "forbidden"), elsewhere["token"]: (401, "unauthenticated")}
    async with stage.client("") as stranger:
        for token, (status, code) in refusals.items():
            response = await stranger.post(
                stream["whep_url"], content=offer, headers={**SDP, **bearer(token)}
            )
            problem(response, status, code)
    _, key = stage.stranger()
    async with stage.client(key) as stranger:
        response = await stranger.post(stream["whep_url"], content=offer, headers=SDP)
        problem(response, 404, "not_found")


async def test_a_stream_that_is_being_opened_can_not_be_watched_yet(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    session = stage.sessions.find(stream["id"])
    assert session
    session.playout.opened = asyncio.get_running_loop().create_future()
    offer = await watcher.offer()
    response = await client.post(stream["whep_url"], content=offer, headers=SDP)
    problem(response, 503, "unavailable")


async def test_offers_that_can_not_be_answered_are_told_why(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    offer = await watcher.offer()
    refused = [
        ("", 422, "validation_failed"),
        ("v=0\r\nm=video", 422, "validation_failed"),
        (offer.replace("a=recvonly", "a=sendonly"), 422, "validation_failed"),
        (re.sub(r"a=ice-pwd:.*\r\n", "", offer), 422, "validation_failed"),
        (re.sub(r"a=fingerprint:.*\r\n", "", offer), 422, "validation_failed"),
        (offer.replace("a=rtcp-mux\r\n", ""), 422, "validation_failed"),
        (offer.replace("a=mid:1", "a=mid:0"), 422, "validation_failed"),
        (offer.replace("H264/", "H265/"), 415, "unsupported_media"),
        (offer.replace("packetization-mode=1", "packetization-mode=0"), 415, "unsupported_media"),
        (offer.replace("opus/", "xpus/"), 415, "unsupported_media"),
        (offer + "a=x:" + "x" * 100_000, 413, "payload_too_large"),
    ]
    for sdp, status, code in refused:
        response = await client.post(stream["whep_url"], content=sdp, headers=SDP)
        problem(response, status, code)
    response = await client.post(stream["whep_url"], json={"sdp": offer})
    problem(response, 415, "unsupported_media")


@pytest.mark.parametrize("kind", ["video", "audio"])
async def test_a_viewer_may_want_only_one_kind(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher, kind: str
) -> None:
    stream = await opened(stage, client)
    offer = await watcher.offer(kind)
    response = await client.post(stream["whep_url"], content=offer, headers=SDP)
    assert response.status_code == 201, response.text
    await watcher.accept(response.text)
    await until(lambda: watcher.received[kind].levels)


async def test_there_is_a_limit_to_viewers(film: Film, watcher: Watcher, other: Watcher) -> None:
    stage = Stage(GatewaySettings(key_cache_s=0, max_viewers=1))
    stage.animator = film
    async with stage.client() as client:
        stream = await opened(stage, client)
        await watcher.watch(client, stream["whep_url"])
        offer = await other.offer()
        response = await client.post(stream["whep_url"], content=offer, headers=SDP)
        assert problem(response, 429, Overloaded.code)["retryable"] is True
        assert response.headers["retry-after"]
        await client.delete(watcher.location)
        response = await client.post(stream["whep_url"], content=offer, headers=SDP)
        assert response.status_code == 201
    await stage.sessions.close()
    await stage.guests.close()


async def test_candidates_may_come_later(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    offer = await watcher.offer()
    trickled = re.findall(r"a=candidate:.*", offer)
    bare = re.sub(r"a=(candidate|end-of-candidates).*\r\n", "", offer)
    response = await client.post(stream["whep_url"], content=bare, headers=SDP)
    assert response.headers["accept-patch"] == FRAGMENT["Content-Type"]
    location = response.headers["location"]
    # Without candidates in the answer only the gateway can call.
    await watcher.accept(re.sub(r"a=(candidate|end-of-candidates).*\r\n", "", response.text))
    ufrag = re.search(r"a=ice-ufrag:(\S+)", offer)
    assert ufrag
    lines = [f"a=ice-ufrag:{ufrag[1]}", "m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", *trickled]
    fragment = "\r\n".join([*lines, "a=end-of-candidates", ""])
    patched = await client.patch(location, content=fragment, headers=FRAGMENT)
    assert patched.status_code == 204, patched.text
    await until(lambda: watcher.pictures)


async def test_ice_is_not_restarted(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    await watcher.watch(client, stream["whep_url"])
    restart = "a=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\n"
    response = await client.patch(watcher.location, content=restart, headers=FRAGMENT)
    assert "restart" in str(problem(response, 422, "validation_failed")["detail"])
    response = await client.patch(watcher.location, content="a=candidate:1", headers=FRAGMENT)
    problem(response, 422, "validation_failed")
    response = await client.patch(watcher.location, content="", headers=FRAGMENT)
    problem(response, 422, "validation_failed")


async def test_the_viewer_is_told_of_stun_and_turn(stage: Stage, watcher: Watcher) -> None:
    # Names that lead nowhere: what the gateway itself finds through them is not the subject.
    stage.ice_servers = IceServers(
        (IceServer(urls=["stun:stun.invalid:3478"]),), ("turn:turn.invalid?transport=tcp",), "key"
    )
    async with stage.client() as client:
        stream = await opened(stage, client)
        response = await watcher.watch(client, stream["whep_url"])
    links = response.headers.get_list("link")
    assert links[0] == '<stun:stun.invalid:3478>; rel="ice-server"'
    form = (
        r'<turn:turn\.invalid\?transport=tcp>; rel="ice-server"; username="\d+:st_\w+"; '
        r'credential="[\w+/=]+"; credential-type="password"'
    )
    assert re.fullmatch(form, links[1])


async def test_the_answer_tells_the_announced_addresses(film: Film, watcher: Watcher) -> None:
    settings = GatewaySettings(key_cache_s=0, rtc_addresses=ADDRESSES)
    stage = Stage(settings)
    stage.animator = film
    async with stage.client() as client:
        stream = await opened(stage, client)
        response = await watcher.watch(client, stream["whep_url"])
    found = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", response.text)
    assert {address for address, _ in found} == {"203.0.113.7", "203.0.113.8"}
    assert "192." not in response.text
    await stage.sessions.close()
    await stage.guests.close()


async def test_a_viewer_in_trouble_gets_a_keyframe_and_a_new_one_too(
    stage: Stage, client: httpx.AsyncClient, film: Film, watcher: Watcher, other: Watcher
) -> None:
    stream = await opened(stage, client)
    await watcher.watch(client, stream["whep_url"])
    await until(lambda: watcher.pictures)
    before = wished(film)
    ssrc = next(iter(watcher.receiver("video")._RTCRtpReceiver__remote_streams))  # type: ignore[attr-defined]
    for _ in range(20):
        await watcher.receiver("video")._send_rtcp_pli(ssrc)
    await until(lambda: wished(film) > before)
    await until(lambda: watcher.pictures[-1][0] > watcher.pictures[0][0] + 90_000)
    assert wished(film) - before <= 2
    before = wished(film)
    await other.watch(client, stream["whep_url"])
    await until(lambda: other.pictures)
    assert wished(film) > before


async def test_lost_packets_are_sent_again(
    stage: Stage, client: httpx.AsyncClient, film: Film, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    response = await watcher.watch(client, stream["whep_url"])
    assert " rtx/90000" in response.text
    seen = 0

    def lost(packet: RtpPacket) -> bool:
        nonlocal seen
        seen += 1
        return seen % 20 == 10

    watcher.lose(lost)
    before = wished(film)
    await until(lambda: len(watcher.pictures) > 75)
    times = [time for time, _ in watcher.pictures]
    assert {after - before for before, after in pairwise(times)} == {3600}
    assert wished(film) - before <= 1


async def test_where_much_is_lost_less_is_sent(
    stage: Stage, client: httpx.AsyncClient, film: Film, watcher: Watcher, other: Watcher
) -> None:
    film.told_size = 512
    stream = await opened(stage, client)
    await other.watch(client, stream["whep_url"])
    await watcher.watch(client, stream["whep_url"])
    await until(lambda: watcher.pictures and other.pictures)
    chance = random.Random(1)  # noqa: S311 - no secret
    watcher.lose(lambda packet: chance.random() < 0.4)
    await until(lambda: bitrates(film))
    assert MIN_BPS <= bitrates(film)[0] < ceiling_bps(512, 512, 25)


async def test_a_bad_network_stays_watchable(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    await watcher.watch(client, stream["whep_url"])
    await until(lambda: watcher.pictures)
    watcher.worsen(loss=0.05, jitter_s=0.2)
    first = len(watcher.pictures)
    begun = watcher.pictures[-1][0]
    await until(lambda: watcher.pictures[-1][0] > begun + 8 * 90_000, 30)
    seen = [time for time, _ in watcher.pictures[first:]]
    assert len(seen) > 8 * 25 * 0.9
    assert max(after - before for before, after in pairwise(seen)) < 45_000


async def test_an_empty_datagram_of_a_stranger_does_no_harm(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    response = await watcher.watch(client, stream["whep_url"])
    await until(lambda: watcher.pictures)
    found = re.findall(r"a=candidate:\S+ 1 udp \d+ ([\d.]+) (\d+) typ host", response.text)
    assert found
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for address, port in found:
            stranger.sendto(b"", (address, int(port)))
    seen = len(watcher.pictures)
    await until(lambda: len(watcher.pictures) > seen + 50)
