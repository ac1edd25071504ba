"""`python -m services.storage.audit`: what an operator, or anybody with an export, can find out."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.engine import URL

from services.storage.audit.__main__ import main
from services.storage.audit.chain import Entry, Link, canonical
from services.storage.audit.ledger import NewEntry
from services.storage.audit.parts import Audit, audit_of
from services.storage.audit.tables import audit_entries, audit_heads
from services.storage.catalog.certificates import open_signer
from tests.contract.storage.catalog.conftest import House

ACCOUNT = "ac_1"


@pytest.fixture
async def audit(house: House, url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """A chain of five, signed; and the settings of its storage."""
    key = tmp_path / "certificates.pem"
    for name, value in {
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "SIGNING_KEY_FILE": str(key),
        "S3_ENDPOINT": "127.0.0.1:1",
        "S3_ACCESS_KEY": "none",
        "S3_SECRET_KEY": "none",
    }.items():
        monkeypatch.setenv(f"VULTUS_STORAGE_{name}", value)
    audit = audit_of(house.database, open_signer(key), house.objects)
    entries = [NewEntry(ACCOUNT, "key_1", f"act_{n}", "vd_1", reason='é\\"说') for n in range(5)]
    await audit.ledger.record(entries)
    await audit.checkpoints.sign()
    return audit


async def command(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    return await asyncio.to_thread(main, arguments, out), out.getvalue()


def save(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


async def exported(audit: Audit, path: Path) -> list[str]:
    parts = [part async for part in audit.trail.export(ACCOUNT, audit.signer)]
    lines = b"".join(parts).decode().removesuffix("\n").split("\n")
    save(path, lines)
    return lines


async def verified(audit: Audit, path: Path, lines: list[str]) -> tuple[int, str]:
    save(path, lines)
    key = base64.b64encode(audit.signer.public_key).decode()
    status, told = await command("verify", "--export", str(path), "--public-key", key)
    return status, told.strip().rpartition(": ")[2]


async def test_the_database_is_verified_by_storage_s_settings(house: House, audit: Audit) -> None:
    assert await command("verify") == (0, "ac_1: whole, entries 1 to 5, signed up to 5\n")
    await audit.ledger.record([NewEntry("", "operator:ada", "look", "vd_1", reason="because")])
    async with house.database.write() as tx:
        this = update(audit_entries).where(audit_entries.c.account_id == ACCOUNT)
        await tx.execute(this.where(audit_entries.c.seq == 2).values(target="vd_2"))
    assert await command("verify") == (
        1,
        "the operator's chain: whole, entries 1 to 1, signed up to 0\n"
        "ac_1: BROKEN at entry 2: the entry was changed\n",
    )
    assert (await command("verify", "--account", ""))[0] == 0
    assert (await command("key"))[1].strip() == base64.b64encode(audit.signer.public_key).decode()


async def test_old_logs_tell_of_a_tail_that_was_cut_off_with_its_signature(
    house: House, audit: Audit, tmp_path: Path
) -> None:
    log, entries = tmp_path / "storage.log", [e async for e in audit.trail.entries(ACCOUNT)]
    told = {"event": "audit.checkpoint", "account_id": ACCOUNT, "seq": 5, "hash": entries[4].hash}
    log.write_text(f"no JSON\n[]\n{json.dumps(told)}\n{json.dumps({**told, 'seq': 99})}\n", "utf-8")
    status, line = await command("verify", "--log", str(log))
    assert (status, line.strip().rpartition(", ")[2]) == (0, "1 checkpoints of the log agree")
    async with house.database.write() as tx:
        await tx.execute(delete(audit_entries).where(audit_entries.c.seq == 5))
        head = {"seq": 4, "hash": entries[3].hash, "checkpoint": None, "checkpoint_seq": 0}
        await tx.execute(update(audit_heads).values(head))
    await audit.ledger.record([NewEntry(ACCOUNT, "key_1", "act_9", "vd_1")])
    await audit.checkpoints.sign()
    assert (await command("verify"))[0] == 0
    assert await command("verify", "--log", str(log)) == (
        1,
        "ac_1: BROKEN at entry 5: the chain is not the one that the log tells of\n",
    )


async def test_an_export_is_verified_without_the_database(audit: Audit, tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    lines = await exported(audit, path)
    assert len(lines) == 6
    assert await verified(audit, path, lines) == (0, "whole, up to entry 5")
    changed = lines[1].replace("act_1", "act_9")
    forged = json.loads(lines[4])
    del forged["hash"]
    entry = Entry.of_json({**forged, "action": "act_9", "hash": ""})
    made = canonical({**entry.as_json(), "hash": entry.computed_hash()}).decode()
    for bad, told in (
        ([lines[0], changed, *lines[2:]], "the entry was changed"),
        ([*lines[:2], *lines[3:]], "1 entries are missing"),
        ([lines[0], lines[2], lines[1], *lines[3:]], "1 entries are missing"),
        ([*lines[:3], lines[2], *lines[3:]], "the entry stands in the wrong place"),
        (lines[:5], "the signed head is missing"),
        ([*lines[:4], lines[5]], "the chain was signed up to entry 5, and is another"),
        ([*lines[:4], made, lines[5]], "the chain was signed up to entry 5, and is another"),
        ([*lines[:5], lines[5].replace("ac_1", "ac_2")], "the audit_head is of something else"),
        ([*lines, lines[0]], "lines follow the signed head"),
        ([lines[0], "[]"], "a line is no JSON object"),
        ([lines[0], '{"seq": 2}'], "a line is no entry"),
        ([], "the signed head is missing"),
    ):
        assert await verified(audit, path, bad) == (1, told)


async def test_another_s_signature_is_worth_nothing(audit: Audit, tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    await exported(audit, path)
    other = base64.b64encode(open_signer(tmp_path / "other.pem").public_key).decode()
    status, told = await command("verify", "--export", str(path), "--public-key", other)
    assert (status, told.strip().rpartition(": ")[2]) == (
        1,
        "the audit_head is not signed by the operator's key",
    )


async def test_an_export_of_what_was_left_begins_with_an_anchor(
    house: House, audit: Audit, tmp_path: Path
) -> None:
    async with house.database.read() as tx:
        now = await tx.now()
    house.clock.advance(days=1)
    await audit.ledger.record([NewEntry(ACCOUNT, "key_1", "act_6", "vd_1")])
    async with house.database.read() as tx:
        assert await audit.checkpoints.prune(max(now, await tx.now()).replace(microsecond=0)) == 5
    path = tmp_path / "export.jsonl"
    lines = await exported(audit, path)
    assert json.loads(lines[0])["type"] == "audit_anchor"
    assert await verified(audit, path, lines) == (0, "whole, up to entry 6")
    assert (await verified(audit, path, lines[1:]))[0] == 1
    assert (await verified(audit, path, [lines[0], lines[0], *lines[1:]]))[0] == 1


def test_the_encoding_is_the_one_that_the_documentation_gives() -> None:
    page = (Path(__file__).parents[4] / "docs" / "audit.md").read_text("utf-8")
    told = next(line for line in page.splitlines() if line.startswith('{"account_id"'))
    entry = Entry.of_json({**json.loads(told), "hash": ""})
    assert canonical(entry.as_json()).decode() == told
    assert entry.computed_hash() in page
    assert entry.link == Link(1, "")
