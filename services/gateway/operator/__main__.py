"""What operators do: `python -m services.gateway.operator NOUN COMMAND`.

Talks to storage, whose address is the gateway's setting.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from pydantic import ValidationError

from services.common.errors import DomainError
from services.common.grpc_client import open_channel
from services.gateway.operator import (
    media,
    notice,
    privacy_policy,
    quota,
    requests,
    shutdown,
    subject,
)
from services.gateway.settings import GatewaySettings

_NOUNS = (media, notice, privacy_policy, quota, requests, shutdown, subject)
"""Modules with a NAME, `describe`, and `run`."""


def main() -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m services.gateway.operator")
    nouns = parser.add_subparsers(dest="noun", required=True)
    for noun in _NOUNS:
        noun.describe(nouns.add_parser(noun.NAME, help=noun.HELP))
    arguments = parser.parse_args()
    try:
        return asyncio.run(_run(arguments, GatewaySettings.load()))
    except (DomainError, ValidationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
    return 1


async def _run(arguments: argparse.Namespace, settings: GatewaySettings) -> int:
    noun = next(noun for noun in _NOUNS if arguments.noun == noun.NAME)
    async with open_channel(settings.storage_address) as channel:
        for line in await noun.run(arguments, channel):
            sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
