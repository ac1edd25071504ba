"""`python -m services.storage.protection rewrap|encrypt`, with the settings of the service."""

from __future__ import annotations

import argparse
import asyncio
import sys

from services.common.errors import DomainError, StartupError
from services.common.logging import configure_logging
from services.storage.app import open_store
from services.storage.catalog.database import open_database
from services.storage.catalog.migrations import migrate
from services.storage.objects.spool import Spool
from services.storage.protection.keyring import Keyring
from services.storage.protection.keys import DataKeys
from services.storage.protection.master import Damaged, open_key_file
from services.storage.protection.upkeep import encrypt, rewrap, seal_rows
from services.storage.protection.vault import open_vault
from services.storage.settings import StorageSettings


async def run(command: str, settings: StorageSettings) -> int:
    """Does what is asked; how many keys were wrapped anew, or things encrypted."""
    master = open_key_file(settings.master_key, make=False)
    keys = DataKeys(master)
    async with open_database(
        settings.database, connections=2, ca_file=settings.database_ca_file
    ) as opened:
        await migrate(opened)
        database = opened.sealed_by(await open_vault(opened, master))
        if command == "rewrap":
            return await rewrap(database, keys)
        rows = await seal_rows(database)
        spool = Spool(settings.spool / "encrypt")
        await asyncio.to_thread(spool.clear)
        clear = settings.model_copy(update={"clear_objects": True})
        with open_store(clear, Keyring(database, keys)) as store:
            return rows + await encrypt(store, spool)


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m services.storage.protection")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("rewrap", help="wrap every data key by the newest master key")
    commands.add_parser("encrypt", help="encrypt what was stored in the clear")
    command = parser.parse_args().command
    settings = StorageSettings.load()
    configure_logging("storage", settings)
    try:
        done = asyncio.run(run(command, settings))
    except (Damaged, DomainError, StartupError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{done}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
