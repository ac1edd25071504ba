"""The end of the service: `shutdown plan`, `shutdown show`, `shutdown cancel`."""

from __future__ import annotations

import argparse
from datetime import datetime

import grpc

from services.common.errors import InvalidInput
from services.gateway.clients.notices import GrpcStandings
from services.gateway.standing import NOBODY, OperatorsStandings, Shutdown

NAME = "shutdown"
HELP = "end the service: say so, take nothing new, erase all"


def describe(parser: argparse.ArgumentParser) -> None:
    """Adds the commands."""
    commands = parser.add_subparsers(dest="command", required=True)
    plan = commands.add_parser("plan", help="set the dates, and tell every account")
    plan.add_argument("--operator", required=True, help="who you are; kept with the plan")
    for name, what in (("stop", "nothing new is taken"), ("erase", "all is erased")):
        plan.add_argument(
            f"--{name}", type=datetime.fromisoformat, required=True, help=f"when {what} (RFC 3339)"
        )
    commands.add_parser("show", help="show the dates")
    cancel = commands.add_parser("cancel", help="take it back, and tell every account")
    cancel.add_argument("--operator", required=True, help="who you are")


async def run(arguments: argparse.Namespace, channel: grpc.aio.Channel) -> list[str]:
    """Carries a command out; the lines to print."""
    return await lines(arguments, GrpcStandings(channel))


async def lines(arguments: argparse.Namespace, standings: OperatorsStandings) -> list[str]:
    """What a command prints. Raises InvalidInput, StateConflict."""
    match arguments.command:
        case "plan":
            if arguments.stop.tzinfo is None or arguments.erase.tzinfo is None:
                raise InvalidInput("say the zone with times, such as 2026-12-01T00:00:00+08:00")
            planned = await standings.plan_shutdown(
                stop_at=arguments.stop,
                erase_at=arguments.erase,
                planned_by=f"operator:{arguments.operator}",
            )
            return [_line(planned)]
        case "cancel":
            await standings.cancel_shutdown(cancelled_by=f"operator:{arguments.operator}")
            return ["the service goes on"]
        case _:
            shutdown = (await standings.standing(NOBODY)).shutdown
            return [_line(shutdown) if shutdown else "the service goes on"]


def _line(shutdown: Shutdown) -> str:
    return (
        f"{shutdown.phase}  stops {shutdown.stop_at.isoformat()}  "
        f"erases {shutdown.erase_at.isoformat()}  planned by {shutdown.planned_by}"
    )
