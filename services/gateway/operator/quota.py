"""How much an account may: an operator sees its limits, and sets them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import grpc

from services.gateway.clients.usage import GrpcUsage
from services.gateway.usage import Quota

NAME = "quota"
HELP = "how much an account may"
_NONE, _DEFAULT = "none", "default"
_S_PER_MINUTE = 60
_OPTIONS = {
    "--videos-at-once": ("videos_at_once", 1),
    "--streams-at-once": ("streams_at_once", 1),
    "--video-minutes-a-month": ("video_s_a_month", _S_PER_MINUTE),
    "--stream-minutes-a-month": ("stream_s_a_month", _S_PER_MINUTE),
    "--speech-minutes-a-month": ("speech_s_a_month", _S_PER_MINUTE),
    "--stored-bytes": ("stored_bytes", 1),
}
_SET = "set"


class OperatorsQuotas(Protocol):
    """Limits, as operators see them."""

    async def quotas(self, account_id: str) -> Sequence[Quota]:
        """Every limit. Raises AccountNotFound."""

    async def set_quotas(
        self, account_id: str, limits: Mapping[str, int | None], *, unset: Collection[str]
    ) -> Sequence[Quota]:
        """Sets limits (None: no limit); those of `unset` are the defaults again.

        Raises AccountNotFound, InvalidInput.
        """


def describe(parser: argparse.ArgumentParser) -> None:
    """Adds the commands."""
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="show every limit, and how much of it is used")
    show.add_argument("account_id")
    change = commands.add_parser(_SET, help=f"a number, {_NONE} or {_DEFAULT}")
    change.add_argument("account_id")
    for option, (name, unit) in _OPTIONS.items():
        change.add_argument(option, dest=name, type=_limit(unit))


async def run(arguments: argparse.Namespace, channel: grpc.aio.Channel) -> list[str]:
    """Carries a command out; the lines to print."""
    return await lines(arguments, GrpcUsage(channel))


async def lines(arguments: argparse.Namespace, quotas: OperatorsQuotas) -> list[str]:
    """What a command prints. Raises AccountNotFound, InvalidInput."""
    if arguments.command != _SET:
        return list(map(_line, await quotas.quotas(arguments.account_id)))
    given = {name: getattr(arguments, name) for name, _ in _OPTIONS.values()}
    limits = {
        name: None if value == _NONE else value
        for name, value in given.items()
        if value not in (None, _DEFAULT)
    }
    unset = [name for name, value in given.items() if value == _DEFAULT]
    told = await quotas.set_quotas(arguments.account_id, limits, unset=unset)
    return list(map(_line, told))


def _limit(unit: int) -> Callable[[str], int | str]:
    def limit(text: str) -> int | str:
        return text if text in (_NONE, _DEFAULT) else int(text) * unit

    return limit


def _line(quota: Quota) -> str:
    limit = _NONE if quota.limit is None else str(quota.limit)
    origin = "" if quota.is_own else f"  ({_DEFAULT})"
    return f"{quota.name:<18} {quota.used:>12} of {limit}{origin}"
