"""Opens one file of a user's, for a reason that is recorded and that the owner can see."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path

import grpc

from services.gateway.audit.records import MediaRequest, OperatorAccess
from services.gateway.clients.audit import GrpcAudit

NAME = "media"
HELP = "open one file of a user's: it is recorded, and its owner is told"


def describe(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("target", help="a video's, an avatar's or an asset's id")
    parser.add_argument("--reason", required=True, help="why, in at least 20 characters")
    parser.add_argument("--operator", required=True, help="your name: letters, digits, . _ -")
    parser.add_argument("--out", required=True, type=Path, help="the file to write; a new one")
    parser.add_argument("--case", default="", help="the case that it belongs to")
    parser.add_argument("--legal-paper", default="", help="what the law demands it by")
    parser.add_argument(
        "--notice-not-before",
        type=_moment,
        help="when the owner is told at the earliest (ISO 8601); needs a legal paper",
    )


async def run(arguments: argparse.Namespace, channel: grpc.aio.Channel) -> list[str]:
    """Carries it out; the lines to print. Raises InvalidInput, NotFound, Unavailable."""
    asked = MediaRequest(
        target=arguments.target,
        operator=arguments.operator,
        reason=arguments.reason,
        case=arguments.case,
        legal_paper=arguments.legal_paper,
        notice_not_before=arguments.notice_not_before,
    )
    out: Path = arguments.out
    file = await asyncio.to_thread(out.open, "xb")
    try:
        with file:
            await asyncio.to_thread(out.chmod, 0o600)
            async with GrpcAudit(channel).open_media(asked) as (access, blocks):
                async for block in blocks:
                    await asyncio.to_thread(file.write, block)
    except BaseException:
        await asyncio.to_thread(out.unlink)
        raise
    return _lines(access, out)


def _lines(access: OperatorAccess, out: Path) -> list[str]:
    told = "is told" if access.notice_at <= access.at else f"is told at {access.notice_at}"
    return [
        f"{access.target} is in {out}",
        f"recorded as {access.id}; its owner, {access.account_id}, {told}",
    ]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
