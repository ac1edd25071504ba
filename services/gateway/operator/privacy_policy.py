"""Versions of the privacy policy: `privacy-policy publish`, `privacy-policy list`."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

import grpc
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from services.common.errors import InvalidInput
from services.gateway.clients.notices import GrpcStandings
from services.gateway.standing import (
    ChangeKind,
    NewPrivacyPolicy,
    OperatorsStandings,
    PolicyChange,
    PrivacyPolicy,
)

NAME = "privacy-policy"
HELP = "publish a version of the privacy policy, and list what was published"


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: ChangeKind
    zh: str | None = None
    en: str | None = None


_CHANGES = TypeAdapter(list[_Change])


def describe(parser: argparse.ArgumentParser) -> None:
    """Adds the commands."""
    commands = parser.add_subparsers(dest="command", required=True)
    publish = commands.add_parser("publish", help="publish a version; it can't be changed again")
    publish.add_argument("--operator", required=True, help="who you are; kept with the version")
    publish.add_argument("--version", required=True, help="its name, such as 2026-12")
    publish.add_argument("--zh", type=Path, help="its Chinese text, Markdown")
    publish.add_argument("--en", type=Path, help="its English text, Markdown")
    publish.add_argument(
        "--effective",
        type=datetime.fromisoformat,
        required=True,
        help="when it takes effect (RFC 3339)",
    )
    publish.add_argument(
        "--changes",
        type=Path,
        help='JSON: [{"kind": "purpose|means|kind_of_data|other", "zh": …, "en": …}]',
    )
    publish.add_argument(
        "--material", action="store_true", help="has it accepted whatever the changes are"
    )
    commands.add_parser("list", help="list the versions, newest first")


async def run(arguments: argparse.Namespace, channel: grpc.aio.Channel) -> list[str]:
    """Carries a command out; the lines to print."""
    return await lines(arguments, GrpcStandings(channel))


async def lines(arguments: argparse.Namespace, standings: OperatorsStandings) -> list[str]:
    """What a command prints. Raises InvalidInput, StateConflict."""
    if arguments.command == "list":
        return [_line(policy) for policy in await standings.privacy_policies()]
    if arguments.effective.tzinfo is None:
        raise InvalidInput("say the zone with the time, such as 2026-12-01T00:00:00+08:00")
    files = {"zh": arguments.zh, "en": arguments.en}
    new = NewPrivacyPolicy(
        version=arguments.version,
        texts={language: _text(path) for language, path in files.items() if path},
        changes=_changes(arguments.changes),
        material=arguments.material,
        effective_at=arguments.effective,
        published_by=f"operator:{arguments.operator}",
    )
    return [_line(await standings.publish(new))]


def _changes(path: Path | None) -> tuple[PolicyChange, ...]:
    if path is None:
        return ()
    try:
        changes = _CHANGES.validate_json(_text(path))
    except ValidationError as error:
        raise InvalidInput(f"{path}: {error}") from error
    return tuple(
        PolicyChange(
            change.kind, {k: v for k, v in (("zh", change.zh), ("en", change.en)) if v is not None}
        )
        for change in changes
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"{path} can't be read: {error}") from error


def _line(policy: PrivacyPolicy) -> str:
    asks = "  has to be accepted" if policy.material else ""
    return f"{policy.version}  from {policy.effective_at.isoformat()}  {policy.sha256}{asks}"
