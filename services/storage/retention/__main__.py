"""Sweeps by hand: `python -m services.storage.retention sweep [--dry-run] [--at TIME]`.

It works by storage's settings, beside storage or without it. Prints a table, or JSON with `--json`.
The exit status is 0 when all went well, 1 when some of it failed or another process sweeps.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TextIO

from pydantic import ValidationError

from services.common.errors import DomainError, StartupError
from services.storage.app import open_store
from services.storage.audit.checkpoints import Checkpoints
from services.storage.catalog.certificates import open_signer
from services.storage.catalog.database import open_database
from services.storage.protection.keyring import Keyring
from services.storage.protection.keys import DataKeys
from services.storage.protection.master import open_key_file
from services.storage.retention.parts import retention_of
from services.storage.retention.sweeper import Report
from services.storage.settings import StorageSettings

DONE, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None, out: TextIO = sys.stdout) -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m services.storage.retention")
    sweep = parser.add_subparsers(dest="command", required=True).add_parser(
        "sweep", help="delete what was kept long enough"
    )
    sweep.add_argument("--dry-run", action="store_true", help="look, and delete nothing")
    sweep.add_argument("--at", type=_time, help="as if it were then; ahead only with --dry-run")
    sweep.add_argument("--json", action="store_true", help="print the report as JSON")
    told = parser.parse_args(arguments)
    try:
        report = asyncio.run(_report(told, StorageSettings.load()))
    except (StartupError, ValidationError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    except DomainError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    lines = [json.dumps(report.as_json(), indent=1)] if told.json else _table(report)
    out.writelines(f"{line}\n" for line in lines)
    return FAILED if any(one.error for one in report.items) else DONE


async def _report(told: argparse.Namespace, settings: StorageSettings) -> Report:
    async with open_database(settings.database, connections=2) as database:
        keys = Keyring(database, DataKeys(open_key_file(settings.master_key, make=False)))
        signer = open_signer(settings.signing_key)
        with open_store(settings, keys) as store:
            retention = retention_of(
                database,
                Checkpoints(database, signer),
                store,
                periods=settings.periods,
                every_s=settings.sweep_every_s,
            )
            if told.dry_run:
                return await retention.sweeper.look(told.at)
            return await retention.sweeper.sweep(told.at)


def _time(text: str) -> datetime:
    """A point in time; without a zone it is in UTC."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _table(report: Report) -> Iterator[str]:
    yield f"{'dry run' if report.dry_run else 'sweep'} at {report.at.isoformat()}"
    yield f"{'rule':<18} {'found':>8} {'deleted':>8}  oldest"
    for one in report.items:
        oldest = one.oldest.isoformat(timespec="seconds") if one.oldest else "-"
        yield f"{one.rule:<18} {one.found:>8} {one.deleted:>8}  {oldest}  {one.error}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
