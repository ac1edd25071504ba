"""What callers may ask of a face and its scene, for videos and for live streams alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.gateway.look import Cue, ImageAsset, Look, Performance, PlainColour
from services.gateway.media import (
    Act,
    Action,
    Blur,
    Colour,
    Expression,
    ExpressionName,
    Gesture,
    Gestures,
    MarkText,
    Photo,
    Transparent,
    UtteranceEnd,
)
from services.gateway.records import Suggestion, Verdict
from tests.contract.gateway.test_control import House, heard, house, say, voice
from tests.contract.gateway.test_doors import problem
from tests.fakes.stage import Stage

__all__ = ["house"]

Json = dict[str, Any]
TEXT = "Good day to you. How are you."
HAPPY, SAD = Expression(ExpressionName.HAPPY), Expression(ExpressionName.SAD, 0.5)
PERFORMANCE: Json = {
    "expression": {"name": "happy"},
    "cues": [
        {"at": {"text_offset": 17}, "expression": {"name": "sad", "strength": 0.5}},
        {"at": {"time_ms": 100}, "action": "nod"},
    ],
}


@pytest.fixture
def avatar_id(stage: Stage) -> str:
    return stage.avatars.add(stage.account.id).id


async def image(client: httpx.AsyncClient, content: bytes = b"IMG") -> str:
    response = await client.post("/v1/assets", files={"file": ("wall.png", content)})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def video(avatar_id: str, **more: Any) -> Json:
    return {"avatar_id": avatar_id, "script": {"type": "text", "text": TEXT}, **more}


async def test_a_video_keeps_how_it_is_to_be_performed_and_before_what(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    output = {"background": {"type": "colour", "colour": "#00B140"}}
    body = video(avatar_id, performance=PERFORMANCE, output=output)
    response = await client.post("/v1/videos", json=body)
    assert response.status_code == 202, response.text
    (kept,) = stage.videos.kept.values()
    cues = (Cue(None, 17, SAD), Cue(100_000, None, None, Action.NOD))
    look = Look(Performance(HAPPY, cues), PlainColour(0x00B140), MarkText.ENGLISH)
    assert kept.spec.look == look


async def test_a_picture_behind_a_video_is_judged_before_anything_is_recorded(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    background = {"type": "image", "asset_id": await image(client)}
    body = video(avatar_id, output={"background": background})
    assert (await client.post("/v1/videos", json=body)).status_code == 202
    (kept,) = stage.videos.kept.values()
    assert kept.spec.look.background == ImageAsset(background["asset_id"])
    assert len(stage.moderator.images) == 1
    stage.moderator.verdict = Verdict(Suggestion.BLOCK, ("nudity",))
    refused = await client.post("/v1/videos", json=body)
    assert refused.json()["code"] == "content_rejected"
    assert len(stage.videos.kept) == 1


@pytest.mark.parametrize("path", ["/v1/videos", "/v1/streams"])
async def test_only_own_pictures_can_stand_behind_a_person(
    client: httpx.AsyncClient, avatar_id: str, path: str
) -> None:
    for asset_id, status, code in (
        ("as_nobody", 404, "not_found"),
        (await image(client, b"SND" + bytes(99)), 415, "unsupported_media"),
    ):
        background = {"type": "image", "asset_id": asset_id}
        body: Json = {"avatar_id": avatar_id, "background": background}
        if path == "/v1/videos":
            body = video(avatar_id, output={"background": background})
        problem(await client.post(path, json=body), status, code)


@pytest.mark.parametrize(
    ("background", "place"),
    [
        ({"type": "colour", "colour": "green"}, "colour"),
        ({"type": "colour"}, "colour"),
        ({"type": "blur", "strength": 2}, "strength"),
        ({"type": "green"}, "background"),
        ({"type": "original", "colour": "#000000"}, "colour"),
        ("original", "background"),
    ],
)
async def test_backgrounds_that_are_not_known_are_refused_by_name(
    client: httpx.AsyncClient, avatar_id: str, background: object, place: str
) -> None:
    body = video(avatar_id, output={"background": background})
    answer: Any = problem(await client.post("/v1/videos", json=body), 422, "validation_failed")
    assert place in answer["errors"][0]["location"]


async def test_a_video_can_be_transparent(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    body = video(avatar_id, output={"background": {"type": "transparent"}})
    response = await client.post("/v1/videos", json=body)
    assert response.status_code == 202, response.text
    assert response.json()["background"] == {"type": "transparent"}
    (kept,) = stage.videos.kept.values()
    assert kept.spec.look == Look(background=Transparent(), mark=MarkText.ENGLISH)


async def test_a_stream_can_not_be_transparent_and_is_told_what_is_possible(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    body = {"avatar_id": avatar_id, "background": {"type": "transparent"}}
    answer: Any = problem(await client.post("/v1/streams", json=body), 422, "validation_failed")
    (fault,) = answer["errors"]
    assert fault["location"] == "body.background"
    assert "H.264 over WebRTC has no alpha" in fault["message"]
    assert "original, colour, image and blur" in fault["message"]
    assert "keyed out" in fault["message"]
    assert not stage.streams.kept


@pytest.mark.parametrize(
    ("performance", "place"),
    [
        ({"expression": {"name": "angry"}}, "performance.expression.name"),
        ({"expression": {"name": "happy", "strength": 1.5}}, "performance.expression.strength"),
        ({"cues": [{"at": {"time_ms": 1}, "action": "wink"}]}, "performance.cues.0.action"),
        ({"cues": [{"at": {"time_ms": -1}, "action": "nod"}]}, "performance.cues.0.at.time_ms"),
        ({"cues": [{"at": {"time_ms": 1}}]}, "performance.cues.0"),
        ({"cues": [{"at": {}, "action": "nod"}]}, "performance.cues.0.at"),
        (
            {"cues": [{"at": {"text_offset": 29}, "action": "nod"}]},
            "performance.cues.0.at.text_offset",
        ),
        ({"mood": "happy"}, "performance.mood"),
    ],
)
@pytest.mark.parametrize("kind", ["video", "drive"])
async def test_performances_that_make_no_sense_are_refused_by_the_field(
    client: httpx.AsyncClient, avatar_id: str, performance: Json, place: str, kind: str
) -> None:
    if kind == "video":
        response = await client.post("/v1/videos", json=video(avatar_id, performance=performance))
    else:
        stream = (await client.post("/v1/streams", json={"avatar_id": avatar_id})).json()
        drive = {"text": TEXT, "performance": performance}
        response = await client.post(f"/v1/streams/{stream['id']}/drives", json=drive)
    answer: Any = problem(response, 422, "validation_failed")
    assert answer["errors"][0]["location"].endswith(f"body.{place}")


async def test_cues_of_a_recording_stand_at_times_only(
    client: httpx.AsyncClient, avatar_id: str
) -> None:
    sound = await image(client, b"SND" + bytes(5000))
    script = {"type": "audio", "asset_id": sound}
    for at, status in (({"time_ms": 0}, 202), ({"text_offset": 0}, 422)):
        performance = {"cues": [{"at": at, "action": "tilt"}]}
        body = {"avatar_id": avatar_id, "script": script, "performance": performance}
        assert (await client.post("/v1/videos", json=body)).status_code == status


@pytest.mark.parametrize(
    ("background", "drawn"),
    [
        (None, lambda _: None),
        ({"type": "original"}, lambda _: None),
        ({"type": "colour", "colour": "#ff0080"}, lambda _: Colour(0xFF0080)),
        ({"type": "blur"}, lambda _: Blur(0.5)),
        ({"type": "image"}, Photo),
    ],
)
async def test_a_stream_stands_before_its_background_with_its_expression(
    stage: Stage,
    client: httpx.AsyncClient,
    avatar_id: str,
    background: Json | None,
    drawn: Callable[[Any], object],
) -> None:
    picture = None
    if background and background["type"] == "image":
        background = {**background, "asset_id": await image(client)}
        asset = await stage.assets.get(stage.account.id, background["asset_id"])
        picture = asset.picture or asset.object
    body = {"avatar_id": avatar_id, "background": background, "expression": {"name": "happy"}}
    response = await client.post("/v1/streams", json=body)
    assert response.status_code == 201, response.text
    assert stage.animator.configs[-1].background == drawn(picture)
    assert Act(standing=HAPPY) in stage.animator.cues
    assert (len(stage.moderator.images) == 1) == (picture is not None)


async def test_a_picture_that_is_not_allowed_opens_no_stream(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    background = {"type": "image", "asset_id": await image(client)}
    stage.moderator.verdict = Verdict(Suggestion.BLOCK, ("nudity",))
    body = {"avatar_id": avatar_id, "background": background}
    refused = await client.post("/v1/streams", json=body)
    assert refused.json()["code"] == "content_rejected"
    assert not stage.streams.kept


async def test_a_stream_s_expression_is_changed_and_its_head_acts(house: House) -> None:
    async with house.stage.client(house.stream["token"]) as guest:
        place = f"/v1/streams/{house.stream['id']}"
        change = {"expression": {"name": "sad", "strength": 0.5}}
        changed = await guest.patch(place, json=change)
        assert (changed.status_code, changed.json()["id"]) == (200, house.stream["id"])
        acted = await guest.post(f"{place}/actions", json={"name": "look_at_camera"})
        assert (acted.status_code, acted.content) == (202, b"")
        for method, path, body in (
            ("PATCH", place, {}),
            ("PATCH", place, {"expression": {"name": "angry"}}),
            ("POST", f"{place}/actions", {"name": "wink"}),
        ):
            problem(await guest.request(method, path, json=body), 422, "validation_failed")
    async with house.socket() as socket:
        await say(socket, type="ping")
        await heard(socket, "pong")
        await say(socket, type="drive", text="Hello.")
        await heard(socket, "drive.finished")
    cues = house.stage.animator.cues
    assert cues.index(Act(standing=SAD)) < cues.index(Act(action=Action.LOOK_AT_CAMERA))


async def test_who_may_only_watch_has_no_say(house: House) -> None:
    place = f"/v1/streams/{house.stream['id']}"
    async with house.stage.client() as owner:
        view = (await owner.post(f"{place}/tokens", json={"rights": ["view"]})).json()["token"]
    async with house.stage.client(view) as viewer:
        change = {"expression": {"name": "happy"}}
        problem(await viewer.patch(place, json=change), 403, "forbidden")
        problem(await viewer.post(f"{place}/actions", json={"name": "nod"}), 403, "forbidden")


async def test_a_controller_sets_expressions_and_acts(house: House) -> None:
    async with house.socket() as socket:
        await say(socket, type="expression", name="sad", strength=0.5)
        await say(socket, type="action", name="shake")
        for wrong in ({"type": "expression", "name": "angry"}, {"type": "action", "name": "wink"}):
            await say(socket, **wrong)
            answer = await heard(socket, "error")
            assert answer["problem"]["code"] == "validation_failed"
            assert f"{wrong['type']}.name" in answer["problem"]["detail"]
        await say(socket, type="drive", text="Hello.")
        await heard(socket, "drive.finished")
    cues = house.stage.animator.cues
    assert cues.index(Act(standing=SAD)) < cues.index(Act(action=Action.SHAKE))


async def test_a_drive_is_performed_phrase_by_phrase_at_its_words(house: House) -> None:
    async with house.socket() as socket:
        await say(socket, type="drive", text=TEXT, performance=PERFORMANCE)
        await heard(socket, "drive.finished")
        wrong = {"cues": [{"at": {"text_offset": len(TEXT)}, "action": "nod"}]}
        await say(socket, type="drive", text=TEXT, performance=wrong, event_id="e1")
        answer = await heard(socket, "error")
        assert "performance.cues.0.at.text_offset" in answer["problem"]["detail"]
    performed = [one for one in house.stage.animator.cues if isinstance(one, Gestures)]
    assert performed == [
        Gestures((Gesture(0, HAPPY), Gesture(100_000, None, Action.NOD))),
        Gestures((Gesture(0, HAPPY), Gesture(0, SAD))),
    ]
    assert house.stage.animator.cues.count(UtteranceEnd()) == 2


async def test_a_text_that_is_written_is_performed_at_its_words(house: House) -> None:
    async with house.socket() as socket:
        await say(socket, type="text.delta", text=TEXT[:9], performance=PERFORMANCE)
        await say(socket, type="text.delta", text=TEXT[9:], performance={}, event_id="e1")
        answer = await heard(socket, "error")
        assert (answer["in_reply_to"], answer["problem"]["code"]) == ("e1", "validation_failed")
        await say(socket, type="text.delta", text=TEXT[9:])
        await say(socket, type="text.end")
        await heard(socket, "drive.finished")
    performed = [one for one in house.stage.animator.cues if isinstance(one, Gestures)]
    gestures = [gesture for one in performed for gesture in one.items]
    assert [one.action for one in gestures if one.action] == [Action.NOD]
    assert [one.expression for one in gestures if one.expression][-1] == SAD


async def test_sound_that_is_sent_is_performed_at_its_times(house: House) -> None:
    async with house.socket() as socket:
        performance = {"cues": [{"at": {"time_ms": 200}, "action": "tilt"}]}
        await say(socket, type="audio.start", sample_rate=16_000, performance=performance)
        await heard(socket, "drive.accepted")
        await socket.send(voice(1.0, 16_000))
        await say(socket, type="audio.end")
        await heard(socket, "drive.finished")
        await say(socket, type="audio.start", sample_rate=16_000, performance=PERFORMANCE)
        answer = await heard(socket, "error")
        assert "use time_ms" in answer["problem"]["detail"]
    performed = [one for one in house.stage.animator.cues if isinstance(one, Gestures)]
    assert performed == [Gestures((Gesture(200_000, None, Action.TILT),))]


async def test_what_was_asked_is_told(client: httpx.AsyncClient, avatar_id: str) -> None:
    backgrounds: list[Json] = [
        {"type": "original"},
        {"type": "colour", "colour": "#00b140"},
        {"type": "blur", "strength": 0.25},
        {"type": "image", "asset_id": await image(client)},
    ]
    for background in backgrounds:
        output = {"background": background}
        body = video(avatar_id, performance=PERFORMANCE, output=output)
        made = (await client.post("/v1/videos", json=body)).json()
        told = (await client.get(f"/v1/videos/{made['id']}")).json()
        assert told["background"] == background
        assert told["performance"]["expression"] == {"name": "happy", "strength": 1.0}
        assert [cue["at"]["text_offset"] for cue in told["performance"]["cues"]] == [17, None]
        stream = {
            "avatar_id": avatar_id,
            "background": background,
            "expression": {"name": "sad", "strength": 0.5},
        }
        made = (await client.post("/v1/streams", json=stream)).json()
        told = (await client.get(f"/v1/streams/{made['id']}")).json()
        assert told["background"] == background
        assert told["expression"] == stream["expression"]


async def test_without_a_wish_the_original_is_told(
    client: httpx.AsyncClient, avatar_id: str
) -> None:
    made = (await client.post("/v1/videos", json=video(avatar_id))).json()
    assert (made["performance"], made["background"]) == (None, {"type": "original"})
