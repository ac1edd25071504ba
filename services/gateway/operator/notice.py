"""What the operator tells accounts: `notice send`, `notice show`."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.common.errors import InvalidInput
from services.gateway.clients.notices import GrpcNotices
from services.gateway.http.notices import notice_json
from services.gateway.notices import (
    Audience,
    NewNotice,
    NoticeKind,
    NoticeText,
    OperatorsNotices,
    SentNotice,
)

NAME = "notice"
HELP = "tell accounts of an incident or a change, and see how it reached them"


class _Text(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: str
    situation: str = ""
    impact: str = ""
    measures: str = ""
    remedies: str = ""
    contact: str = ""


class _Texts(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    zh: _Text | None = Field(default=None)
    en: _Text | None = Field(default=None)


def describe(parser: argparse.ArgumentParser) -> None:
    """Adds the commands."""
    commands = parser.add_subparsers(dest="command", required=True)
    send = commands.add_parser("send", help="tell all accounts, or some")
    send.add_argument("--operator", required=True, help="who you are; kept with the notice")
    send.add_argument("--kind", choices=["incident", "other"], default="incident")
    send.add_argument(
        "--file",
        type=Path,
        required=True,
        help='JSON: {"zh": {"title", "situation", "impact", "measures", "remedies"}, "en": …}',
    )
    send.add_argument("--to", action="append", default=[], help="an account's id; repeat for more")
    send.add_argument(
        "--active-from",
        type=datetime.fromisoformat,
        help="only accounts that made something since then (RFC 3339)",
    )
    send.add_argument(
        "--active-until", type=datetime.fromisoformat, help="and before then (RFC 3339)"
    )
    show = commands.add_parser(
        "show", help="what was said, to whom, when, and how it arrived: a report, as JSON"
    )
    show.add_argument("notice_id")


async def run(arguments: argparse.Namespace, channel: grpc.aio.Channel) -> list[str]:
    """Carries a command out; the lines to print."""
    return await lines(arguments, GrpcNotices(channel))


async def lines(arguments: argparse.Namespace, notices: OperatorsNotices) -> list[str]:
    """What a command prints. Raises InvalidInput, AccountNotFound, NoticeNotFound."""
    if arguments.command == "show":
        return [
            json.dumps(report(await notices.get(arguments.notice_id)), ensure_ascii=False, indent=2)
        ]
    audience = Audience(
        tuple(arguments.to), _zoned(arguments.active_from), _zoned(arguments.active_until)
    )
    new = NewNotice(
        NoticeKind(arguments.kind),
        _texts(arguments.file),
        f"operator:{arguments.operator}",
        audience,
    )
    notice, recipients = await notices.send(new)
    return [f"{notice.id}  told {recipients} accounts"]


def report(sent: SentNotice) -> dict[str, Any]:
    """A notice, whom it reached and how, as a regulator may ask for it."""
    return {
        **notice_json(sent.notice),
        "sent_by": sent.notice.sent_by,
        "accounts": {
            account_id: {"read_at": read_at.isoformat() if read_at else None}
            for account_id, read_at in sent.read_at.items()
        },
        "deliveries": [
            {
                "account_id": one.account_id,
                "channel": one.channel.value,
                "status": one.status,
                "attempts": one.attempts,
                "outcome": one.outcome,
                "finished_at": one.finished_at.isoformat() if one.finished_at else None,
            }
            for one in sent.deliveries
        ],
    }


def _texts(path: Path) -> dict[str, NoticeText]:
    try:
        told = _Texts.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}") from error
    except ValidationError as error:
        raise InvalidInput(f"{path}: {error}") from error
    texts = {"zh": told.zh, "en": told.en}
    return {language: NoticeText(**text.model_dump()) for language, text in texts.items() if text}


def _zoned(when: datetime | None) -> datetime | None:
    if when is not None and when.tzinfo is None:
        raise InvalidInput("say the zone with the time, such as 2026-12-01T00:00:00+08:00")
    return when
