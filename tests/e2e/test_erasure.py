"""What is deleted is followed into every store, each opened as it lies."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3

from minio import Minio

from services.common.jetstream import DEAD_STREAM, JOBS_STREAM, connect
from tests.e2e.conftest import PORTRAIT, Api, Stack, eventually

SAID = "Forty purple walruses applauded"
NAME = "Theodora Winterbottom"
MAY_NAME = {
    "audit_entries",
    "consents",
    "erasures",
    "idempotency_keys",
    "videos",
}
"""Tables that may hold the ids, as ids: who did what, what was erased, and what is still to go."""


def objects(stack: Stack) -> set[str]:
    """Every object that lies in the store."""
    keys = json.loads((stack.home / "secrets" / "s3.json").read_text("utf-8"))
    address = stack.process("s3")["address"]
    client = Minio(address, keys["access_key"], keys["secret_key"], secure=False)
    return {
        f"{bucket.name}/{found.object_name}"
        for bucket in client.list_buckets()
        for found in client.list_objects(bucket.name, recursive=True)
    }


def rows(stack: Stack, *ids: str) -> dict[str, list[str]]:
    """By table, the rows in which one of the ids stands anywhere."""
    with sqlite3.connect(stack.home / "data" / "catalog.sqlite") as database:
        tables = [
            row[0]
            for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        found = {
            table: [str(row) for row in database.execute(f'SELECT * FROM "{table}"')]  # noqa: S608
            for table in tables
        }
    database.close()
    return {
        table: [row for row in told if any(one in row for one in ids)]
        for table, told in found.items()
        if any(one in row for row in told for one in ids)
    }


def messages(stack: Stack) -> list[bytes]:
    """Everything that lies in the streams of the message server."""

    async def read() -> list[bytes]:
        found = []
        async with connect(f"nats://{stack.process('nats')['address']}", name="test") as client:
            js = client.jetstream()
            for stream in (JOBS_STREAM, DEAD_STREAM):
                state = (await js.stream_info(stream)).state
                for seq in range(state.first_seq, state.last_seq + 1 if state.messages else 0):
                    found.append((await js.get_msg(stream, seq)).data or b"")
        return found

    return asyncio.run(read())


def files(stack: Stack) -> bytes:
    """The logs, packed or not, and the database as it lies on the disk."""
    logs = stack.home / "logs"
    packed = b"".join(gzip.decompress(path.read_bytes()) for path in logs.glob("*.gz"))
    plain = b"".join(path.read_bytes() for path in logs.glob("*.log"))
    data = b"".join(path.read_bytes() for path in (stack.home / "data").glob("catalog.sqlite*"))
    return packed + plain + data


def made(api: Api) -> tuple[str, str]:
    """An avatar and a finished video of it."""
    face = api.upload("/v1/avatars", "image", PORTRAIT, name=NAME, subject_authorised="true")["id"]
    eventually("the avatar", lambda: api.get(f"/v1/avatars/{face}")["status"] == "ready")
    video = api.ended(api.video(face, f"{SAID}."))
    assert video["status"] == "succeeded"
    return str(face), str(video["id"])


def test_of_a_deleted_video_and_avatar_nothing_is_left_anywhere(stack: Stack) -> None:
    before = objects(stack)
    with stack.api(stack.account("erased")) as api:
        face, video_id = made(api)
        assert len(objects(stack) - before) >= 6
        cache = stack.home / "cache" / "lipsync"
        assert [path for path in cache.iterdir() if face in path.name]
        for path in (f"/v1/videos/{video_id}", f"/v1/avatars/{face}"):
            assert api.http.delete(path).is_success
    eventually("the end of the objects", lambda: not objects(stack) - before)

    left = rows(stack, face, video_id)
    assert set(left) <= MAY_NAME, left
    assert SAID not in str(left)
    assert NAME not in str(left)
    assert len([row for row in left["videos"] if video_id in row]) == 1
    assert not [one for one in messages(stack) if video_id.encode() in one or face.encode() in one]
    assert SAID.encode() not in files(stack)
    # SQLite's log of changes is written over within a minute, when nobody reads in it.
    eventually("the end of the name", lambda: NAME.encode() not in files(stack))

    # It compares its cache with the store when it starts, and every five minutes.
    stack.kill("lipsync")
    eventually("an empty cache", lambda: not [p for p in cache.iterdir() if face in p.name])
