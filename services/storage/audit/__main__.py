"""Verifies the audit: `python -m services.storage.audit verify`.

By storage's settings it reads the database; with `--export FILE` it needs that file and the
operator's public key alone. The exit status is 0 when all is whole, 1 when something is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TextIO

from pydantic import ValidationError

from services.common.errors import DomainError, StartupError
from services.storage.audit.chain import Broken
from services.storage.audit.export import verify_export, verify_log
from services.storage.audit.trail import Trail
from services.storage.catalog.certificates import open_signer
from services.storage.catalog.database import open_database
from services.storage.settings import StorageSettings

WHOLE, BROKEN, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None, out: TextIO = sys.stdout) -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m services.storage.audit")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("key", help="print the public key that checkpoints are signed with")
    verify = commands.add_parser("verify", help="walk the chains and say where one breaks")
    verify.add_argument("--account", help="only this account's chain; '' is the operator's")
    verify.add_argument("--export", type=Path, help="an exported file instead of the database")
    verify.add_argument("--public-key", action="append", help="base64, for --export; may repeat")
    verify.add_argument("--log", type=Path, help="a log of storage, to compare its checkpoints")
    told = parser.parse_args(arguments)
    if told.command == "verify" and bool(told.export) != bool(told.public_key):
        parser.error("--export and --public-key, as the operator publishes it, go together")
    if told.command == "verify" and told.export and (told.log or told.account is not None):
        parser.error("--account and --log are for the database")
    try:
        if told.command == "key":
            out.write(f"{base64.b64encode(_own_key(StorageSettings.load())).decode()}\n")
            return WHOLE
        if told.export:
            keys = [base64.b64decode(key, validate=True) for key in told.public_key]
            return _verify_file(told.export, keys, out)
        return asyncio.run(_verify_database(told.account, told.log, out))
    except (DomainError, StartupError, ValidationError, OSError, binascii.Error) as error:
        sys.stderr.write(f"{error}\n")
        return USAGE


def _own_key(settings: StorageSettings) -> bytes:
    if not settings.signing_key.exists():
        raise StartupError(f"there is no signing key {settings.signing_key}")
    return open_signer(settings.signing_key).public_key


def _verify_file(path: Path, keys: Collection[bytes], out: TextIO) -> int:
    with path.open(encoding="utf-8") as lines:
        try:
            account_id, head = verify_export(lines, keys)
        except Broken as broken:
            return _say(out, f"{path}", broken)
    out.write(f"{_name(account_id)}: whole, up to entry {head.seq}\n")
    return WHOLE


async def _verify_database(account_id: str | None, log: Path | None, out: TextIO) -> int:
    settings = StorageSettings.load()
    status = WHOLE
    async with open_database(settings.database, connections=2) as database:
        trail = Trail(database, (_own_key(settings),))
        for chain in [account_id] if account_id is not None else await trail.chains():
            status = max(status, await _verify_chain(trail, chain, log, out))
    return status


async def _verify_chain(trail: Trail, account_id: str, log: Path | None, out: TextIO) -> int:
    verdict = await trail.verify(account_id)
    if verdict.problem:
        return _say(out, _name(account_id), Broken(verdict.broken_seq, verdict.problem))
    agreed = ""
    if log is not None:
        hashes = {entry.seq: entry.hash async for entry in trail.entries(account_id)}
        try:
            with log.open(encoding="utf-8", errors="replace") as lines:
                agreed = f", {verify_log(lines, account_id, hashes)} checkpoints of the log agree"
        except Broken as broken:
            return _say(out, _name(account_id), broken)
    out.write(
        f"{_name(account_id)}: whole, entries {verdict.first_seq} to {verdict.last_seq}, "
        f"signed up to {verdict.checkpoint_seq}{agreed}\n"
    )
    return WHOLE


def _say(out: TextIO, name: str, broken: Broken) -> int:
    place = f" at entry {broken.seq}" if broken.seq else ""
    out.write(f"{name}: BROKEN{place}: {broken.what}\n")
    return BROKEN


def _name(account_id: str) -> str:
    return account_id or "the operator's chain"


if __name__ == "__main__":
    sys.exit(main())
