"""The operator's accounts: `python -m services.gateway.accounts create NAME`.

Talks to storage, whose address is the gateway's setting.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from pydantic import ValidationError

from services.common.errors import DomainError
from services.common.grpc_client import open_channel
from services.gateway.clients.accounts import GrpcAccounts
from services.gateway.identity import NewApiKey
from services.gateway.permissions import EVERYTHING
from services.gateway.settings import GatewaySettings


def main() -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m services.gateway.accounts")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make an account and its first API key")
    create.add_argument("name")
    commands.add_parser("list", help="list the accounts")
    keys = commands.add_parser("keys", help="list an account's API keys")
    keys.add_argument("account_id")
    key = commands.add_parser("key", help="make another API key for an account")
    key.add_argument("account_id")
    key.add_argument("name")
    revoke = commands.add_parser("revoke", help="end an API key")
    revoke.add_argument("account_id")
    revoke.add_argument("key_id")
    arguments = parser.parse_args()
    try:
        return asyncio.run(_run(arguments, GatewaySettings.load()))
    except ValidationError as error:
        sys.stderr.write(f"{error}\n")
    except DomainError as error:
        sys.stderr.write(f"{error}\n")
    return 1


async def _run(arguments: argparse.Namespace, settings: GatewaySettings) -> int:
    async with open_channel(settings.storage_address, settings.tls) as channel:
        for line in await _lines(arguments, GrpcAccounts(channel)):
            sys.stdout.write(f"{line}\n")
    return 0


async def _lines(arguments: argparse.Namespace, accounts: GrpcAccounts) -> list[str]:
    match arguments.command:
        case "create":
            account = await accounts.create_account(arguments.name)
            _, secret = await accounts.create_key(account.id, _key("first"))
            return [f"account {account.id}", f"key {secret}  (told once: keep it)"]
        case "key":
            key, secret = await accounts.create_key(arguments.account_id, _key(arguments.name))
            return [f"key {key.id} {secret}  (told once: keep it)"]
        case "keys":
            found = await accounts.list_keys(arguments.account_id)
            return [f"{k.id}  {k.prefix}…  {k.name}{_ended(k.revoked_at)}" for k in found]
        case "revoke":
            key = await accounts.revoke_key(arguments.account_id, arguments.key_id)
            return [f"{key.id}{_ended(key.revoked_at)}"]
        case _:
            return [f"{each.id}  {each.name}" for each in await accounts.list_accounts()]


def _key(name: str) -> NewApiKey:
    return NewApiKey(name, (EVERYTHING,), "operator")


def _ended(revoked_at: object) -> str:
    return f"  ended {revoked_at}" if revoked_at else ""


if __name__ == "__main__":
    sys.exit(main())
